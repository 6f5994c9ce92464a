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

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        self._first += data
        kind = spoken(self._first)
        if kind is not None:
            self.hand_over(kind(self.site), self._first)


def spoken(first: bytes) -> type[Connection] | None:
    """What the first bytes of a connection speak; None when they are too few to tell."""
    if first.startswith(_PREFACE):
        return Http2Connection
    if first.startswith(_METHODS):
        return Http1Connection
    return None if any(each.startswith(first) for each in (_PREFACE, *_METHODS)) else EchoConnection


class AnyHttpConnection(Connection):
    """HTTP of the version that the client begins with, or that TLS agreed on."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._first = b""

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        self._first += data
        if len(self._first) >= 3 or not _PREFACE.startswith(self._first):
            kind = Http2Connection if self._first.startswith(b"PRI") else Http1Connection
            self.hand_over(kind(self.site), self._first)


class EchoDatagrams(asyncio.DatagramProtocol):
    """Sends every datagram back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: it is bound."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """asyncio's: one came."""
        self._transport.sendto(data, addr)
