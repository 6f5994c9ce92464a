"""What connections of every protocol have in common: they are known, can be asked to finish, and can be cut."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from sidestep.lab.sockets import address_text
from sidestep.lab.workload.application import Application
from sidestep.lab.workload.exchange import Peer, TlsSeen

_FIRST_REQUEST = 1.0


class Site:
    """Where a container's connections are: what they answer with, and those that are open.

    Args:
        application: answers requests.
        keep_alive: requests for which a connection is kept; 0 for any number.
    """

    def __init__(self, application: Application, keep_alive: int = 0) -> None:
        self.application = application
        self.keep_alive = keep_alive
        self.finishing = False
        self.open: set[Connection] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, connection: "Connection") -> None:
        """A connection was made."""
        self.open.add(connection)
        self._empty.clear()

    def remove(self, connection: "Connection") -> None:
        """A connection ended."""
        self.open.discard(connection)
        if not self.open:
            self._empty.set()

    def finish(self) -> None:
        """Each connection ends when it has nothing to answer."""
        self.finishing = True
        for each in tuple(self.open):
            each.finish()

    async def emptied(self) -> None:
        """Wait until none is open."""
        await self._empty.wait()

    def cut(self) -> None:
        """End all connections by a reset."""
        for each in tuple(self.open):
            each.cut()


class Connection(asyncio.Protocol):
    """One connection of a client."""

    transport: asyncio.Transport

    def __init__(self, site: Site) -> None:
        self.site = site

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: it is open."""
        self.transport = cast("asyncio.Transport", transport)
        self.site.add(self)
        if self.site.finishing:
            self.finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's: it is closed."""
        del exc
        self.site.remove(self)

    def finish(self) -> None:
        """Close when nothing is to be answered."""
        self.transport.close()

    def close_unless_asked(self, asked: Callable[[], bool]) -> None:
        """Give a new connection a moment for its first request: it may be on its way (as Go's `Shutdown` does)."""

        def close() -> None:
            if not asked():
                self.transport.close()

        asyncio.get_running_loop().call_later(_FIRST_REQUEST, close)

    def cut(self) -> None:
        """End with a reset."""
        self.transport.abort()

    def hand_over(self, other: "Connection", data: bytes) -> None:
        """Let another protocol go on with this connection, beginning with bytes that were read already."""
        self.site.remove(self)
        self.transport.set_protocol(other)
        other.connection_made(self.transport)
        if data:
            other.data_received(data)


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Both ends, and TLS if there is."""
    secured = transport.get_extra_info("ssl_object")
    return Peer(
        address_text(transport.get_extra_info("peername")),
        address_text(transport.get_extra_info("sockname")),
        _tls(secured) if secured is not None else None,
    )


def _tls(secured: ssl.SSLObject) -> TlsSeen:
    cipher = secured.cipher()
    certificate = cast("dict[str, Any]", secured.getpeercert() or {})
    subject = ",".join(f"{key}={value}" for part in certificate.get("subject", ()) for key, value in part)
    return TlsSeen(
        secured.version() or "", cipher[0] if cipher else "", secured.selected_alpn_protocol() or "", subject
    )
