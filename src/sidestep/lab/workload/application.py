"""What a container answers: its work, its calls onward, its share of errors, what it saw."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from msgspec import structs

from sidestep.lab.workload.authorizer import Authorizer
from sidestep.lab.workload.containers import Behaviour
from sidestep.lab.workload.exchange import POD_HEADER, Asked, Headers, Reply, Who
from sidestep.lab.workload.issuer import Issuer, issued
from sidestep.lab.workload.payments import pay

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


class Application:
    """Answers the requests of one container.

    Args:
        who: what it says of itself.
        behaviour: how it answers.
        caller: calls onward.
        note: told what was answered to whom, but for probes.
        issuer: whose tokens an issuer hands out.
    """

    def __init__(
        self,
        who: Who,
        behaviour: Behaviour,
        caller: Caller,
        note: Callable[[Asked, Reply], None] = lambda *_: None,
        issuer: Issuer | None = None,
    ) -> None:
        self.who, self._note = who, note
        self._behaviour, self._caller = behaviour, caller
        self._failing = Share(behaviour.error_rate)
        self._own: Headers = ((POD_HEADER, who.pod),)
        self._authorizer = Authorizer()
        self._issuer = issuer or Issuer()
        services: dict[str, Callable[[Asked, tuple[Called, ...]], Reply]] = {
            "authorizer": self._authorize, "issuer": self._issue, "payments": self._payments,
        }  # fmt: skip
        self._serve = services.get(behaviour.service, self._report)

    @property
    def headers(self) -> Headers:
        """What is in every answer."""
        return self._own

    def answer(self, asked: Asked) -> Reply | Awaitable[Reply]:
        """The answer: at once, or later where there is work to do or somebody to call."""
        seconds = self._behaviour.latency + _asked_delay(asked.path)
        if seconds or (self._behaviour.calls and not is_probe(asked)):
            return self._answer_later(asked, seconds)
        return self._serve_or_fail(asked, ())

    async def _answer_later(self, asked: Asked, seconds: float) -> Reply:
        if seconds:
            await asyncio.sleep(seconds)
        if is_probe(asked):
            return self._serve_or_fail(asked, ())
        hops = int(text) if (text := asked.header(HOPS_HEADER)).isdecimal() else 0
        if hops >= _HOPS_LIMIT:
            return self._reply(508, {"error": f"a circle of calls: {hops} workloads already had this request"})
        traced = (each for each in asked.headers if each[0] in PROPAGATED)
        headers = (*traced, (HOPS_HEADER, str(hops + 1)))
        timeout = self._behaviour.call_timeout
        called = await asyncio.gather(*(self._caller.call(url, headers, timeout) for url in self._behaviour.calls))
        return self._serve_or_fail(asked, tuple(called))

    def _serve_or_fail(self, asked: Asked, called: tuple[Called, ...]) -> Reply:
        if is_probe(asked):
            return self._serve(asked, called)
        if self._failing.next():
            reply = self._reply(self._behaviour.error_code, {"error": "one of the errors that it was told to make"})
        else:
            reply = self._serve(asked, called)
        self._note(asked, reply)
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
