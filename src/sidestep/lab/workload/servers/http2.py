"""HTTP/2 without TLS negotiation, and gRPC on top: every method answers one empty message, and all is healthy."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame
from msgspec import Struct

from sidestep.lab.workload.application import HEALTH
from sidestep.lab.workload.exchange import Asked, Headers, Reply
from sidestep.lab.workload.servers.connection import Connection, Site, peer_of

_SETTINGS = H2Configuration(
    client_side=False, header_encoding="utf-8", validate_inbound_headers=False, normalize_inbound_headers=False,
    validate_outbound_headers=False, normalize_outbound_headers=False,
)  # fmt: skip
"""Proxies have looked at headers before, and ours are as they must be: to look again is a quarter of the work."""
_SERVING = b"\x08\x01"
"""HealthCheckResponse{status: SERVING} in protobuf."""
_GRPC_STATUS = {400: 3, 401: 16, 403: 7, 404: 12, 429: 14, 500: 13, 501: 12, 502: 14, 503: 14, 504: 4}
_UNKNOWN = 2
_GOODBYE = GoAwayFrame(0, last_stream_id=2**31 - 1).serialize()
"""As RFC 9113 6.8 has it: first all streams are taken that may be on their way. h2 would take none after its own."""
_ON_THEIR_WAY = 0.5
"""Seconds."""


class _Stream(Struct):
    headers: Headers
    body: bytearray
    size: int = 0
    task: asyncio.Future[Reply] | None = None
    unsent: bytes = b""
    trailers: tuple[tuple[str, str], ...] = ()
    replied: bool = False


class Http2Connection(Connection):
    """A connection that speaks HTTP/2 with prior knowledge."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._parser = H2Connection(_SETTINGS)
        self._streams: dict[int, _Stream] = {}
        self._loop = asyncio.get_running_loop()
        self._goodbye_said = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: it is open."""
        self._peer = peer_of(transport)
        self._parser.initiate_connection()
        super().connection_made(transport)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's: it is closed."""
        super().connection_lost(exc)
        for each in self._streams.values():
            if each.task is not None:
                each.task.cancel()

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        try:
            for event in self._parser.receive_data(data):
                self._take(event)
        except ProtocolError:
            self._flush()
            self.transport.close()
            return
        self._flush()

    def finish(self) -> None:
        """Ask for no new streams, and close after those that are open, and those that were on their way."""
        if not self.transport.is_closing():
            self.transport.write(_GOODBYE)
        self._loop.call_later(_ON_THEIR_WAY, self._close_if_done)

    def _close_if_done(self) -> None:
        self._goodbye_said = True
        self._close_when_done()

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived) and event.stream_id is not None:
            headers: Any = event.headers or ()
            self._streams[event.stream_id] = _Stream(
                tuple((str(name), str(value)) for name, value in headers), bytearray()
            )
        elif isinstance(event, DataReceived) and event.stream_id is not None:
            self._take_data(event)
        elif isinstance(event, StreamEnded) and event.stream_id is not None:
            self._answer(event.stream_id)
        elif isinstance(event, WindowUpdated):
            for number in tuple(self._streams) if not event.stream_id else (event.stream_id,):
                self._send_body(number)
        elif isinstance(event, StreamReset) and event.stream_id is not None:
            gone = self._streams.pop(event.stream_id, None)
            if gone is not None and gone.task is not None:
                gone.task.cancel()
        elif isinstance(event, ConnectionTerminated):
            self.transport.close()

    def _take_data(self, event: DataReceived) -> None:
        number = event.stream_id or 0
        stream = self._streams.get(number)
        data = event.data or b""
        if stream is not None:
            stream.size += len(data)
            stream.body += data[: self.site.application.body_kept - len(stream.body)]
        if event.flow_controlled_length:
            self._parser.acknowledge_received_data(event.flow_controlled_length, number)

    def _answer(self, number: int) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return
        named = dict(stream.headers)
        path = named.get(":path", "/")
        grpc = named.get("content-type", "").startswith("application/grpc")
        asked = Asked(
            "gRPC" if grpc else "HTTP/2",
            named.get(":method", "GET"),
            path,
            stream.headers,
            bytes(stream.body),
            stream.size,
            self._peer,
        )
        reply = self.site.application.answer(asked)
        if isinstance(reply, Reply):
            self._send(number, asked, reply)
        else:
            self._wait_for(number, asked, reply)

    def _wait_for(self, number: int, asked: Asked, reply: Awaitable[Reply]) -> None:
        task = asyncio.ensure_future(reply)
        self._streams[number].task = task

        def answered(done: asyncio.Future[Reply]) -> None:
            if not done.cancelled() and number in self._streams and not self.transport.is_closing():
                self._send(number, asked, done.result())
                self._flush()

        task.add_done_callback(answered)

    def _send(self, number: int, asked: Asked, reply: Reply) -> None:
        stream = self._streams[number]
        if asked.protocol == "gRPC":
            reply, stream.trailers = _as_grpc(asked.path, reply)
        headers = [(":status", str(reply.status)), *reply.headers]
        if not stream.trailers:
            headers.append(("content-length", str(len(reply.body))))
        stream.unsent = b"" if asked.method == "HEAD" else reply.body
        stream.replied = True
        self._parser.send_headers(number, headers)
        self._send_body(number)

    def _send_body(self, number: int) -> None:
        stream = self._streams.get(number)
        if stream is None or not stream.replied:
            return
        while stream.unsent:
            room = min(self._parser.local_flow_control_window(number), self._parser.max_outbound_frame_size)
            if room <= 0:
                return
            self._parser.send_data(number, stream.unsent[:room])
            stream.unsent = stream.unsent[room:]
        if stream.trailers:
            self._parser.send_headers(number, list(stream.trailers), end_stream=True)
        else:
            self._parser.end_stream(number)
        del self._streams[number]
        self._close_when_done()

    def _close_when_done(self) -> None:
        if self._goodbye_said and not self._streams:
            self._flush()
            self.transport.close()

    def _flush(self) -> None:
        data = self._parser.data_to_send()
        if data and not self.transport.is_closing():
            self.transport.write(data)


def _as_grpc(path: str, reply: Reply) -> tuple[Reply, tuple[tuple[str, str], ...]]:
    """An answer in gRPC's form: always 200, with the status in the trailers."""
    status = 0 if reply.status < 400 else _GRPC_STATUS.get(reply.status, _UNKNOWN)
    message = _SERVING if path.startswith(HEALTH) else reply.message or b""
    framed = b"\x00" + len(message).to_bytes(4, "big") + message if status == 0 else b""
    own = tuple(each for each in reply.headers if each[0] != "content-type")
    told = (("grpc-status", str(status)), ("grpc-message", f"answered {reply.status}" if status else ""))
    return Reply(200, (("content-type", "application/grpc"), *own), framed), told
