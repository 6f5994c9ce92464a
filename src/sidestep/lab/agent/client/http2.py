"""HTTP/2 as a client, with prior knowledge: many requests at a time on one connection; gRPC on top."""

import asyncio
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

from sidestep.lab.agent.client.connection import Connection
from sidestep.lab.agent.client.failures import ClosedError, UnprocessedError
from sidestep.lab.agent.client.goaway import Goodbyes
from sidestep.lab.agent.client.http1 import USER_AGENT, Answered
from sidestep.lab.agent.client.target import Target
from sidestep.lab.agent.messages import Request
from sidestep.lab.workload.exchange import BODY_KEPT

_SETTINGS = H2Configuration(
    header_encoding="utf-8", validate_inbound_headers=False, normalize_inbound_headers=False,
    normalize_outbound_headers=False,
)  # fmt: skip
"""What is sent is a user's, and looked at; what comes back is a proxy's or a workload's."""
_EMPTY_MESSAGE = b"\x00\x00\x00\x00\x00"
"""A gRPC message of no bytes: not compressed, of length 0."""


class _Stream:
    def __init__(self, waiter: asyncio.Future[Answered], unsent: bytes) -> None:
        self.waiter, self.unsent = waiter, unsent
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()


class Http2Client(Connection):
    """One connection."""

    def __init__(self) -> None:
        super().__init__()
        self._parser = H2Connection(_SETTINGS)
        self._goodbyes = Goodbyes()
        self._streams: dict[int, _Stream] = {}
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: it is open."""
        super().connection_made(transport)
        self._parser.initiate_connection()
        self._flush()

    async def ask(self, request: Request, target: Target) -> Answered:
        """Send a request and wait for its answer.

        Raises:
            OSError: the connection broke.
            UnprocessedError: the server did not look at it.
            ClosedError: the connection, or the stream, was ended before the answer was complete.
            h2.exceptions.ProtocolError: the answer is no HTTP/2.
        """
        number = self._parser.get_next_available_stream_id()
        body = request.body.encode() or (_EMPTY_MESSAGE if target.scheme == "grpc" else b"")
        stream = self._streams[number] = _Stream(self._loop.create_future(), body)
        self._parser.send_headers(number, _headers(request, target), end_stream=not body)
        self._send_body(number)
        self._flush()
        try:
            return await stream.waiter
        finally:
            self._streams.pop(number, None)
            if self.closed:
                self.retire()

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        return not self.closed and not self._transport.is_closing()

    def close(self) -> None:
        """End it in order."""
        self.closed = True
        self._transport.close()

    def retire(self) -> None:
        """End it when nothing is to be answered any more."""
        self.closed = True
        if not self._streams:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        super().data_received(data)
        try:
            for event in self._parser.receive_data(self._goodbyes.without(data)):
                self._take(event)
        except ProtocolError as error:
            self._fail_all(error)
            self.close()
            return
        self._flush()
        self._heed()

    def _heed(self) -> None:
        """Begin nothing more where the server says goodbye; what it does not take is asked elsewhere."""
        last = self._goodbyes.last
        if last is None:
            return
        self.closed = True
        for number, stream in self._streams.items():
            if number > last and not stream.waiter.done():
                stream.waiter.set_exception(UnprocessedError("the server takes no more requests on this connection"))
        if not self._streams:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's: it is closed."""
        self.closed = True
        self._fail_all(exc or ClosedError("the connection was closed before the answer was complete"))

    def _take(self, event: Event) -> None:
        stream = self._streams.get(getattr(event, "stream_id", 0) or 0)
        if isinstance(event, DataReceived):
            if event.flow_controlled_length:
                self._parser.acknowledge_received_data(event.flow_controlled_length, event.stream_id or 0)
            if stream is not None:
                stream.body += (event.data or b"")[: BODY_KEPT - len(stream.body)]
        elif isinstance(event, WindowUpdated):
            for number in tuple(self._streams):
                self._send_body(number)
        elif stream is not None:
            self._take_of(stream, event)

    def _take_of(self, stream: _Stream, event: Event) -> None:
        if isinstance(event, ResponseReceived | TrailersReceived):
            headers: Any = event.headers or ()
            stream.headers.extend((str(name), str(value)) for name, value in headers)
        elif isinstance(event, StreamEnded) and not stream.waiter.done():
            status = int(dict(stream.headers).get(":status", "0"))
            stream.waiter.set_result(Answered(status, tuple(stream.headers), bytes(stream.body), self._at))
        elif isinstance(event, StreamReset) and not stream.waiter.done():
            kind = UnprocessedError if event.error_code == ErrorCodes.REFUSED_STREAM else ClosedError
            stream.waiter.set_exception(kind(f"the server ended the stream with code {event.error_code}"))

    def _send_body(self, number: int) -> None:
        stream = self._streams[number]
        while stream.unsent:
            room = min(self._parser.local_flow_control_window(number), self._parser.max_outbound_frame_size)
            if room <= 0:
                return
            part, stream.unsent = stream.unsent[:room], stream.unsent[room:]
            self._parser.send_data(number, part, end_stream=not stream.unsent)

    def _fail_all(self, error: Exception) -> None:
        for stream in self._streams.values():
            if not stream.waiter.done():
                stream.waiter.set_exception(error)

    def _flush(self) -> None:
        data = self._parser.data_to_send()
        if data:
            self._transport.write(data)


def _headers(request: Request, target: Target) -> list[tuple[str, str]]:
    grpc = target.scheme == "grpc"
    given = [(name.lower(), value) for name, value in request.headers]
    authority = next((value for name, value in given if name == "host"), target.authority)
    headers = [
        (":method", "POST" if grpc else request.method),
        (":scheme", "http"),
        (":authority", authority),
        (":path", target.path),
        *(each for each in given if each[0] != "host"),
        *(() if any(name == "user-agent" for name, _ in given) else (("user-agent", USER_AGENT),)),
    ]
    return [*headers, ("content-type", "application/grpc"), ("te", "trailers")] if grpc else headers
