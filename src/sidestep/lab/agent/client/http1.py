"""HTTP/1.1 as a client: one request at a time on a connection, which is kept."""

import asyncio
from functools import lru_cache
from typing import cast

import h11
from msgspec import Struct

from sidestep.lab.agent.client.connection import Connection
from sidestep.lab.agent.client.failures import ClosedError
from sidestep.lab.agent.client.target import Target
from sidestep.lab.agent.messages import Request
from sidestep.lab.workload.exchange import BODY_KEPT, Headers

USER_AGENT = "sidestep-lab"


class Answered(Struct):
    """An answer.

    Attributes:
        status: code; -1 without.
        headers: names in lower case; trailers are among them.
        body: its first 64 KiB.
        at: when its last byte came, by the loop's clock.
        pod: that says it answered otherwise than by a header.
    """

    status: int
    headers: Headers
    body: bytes
    at: float
    pod: str = ""


_CUT = "the server closed the connection before its answer was complete"


class Http1Client(Connection):
    """One connection."""

    def __init__(self) -> None:
        super().__init__()
        self._parser = h11.Connection(h11.CLIENT)
        self._waiter: asyncio.Future[Answered] | None = None
        self._body = bytearray()
        self._status, self._headers = 0, cast("Headers", ())
        self.closed = False

    async def ask(self, request: Request, target: Target) -> Answered:
        """Send a request and wait for its answer.

        Raises:
            OSError: the connection broke.
            ClosedError: it was closed before the answer was complete.
            h11.ProtocolError: the answer is no HTTP, or the request cannot be written.
        """
        self._waiter = self._loop.create_future()
        self._body.clear()
        self.began = False
        out = self._parser.send(_head(request, target)) or b""
        if request.body:
            out += self._parser.send(h11.Data(data=request.body.encode())) or b""
        out += self._parser.send(h11.EndOfMessage()) or b""
        self._transport.write(out)
        try:
            return await self._waiter
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._waiter = None

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        return not self.closed and self._parser.our_state is h11.IDLE and not self._transport.is_closing()

    def close(self) -> None:
        """End it in order."""
        self.closed = True
        self._transport.close()

    retire = close

    def abort(self) -> None:
        """End it with a reset."""
        self.closed = True
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        super().data_received(data)
        self._parser.receive_data(data)
        self._advance()

    def eof_received(self) -> None:
        """asyncio's: the server sends no more; which ends some answers."""
        self.closed = True
        self._parser.receive_data(b"")
        self._advance()
        self._fail(ClosedError(_CUT))

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's: it is closed."""
        self.closed = True
        self._fail(exc or ClosedError("the connection was closed before the answer was complete"))

    def _advance(self) -> None:
        try:
            while True:
                event = self._parser.next_event()
                if isinstance(event, h11.Response):
                    self._status = event.status_code
                    self._headers = tuple((name.decode(), value.decode("latin-1")) for name, value in event.headers)
                elif isinstance(event, h11.Data):
                    self._body += event.data[: BODY_KEPT - len(self._body)]
                elif isinstance(event, h11.EndOfMessage):
                    self._complete()
                    return
                elif not isinstance(event, h11.InformationalResponse):
                    return
        except h11.RemoteProtocolError as error:
            self._fail(ClosedError(_CUT) if self.closed else error)
            self.abort()

    def _complete(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Answered(self._status, self._headers, bytes(self._body), self._at))
        if self._parser.our_state is h11.DONE and self._parser.their_state is h11.DONE:
            self._parser.start_next_cycle()
        else:
            self.close()

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


@lru_cache(1024)
def _head(request: Request, target: Target) -> h11.Request:
    """The request's beginning, checked once: load sends the same one again and again."""
    return h11.Request(method=request.method, target=target.path, headers=headers_of(request, target.authority))


def headers_of(request: Request, authority: str) -> list[tuple[str, str]]:
    """Headers as they are sent: what every client adds, where the request does not say it itself."""
    given = {name.lower() for name, _ in request.headers}
    headers = list(request.headers)
    if "host" not in given:
        headers.insert(0, ("host", authority))
    if "user-agent" not in given:
        headers.append(("user-agent", USER_AGENT))
    if request.body and "content-length" not in given:
        headers.append(("content-length", str(len(request.body.encode()))))
    return headers
