"""Ask, in whatever protocol the URL says, and tell what became of it."""

import asyncio
import time
from collections.abc import Callable

from msgspec import structs

from sidestep.lab.agent.client.dial import Dialler
from sidestep.lab.agent.client.failures import FAILURES, ClosedError, UnprocessedError, failed
from sidestep.lab.agent.client.http1 import Answered, Http1Client
from sidestep.lab.agent.client.http2 import Http2Client
from sidestep.lab.agent.client.raw import RawClient
from sidestep.lab.agent.client.streams import ask_dns
from sidestep.lab.agent.client.target import Target, target_of
from sidestep.lab.agent.messages import Outcome, Request
from sidestep.lab.dns.exchange import UpstreamError
from sidestep.lab.dns.resolver import Resolver
from sidestep.lab.sockets import Network
from sidestep.lab.workload.exchange import POD_HEADER

Ended = tuple[Outcome, float]
"""What became of a request, and when, by the clock that is monotonic."""
KeptClient = Http1Client | Http2Client | RawClient
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


async def _over_websocket(dialler: Dialler, request: Request, target: Target) -> Outcome:
    from sidestep.lab.agent.client.websockets import ask_websocket  # noqa: PLC0415 - its library takes long to load

    return await ask_websocket(dialler, request, target)


_OTHERS = {"ws": _over_websocket, "dns": ask_dns}
_KINDS: dict[str, Callable[[], KeptClient]] = {
    "http": Http1Client, "https": Http1Client, "h2c": Http2Client, "grpc": Http2Client,
    "tcp": RawClient, "tcp-first": lambda: RawClient(greeted=True),
}  # fmt: skip
_BYTES = frozenset({"tcp", "tcp-first"})


class Client:
    """Asks from within a pod; connections are kept, as long as nobody says otherwise.

    Args:
        network: the pod's.
        resolver: the pod's.
        uses: requests for which a connection is kept; 0 for any number of HTTP, and for one of bytes.
    """

    def __init__(self, network: Network, resolver: Resolver, uses: int = 0) -> None:
        self._dialler = Dialler(network, resolver)
        self._uses = uses
        self._kept: dict[tuple[str, str, int], list[KeptClient]] = {}

    @property
    def opened(self) -> int:
        """How many connections were opened so far."""
        return self._dialler.opened

    async def ask(self, request: Request, *, fresh: bool = False, since: float | None = None) -> Outcome:
        """One request; never raises.

        Args:
            request: what.
            fresh: on a new connection, that is closed afterwards.
            since: when it was to begin, by the clock that is monotonic; now where None.
        """
        since = time.monotonic() if since is None else since
        try:
            async with asyncio.timeout_at(since + request.timeout):
                outcome, at = await self._ask(request, target_of(request.url), fresh=fresh)
        except (*FAILURES, UpstreamError) as error:
            outcome, at = failed(error), time.monotonic()
            if outcome.kind == "timeout":
                outcome = structs.replace(outcome, detail=f"no answer within {request.timeout:g} s")
        return structs.replace(outcome, milliseconds=(at - since) * 1000)

    def close(self) -> None:
        """End the connections that are kept."""
        for kept in self._kept.values():
            for each in kept:
                each.close()
        self._kept.clear()

    async def _ask(self, request: Request, target: Target, *, fresh: bool) -> Ended:
        other = _OTHERS.get(target.scheme)
        if other is not None:
            return await other(self._dialler, request, target), time.monotonic()
        client = None if fresh else self._take(target)
        try:
            if client is None:
                return await self._ask_on(await self._connected(target), request, target, fresh=fresh)
            return await self._ask_on(client, request, target, fresh=False)
        except UnprocessedError:
            pass
        except (ClosedError, ConnectionError):
            if client is None or client.began or request.method not in _REPEATABLE or target.scheme == "grpc":
                raise
        outcome, at = await self._ask_on(await self._connected(target), request, target, fresh=fresh)
        return structs.replace(outcome, retried=True), at

    async def _connected(self, target: Target) -> KeptClient:
        return await self._dialler.connect(target, _KINDS[target.scheme])

    async def _ask_on(self, client: KeptClient, request: Request, target: Target, *, fresh: bool) -> Ended:
        shared = isinstance(client, Http2Client)
        client.asked += 1
        last = fresh or client.asked == (self._uses or (target.scheme in _BYTES))
        if shared and not last:
            self._keep(target, client)
        try:
            answered = await client.ask(request, target)
        finally:
            if last:
                client.retire()
        if not shared and not last and client.reusable:
            self._keep(target, client)
        return _outcome(answered, client.remote, grpc=target.scheme == "grpc"), answered.at

    def _take(self, target: Target) -> KeptClient | None:
        kept = self._kept.get(target.origin, [])
        while kept:
            client = kept.pop()
            if client.reusable:
                return client
        return None

    def _keep(self, target: Target, client: KeptClient) -> None:
        kept = self._kept.setdefault(target.origin, [])
        if client not in kept:
            kept.append(client)


def _outcome(answered: Answered, remote: str, *, grpc: bool) -> Outcome:
    named = dict(answered.headers)
    code = answered.status
    if grpc and code == 200:
        text = named.get("grpc-status", "2")
        code = int(text) if text.isdigit() else 2
        ok, kind = code == 0, f"grpc-{code}"
    else:
        ok, kind = code < 400, f"http-{code}"
    return Outcome(
        ok=ok,
        kind="ok" if ok else kind,
        detail="" if ok else named.get("grpc-message", ""),
        code=code,
        remote=remote,
        pod=named.get(POD_HEADER, answered.pod),
        headers=answered.headers,
        body=answered.body.decode(errors="replace"),
    )
