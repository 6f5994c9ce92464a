from msgspec import structs

from sidestep.lab.agent.load.tally import Tally, judge
from sidestep.lab.agent.messages import Edge, Outcome, Request

EDGE = Edge("a to b", "a", Request("http://b/"), rate=1)
OK = Outcome(ok=True, kind="ok", code=200, milliseconds=1.5, pod="shop/b-1")
REFUSED = Outcome(ok=False, kind="refused", detail="nobody listens")


def test_every_request_is_counted_once_and_the_first_failure_of_a_kind_is_kept():
    tally = Tally(EDGE)
    for number, outcome in enumerate((OK, REFUSED, OK, structs.replace(REFUSED, detail="second"))):
        tally.begun(0.001)
        tally.ended(number, outcome)
    result = tally.result(connections=3)
    assert (result.sent, result.ok, result.failures) == (4, 2, {"refused": 2})
    assert result.examples["refused"].at == 1
    assert result.examples["refused"].outcome.detail == "nobody listens"
    assert (result.pods, result.connections) == ({"shop/b-1": 2}, 3)
    assert (result.latency.count(), result.latency.largest, result.lag.count()) == (2, 1500, 4)


def test_an_answer_of_another_pod_is_a_failure():
    edge = structs.replace(EDGE, expect=("shop/b-",))
    assert judge(edge, OK).ok
    wrong = judge(edge, structs.replace(OK, pod="shop/c-1"))
    assert (wrong.ok, wrong.kind) == (False, "wrong-pod")
    assert "shop/c-1" in wrong.detail
    assert judge(edge, structs.replace(OK, pod="")).kind == "wrong-pod"


def test_a_refusal_stays_what_it_is_whoever_was_expected():
    assert judge(structs.replace(EDGE, expect=("shop/b-",)), REFUSED).kind == "refused"


def test_codes_that_are_accepted_are_no_failures_and_others_are():
    edge = structs.replace(EDGE, accept=(403,))
    denied = Outcome(ok=False, kind="http-403", code=403)
    assert judge(edge, denied).ok
    assert judge(edge, OK).kind == "http-200"
    assert judge(edge, REFUSED) == REFUSED
