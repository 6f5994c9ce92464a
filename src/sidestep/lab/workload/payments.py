"""A small service with rules of its own: POST /api/v1/payments, as a business would have it (sources.md A)."""

from typing import Any
from uuid import uuid4

import msgspec

from sidestep.lab.workload.exchange import Asked, Headers

PATH = "/api/v1/payments"
WORK_SECONDS = 0.05
"""What it takes where the behaviour says nothing else."""
_CURRENCIES = ("EUR", "USD")
_LISTED = " or ".join(_CURRENCIES)


class Payment(msgspec.Struct, forbid_unknown_fields=False):
    """What is posted."""

    amount: float
    currency: str
    user_id: str


def pay(asked: Asked) -> tuple[int, dict[str, Any], Headers]:
    """Status, document and headers: 201 with the payment; 400 for what is no JSON, 405 for another method, 422 for a
    payment that is none, 404 for another path; 200 for GET / and /healthz.
    """
    path = asked.path.partition("?")[0]
    if path in {"/", "/healthz"}:
        return 200, {"service": "payments"}, ()
    if path != PATH:
        return 404, {"error": f"no such path: {path}"}, ()
    if asked.method != "POST":
        return 405, {"error": f"{asked.method} is not allowed"}, (("allow", "POST"),)
    try:
        tree = msgspec.json.decode(asked.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 400, {"error": "the body is no JSON"}, ()
    try:
        payment = msgspec.convert(tree, Payment)
    except msgspec.ValidationError as error:
        return 422, {"error": str(error)}, ()
    if payment.amount <= 0 or payment.currency not in _CURRENCIES or not payment.user_id:
        return 422, {"error": f"a payment has an amount above 0, a currency ({_LISTED}) and a user_id"}, ()
    number = str(uuid4())
    return 201, {"transaction_id": number, "status": "accepted"}, (("location", f"{PATH}/{number}"),)
