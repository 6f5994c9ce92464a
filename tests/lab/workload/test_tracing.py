"""Spans that built-in workloads make of what they answer and of whom they call."""

import asyncio

import pytest

from sidestep.lab.traces.spans import SpanKind, context_of
from sidestep.lab.traces.traces import traces
from sidestep.lab.workload.application import Aids, Application, Called
from sidestep.lab.workload.containers import Behaviour
from sidestep.lab.workload.exchange import Asked, Peer, Who

TRACE, PARENT = "a" * 32, "b" * 16
KEPT, DROPPED = (f"00-{TRACE}-{PARENT}-{flags}" for flags in ("01", "00"))


class Callee:
    """Notes with which headers it was called."""

    def __init__(self, ok=True):
        self.ok, self.headers = ok, []

    async def call(self, url, headers, seconds):
        self.headers.append(dict(headers))
        return Called(url, self.ok, "", 200 if self.ok else 503, "shop/b", 1.0)


def answered(behaviour, header="", callee=None, path="/", **more):
    kept = []
    headers = (("traceparent", header),) if header else ()
    asked = Asked("HTTP/1.1", "GET", path, (*headers, *more.items()), b"", 0, Peer("10.0.0.1:5", ""))

    async def run():
        reply = Application(
            Who("a-1", "shop", service="a.shop"), behaviour, callee or Callee(), Aids(keep=kept.extend)
        ).answer(asked)
        return await reply if asyncio.iscoroutine(reply) else reply

    return asyncio.run(run()), kept


def test_a_trace_that_comes_in_goes_on_to_whom_it_calls():
    callee = Callee()
    _, spans = answered(Behaviour(calls=("http://b/x", "POST http://c/y")), KEPT, callee)
    trace = traces(spans)[0]
    assert trace.id == TRACE
    assert [(each.depth, each.kind, each.name) for each in trace.rows] == [
        (0, SpanKind.SERVER, "GET /"), (1, SpanKind.CLIENT, "GET http://b/x"), (1, SpanKind.CLIENT, "POST http://c/y"),
    ]  # fmt: skip
    passed = [context_of(each["traceparent"]) for each in callee.headers]
    assert {each.span for each in passed} == {each.id for each in spans if each.kind is SpanKind.CLIENT}
    assert {each.trace for each in passed} == {TRACE}
    assert [each.parent for each in spans if each.kind is SpanKind.SERVER] == [PARENT]


@pytest.mark.parametrize(("header", "share", "count"), [("", 0, 0), ("", 1, 1), (DROPPED, 1, 0), ("nonsense", 1, 1)])
def test_who_begins_a_trace(header, share, count):
    assert len(answered(Behaviour(tracing=share), header)[1]) == count


def test_a_trace_that_is_not_kept_goes_on_as_it_is():
    callee = Callee()
    _, spans = answered(Behaviour(calls=("http://b/",), tracing=1), DROPPED, callee)
    assert callee.headers[0]["traceparent"] == DROPPED
    assert spans == []


def test_failures_are_told():
    reply, spans = answered(Behaviour(calls=("http://b/",)), KEPT, Callee(ok=False))
    assert reply.status == 502
    assert all(each.failed for each in spans)
    assert {each.attributes.get("http.response.status_code") for each in spans} == {"502", None}


def test_probes_are_no_work():
    assert answered(Behaviour(tracing=1), **{"user-agent": "kube-probe/1.30"})[1] == []
