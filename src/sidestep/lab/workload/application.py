"""What a container answers: its work, its calls onward, its share of errors, what it saw."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, Protocol

import msgspec
from msgspec import structs

from sidestep.lab.workload.authorizer import Authorizer
from sidestep.lab.workload.containers import Behaviour
from sidestep.lab.workload.exchange import BODY_KEPT, POD_HEADER, Asked, Headers, Reply, Who
from sidestep.lab.workload.issuer import Issuer, issued
from sidestep.lab.workload.payments import pay
from sidestep.lab.workload.tracing import Keep, Tracer, Work

PROPAGATED = frozenset(
    {
        "x-request-id",
        "b3",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-parentspanid",
        "x-b3-sampled",
        "x-b3-flags",
        "traceparent",
        "tracestate",
        "baggage",
        "end-user",
    }
)
"""Headers that are handed on to whom it calls: traces', and the user of Istio's samples."""
HOPS_HEADER = "x-sidestep-hops"
"""How many workloads a request came through: call graphs with a circle would never end."""
HEALTH = "/grpc.health.v1.Health/"
"""Methods of gRPC's health checks."""
_HOPS_LIMIT = 16
_SPANS_KEPT = 16 * 1024 * 1024
_JSON = ("content-type", "application/json")
_PADDING = b"x" * 4096


class Called(msgspec.Struct, frozen=True):
    """A call onward, as an answer tells it."""

    url: str
    ok: bool
    kind: str
    code: int
    pod: str
    milliseconds: float
    detail: str = ""


class Caller(Protocol):
    """Whoever calls onward for a workload."""

    def call(self, url: str, headers: Headers, seconds: float) -> Awaitable[Called]:
        """Ask, with these headers; never raises."""
        ...


class Share:
    """Every so-manieth: 0.01 says yes to each hundredth, evenly, so that counts are exact."""

    def __init__(self, share: float) -> None:
        self._share, self._sum = share, 0.0

    def next(self) -> bool:
        """Whether this one is."""
        self._sum += self._share
        if self._sum < 1 - 1e-9:
            return False
        self._sum -= 1
        return True


class Aids(msgspec.Struct, frozen=True):
    """What an application needs besides its behaviour.

    Attributes:
        note: told what was answered to whom, but for probes.
        issuer: whose tokens an issuer hands out; None for one of its own.
        keep: told of spans: its own, and those that a collector is sent; None where nobody keeps any.
    """

    note: Callable[[Asked, Reply], None] = lambda *_: None
    issuer: Issuer | None = None
    keep: Keep | None = None


