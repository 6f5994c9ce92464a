"""HTTP/1.1, one request after the other on a connection; websockets leave from here."""

import asyncio
from collections.abc import Awaitable
from functools import lru_cache
from typing import Any

import h11

from sidestep.lab.workload.exchange import Asked, Headers, Reply
from sidestep.lab.workload.servers.connection import Connection, Site, peer_of


class Http1Connection(Connection):
    """A connection that speaks HTTP/1.1."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._parser = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._size = 0
        self._answered = 0
        self._task: asyncio.Future[Reply] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: it is open."""
        self._peer = peer_of(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's: whom nobody waits for is not answered."""
        super().connection_lost(exc)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        self._parser.receive_data(data)
        self._advance()

    def eof_received(self) -> bool:
        """asyncio's: the client sends no more; it may still wait for an answer."""
        self._parser.receive_data(b"")
        self._advance()
        return self._task is not None

    def finish(self) -> None:
        """Close now, or after the answer that is due or may be asked for."""
        if self._answered == 0:
            self.close_unless_asked(lambda: self._request is not None)
        elif self._request is None:
            self.transport.close()

    def _advance(self) -> None:
        while not self.transport.is_closing():
            try:
                event = self._parser.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(error)
                return
            if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                self._rest(event)
                return
            self._take(event)

    def _take(self, event: Any) -> None:
        if isinstance(event, h11.Request):
            self._request, self._size = event, 0
            self._body.clear()
        elif isinstance(event, h11.Data):
            self._size += len(event.data)
            self._body += event.data[: self.site.application.body_kept - len(self._body)]
        elif isinstance(event, h11.EndOfMessage):
            self._answer()

    def _rest(self, event: Any) -> None:
        if isinstance(event, h11.ConnectionClosed):
            if self._task is None:
                self.transport.close()
        elif event is h11.NEED_DATA and self._parser.they_are_waiting_for_100_continue:
            proceed = h11.InformationalResponse(status_code=100, headers=[])
            self.transport.write(self._parser.send(proceed) or b"")
        elif event is h11.PAUSED and self._request is not None and _is_websocket(self._request):
            self._become_websocket()

    def _answer(self) -> None:
        request = self._request
        if request is None or _is_websocket(request):
            return
        asked = Asked(
            "HTTP/1.1",
            request.method.decode("latin-1"),
            request.target.decode("latin-1"),
            _text(request.headers),
            bytes(self._body),
            self._size,
            self._peer,
        )
        reply = self.site.application.answer(asked)
        if isinstance(reply, Reply):
            self._send(reply)
        else:
            self._wait_for(reply)

    def _wait_for(self, reply: Awaitable[Reply]) -> None:
        self._task = asyncio.ensure_future(reply)
        self._task.add_done_callback(self._answered_late)

    def _answered_late(self, task: asyncio.Future[Reply]) -> None:
        self._task = None
        if task.cancelled() or self.transport.is_closing():
            return
        self._send(task.result())
        self._advance()

    def _send(self, reply: Reply) -> None:
        self._answered += 1
        last = self.site.finishing or self._answered == self.site.keep_alive
        out = self._parser.send(_head(reply.status, reply.headers, len(reply.body), last)) or b""
        if self._request is None or self._request.method != b"HEAD":
            out += self._parser.send(h11.Data(data=reply.body)) or b""
        out += self._parser.send(h11.EndOfMessage()) or b""
        self.transport.write(out)
        self._request = None
        if self._parser.our_state is h11.MUST_CLOSE:
            self.transport.close()
        elif self._parser.our_state is h11.DONE and self._parser.their_state is h11.DONE:
            self._parser.start_next_cycle()

    def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self._parser.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._send(Reply(error.error_status_hint, (("connection", "close"),), f"{error}\n".encode()))
        self.transport.close()

    def _become_websocket(self) -> None:
        request, rest = self._request, self._parser.trailing_data[0]
        if request is not None:
            # Few come, and the library takes long to load.
            from sidestep.lab.workload.servers.websocket import WebSocketConnection  # noqa: PLC0415

            headers = tuple((bytes(name), bytes(value)) for name, value in request.headers)
            self.hand_over(WebSocketConnection(self.site, headers, request.target), rest)


@lru_cache(1024)
def _head(status: int, own: Headers, size: int, last: bool) -> h11.Response:
    """An answer's beginning, checked once: most answers of a container begin alike."""
    closing = (("connection", "close"),) if last else ()
    return h11.Response(status_code=status, headers=[*own, ("content-length", str(size)), *closing])


def _is_websocket(request: h11.Request) -> bool:
    return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in request.headers)


def _text(headers: Any) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
