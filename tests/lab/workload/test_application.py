import asyncio

import msgspec
import pytest

from sidestep.lab.workload.application import HOPS_HEADER, Application, Called, Share
from sidestep.lab.workload.containers import Behaviour
from sidestep.lab.workload.exchange import Asked, Peer, Reply, Who


class Callee:
    """Remembers what it was asked."""

    def __init__(self, *, ok: bool = True) -> None:
        self.asked, self._ok = [], ok

    async def call(self, url, headers, seconds):
        self.asked.append((url, dict(headers)))
        return Called(url, self._ok, "ok" if self._ok else "refused", 200 if self._ok else -1, "shop/b", 1.0)


def asked(path="/", **headers):
    given = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Asked("HTTP/1.1", "GET", path, given, b"", 0, Peer("10.0.0.9:5", "10.0.0.1:80"))


def answered(behaviour, request, callee=None) -> Reply:
    reply = Application(Who("a", "shop"), behaviour, callee or Callee()).answer(request)
    if isinstance(reply, Reply):
        return reply

    async def wait():
        return await reply

    return asyncio.run(wait())


def test_it_tells_what_it_saw_and_who_it_is():
    reply = answered(Behaviour(), asked("/x?y=1", host="a:80"))
    seen = msgspec.json.decode(reply.body)
    assert reply.status == 200
    assert (seen["pod"], seen["peer"], seen["path"], seen["headers"]) == (
        "shop/a",
        "10.0.0.9:5",
        "/x?y=1",
        [["host", "a:80"]],
    )
    assert seen["tls"] is None
    assert ("x-sidestep-pod", "shop/a") in reply.headers


def test_traces_go_on_and_other_headers_do_not():
    callee = Callee()
    answered(
        Behaviour(calls=("http://b/",)),
        asked(x_b3_traceid="1", traceparent="t", b3="s", authorization="secret"),
        callee,
    )
    assert callee.asked == [("http://b/", {"x-b3-traceid": "1", "traceparent": "t", "b3": "s", HOPS_HEADER: "1"})]


def test_who_calls_somebody_that_fails_fails():
    reply = answered(Behaviour(calls=("http://b/",)), asked(), Callee(ok=False))
    assert reply.status == 502
    assert msgspec.json.decode(reply.body)["calls"][0]["kind"] == "refused"


@pytest.mark.parametrize("probe", [asked(user_agent="kube-probe/1.33"), asked("/grpc.health.v1.Health/Check")])
def test_a_probe_hangs_on_nobody_else_and_is_never_told_an_error(probe):
    callee = Callee(ok=False)
    assert answered(Behaviour(calls=("http://b/",), error_rate=1, latency=0.001), probe, callee).status == 200
    assert callee.asked == []


def test_a_circle_of_calls_ends():
    callee = Callee()
    assert answered(Behaviour(calls=("http://a/",)), asked(x_sidestep_hops="16"), callee).status == 508
    assert callee.asked == []


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.5, 1])
def test_errors_are_spread_evenly_and_counted_exactly(share):
    failing = Share(share)
    assert sum(failing.next() for _ in range(1000)) == round(share * 1000)


def test_planned_errors_have_the_planned_code():
    assert answered(Behaviour(error_rate=1, error_code=500), asked()).status == 500


@pytest.mark.parametrize(("path", "status"), [("/status/404", 404), ("/status/999", 200), ("/status/x", 200)])
def test_a_status_may_be_asked_for(path, status):
    assert answered(Behaviour(), asked(path)).status == status


def test_sizes():
    plain = len(answered(Behaviour(), asked("/")).body)
    assert len(answered(Behaviour(size=10_000), asked("/")).body) == plain + 10_000 + len(',"padding":""')
    assert len(answered(Behaviour(), asked("/bytes/5000")).body) > 5000
