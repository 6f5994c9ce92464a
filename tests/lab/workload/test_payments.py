import pytest

from sidestep.lab.workload.exchange import Asked, Peer
from sidestep.lab.workload.payments import pay

GOOD = b'{"amount": 100, "currency": "EUR", "user_id": "a-1"}'


def asked(body: bytes = GOOD, method: str = "POST", path: str = "/api/v1/payments") -> Asked:
    return Asked("HTTP/1.1", method, path, (), body, len(body), Peer("", ""))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (asked(), 201),
        (asked(path="/api/v1/payments?dry=1"), 201),
        (asked(b'{"amount": 1.5, "currency": "USD", "user_id": "a", "note": "more than is asked"}'), 201),
        (asked(b"{"), 400),
        (asked(b"\xff"), 400),
        (asked(b""), 400),
        (asked(method="GET"), 405),
        (asked(method="DELETE"), 405),
        (asked(b"[]"), 422),
        (asked(b'{"amount": "much", "currency": "EUR", "user_id": "a"}'), 422),
        (asked(b'{"amount": 0, "currency": "EUR", "user_id": "a"}'), 422),
        (asked(b'{"amount": 1, "currency": "GBP", "user_id": "a"}'), 422),
        (asked(b'{"amount": 1, "currency": "EUR", "user_id": ""}'), 422),
        (asked(path="/api/v1/payments/1"), 404),
        (asked(b"", "GET", "/healthz"), 200),
    ],
)
def test_payments(request_, status):
    assert pay(request_)[0] == status


def test_a_wrong_method_is_told_the_right_one():
    assert ("allow", "POST") in pay(asked(method="PUT"))[2]


def test_every_payment_has_a_number_of_its_own():
    numbers = {pay(asked())[1]["transaction_id"] for _ in range(20)}
    assert len(numbers) == 20
