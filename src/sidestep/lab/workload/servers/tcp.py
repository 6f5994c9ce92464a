"""TCP without a protocol, UDP, and ports that find out what they are spoken to in."""

import asyncio
from typing import cast

from sidestep.lab.workload.servers.connection import Connection, Site
from sidestep.lab.workload.servers.http1 import Http1Connection
from sidestep.lab.workload.servers.http2 import Http2Connection

_PREFACE = b"PRI * HTTP/2.0\r\n"
_METHODS = tuple(
    b"%b " % each for each in (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE")
)


class EchoConnection(Connection):
    """Sends back what comes, no faster than it is taken; ends its half when the client does."""

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        self.transport.write(data)

    def pause_writing(self) -> None:
        """asyncio's: the client does not take what it is sent."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """asyncio's: it took it."""
        self.transport.resume_reading()


class GreetingConnection(EchoConnection):
    """Speaks first: who it is and whom it sees, in one line; then sends back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: greet."""
        super().connection_made(transport)
        self.transport.write(f"220 {self.site.application.who.pod} ready\r\n".encode())


class UnknownConnection(Connection):
    """Looks at the first bytes, and becomes what they say."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._first = b""
        self._known = False

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        self._first += data
        kind = self.spoken(self._first)
        if kind is not None:
            self._known = True
            self.hand_over(kind(self.site), self._first)

    def finish(self) -> None:
        """Wait a moment for the first bytes."""
        self.close_unless_asked(lambda: self._known)

    @staticmethod
    def spoken(first: bytes) -> type[Connection] | None:
        """What the first bytes speak; None when they are too few to tell."""
        if first.startswith(_PREFACE):
            return Http2Connection
        if first.startswith(_METHODS):
            return Http1Connection
        return None if any(each.startswith(first) for each in (_PREFACE, *_METHODS)) else EchoConnection


class AnyHttpConnection(UnknownConnection):
    """HTTP of the version that the client begins with."""

    @staticmethod
    def spoken(first: bytes) -> type[Connection] | None:
        """Which version; what is no HTTP is left to HTTP/1.1 to refuse."""
        if len(first) < 3 and _PREFACE.startswith(first):
            return None
        return Http2Connection if first.startswith(_PREFACE[:3]) else Http1Connection


class EchoDatagrams(asyncio.DatagramProtocol):
    """Sends every datagram back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: it is bound."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """asyncio's: one came."""
        self._transport.sendto(data, addr)