class Application:
    """Answers the requests of one container.

    Args:
        who: what it says of itself.
        behaviour: how it answers.
        caller: calls onward.
        aids: what it needs besides.
    """

    def __init__(self, who: Who, behaviour: Behaviour, caller: Caller, aids: Aids = Aids()) -> None:  # noqa: B008
        self.who, self._note, self._keep = who, aids.note, aids.keep
        self._behaviour, self._caller = behaviour, caller
        self._failing = Share(behaviour.error_rate)
        self._own: Headers = ((POD_HEADER, who.pod),)
        self._authorizer = Authorizer()
        self._issuer = aids.issuer or Issuer()
        self._tracer = Tracer(who.service or who.name, aids.keep, Share(behaviour.tracing).next)
        services: dict[str, Callable[[Asked, tuple[Called, ...]], Reply]] = {
            "authorizer": self._authorize, "collector": self._collect, "issuer": self._issue,
            "payments": self._payments,
        }  # fmt: skip
        self._serve = services.get(behaviour.service, self._report)

    @property
    def body_kept(self) -> int:
        """Bytes of a request's body that it looks at."""
        return _SPANS_KEPT if self._behaviour.service == "collector" else BODY_KEPT

    @property
    def headers(self) -> Headers:
        """What is in every answer."""
        return self._own

    def answer(self, asked: Asked) -> Reply | Awaitable[Reply]:
        """The answer: at once, or later where there is work to do or somebody to call."""
        seconds = self._behaviour.latency + _asked_delay(asked.path)
        if is_probe(asked):
            return self._answer_later(asked, seconds, None) if seconds else self._serve(asked, ())
        work = self._tracer.begin(asked)
        if seconds or self._behaviour.calls:
            return self._answer_later(asked, seconds, work)
        return self._serve_or_fail(asked, (), work)

    async def _answer_later(self, asked: Asked, seconds: float, work: Work | None) -> Reply:
        if seconds:
            await asyncio.sleep(seconds)
        if is_probe(asked):
            return self._serve(asked, ())
        hops = int(text) if (text := asked.header(HOPS_HEADER)).isdecimal() else 0
        if hops >= _HOPS_LIMIT:
            return self._reply(508, {"error": f"a circle of calls: {hops} workloads already had this request"})
        traced = (each for each in asked.headers if each[0] in PROPAGATED)
        headers = (*traced, (HOPS_HEADER, str(hops + 1)))
        called = await asyncio.gather(*(self._call(url, headers, work) for url in self._behaviour.calls))
        return self._serve_or_fail(asked, tuple(called), work)

    async def _call(self, url: str, headers: Headers, work: Work | None) -> Called:
        if work is None:
            return await self._caller.call(url, headers, self._behaviour.call_timeout)
        told, ended = work.call(headers, url)
        called = await self._caller.call(url, told, self._behaviour.call_timeout)
        ended(called.ok)
        return called

    def _serve_or_fail(self, asked: Asked, called: tuple[Called, ...], work: Work | None) -> Reply:
        if self._failing.next():
            reply = self._reply(self._behaviour.error_code, {"error": "one of the errors that it was told to make"})
        else:
            reply = self._serve(asked, called)
        self._note(asked, reply)
        if work is not None:
            work.end(reply.status)
        return reply

    def _payments(self, asked: Asked, called: tuple[Called, ...]) -> Reply:
        status, document, headers = pay(asked)
        if status < 300 and not all(each.ok for each in called):
            status = 502
        return self._reply(status, {**document, "calls": called}, headers)

    def _authorize(self, asked: Asked, _: tuple[Called, ...]) -> Reply:
        if is_probe(asked):
            return self._reply(200, {})
        status, document, headers, message = self._authorizer.answer(asked)
        return structs.replace(self._reply(status, document, headers), message=message)

    def _collect(self, asked: Asked, called: tuple[Called, ...]) -> Reply:
        otlp = import_module("sidestep.lab.traces.otlp")  # its messages cost more memory than all other workloads
        if asked.path not in otlp.PATHS:
            return self._report(asked, called)
        try:
            found = otlp.received(asked.path, asked.body)
        except ValueError as error:
            return self._reply(400, {"error": str(error)})
        if self._keep is not None:
            self._keep(found)
        return self._reply(200, {})

    def _issue(self, asked: Asked, called: tuple[Called, ...]) -> Reply:
        if is_probe(asked):
            return self._report(asked, called)
        status, document, headers = issued(asked, self._issuer)
        if isinstance(document, str):
            return Reply(status, (*self._own, *headers), document.encode())
        return self._reply(status, document, headers)

    def _report(self, asked: Asked, called: tuple[Called, ...]) -> Reply:
        status = _asked_status(asked.path) or (200 if all(each.ok for each in called) else 502)
        seen: dict[str, Any] = {
            "pod": self.who.pod,
            "who": self.who,
            "peer": asked.peer.remote,
            "local": asked.peer.local,
            "tls": asked.peer.tls,
            "protocol": asked.protocol,
            "method": asked.method,
            "path": asked.path,
            "headers": asked.headers,
            "body_size": asked.body_size,
            "calls": called,
        }
        return self._reply(status, seen, padding=self._behaviour.size + _asked_number(asked.path, "/bytes/"))

    def _reply(self, status: int, document: dict[str, Any], headers: Headers = (), padding: int = 0) -> Reply:
        body = msgspec.json.encode(document)
        if padding:
            body = body[:-1] + b',"padding":"' + (_PADDING * (padding // len(_PADDING) + 1))[:padding] + b'"}'
        return Reply(status, (_JSON, *self._own, *headers), body)


def is_probe(asked: Asked) -> bool:
    """Whether it only wants to know if the workload is there: that depends on nobody it calls, and never fails."""
    return asked.header("user-agent").startswith("kube-probe/") or asked.path.startswith(HEALTH)


def _asked_number(path: str, prefix: str) -> int:
    text = path.partition("?")[0].removeprefix(prefix) if path.startswith(prefix) else ""
    return min(int(text), 1 << 26) if text.isascii() and text.isdigit() else 0


def _asked_status(path: str) -> int:
    status = _asked_number(path, "/status/")
    return status if 200 <= status <= 599 else 0


def _asked_delay(path: str) -> float:
    return min(_asked_number(path, "/delay/"), 60)
