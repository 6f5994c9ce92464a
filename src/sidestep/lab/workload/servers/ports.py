"""Ports that are bound, and then listened at."""

import asyncio
import socket
from collections.abc import Sequence
from typing import assert_never

from sidestep.lab.sockets import Network
from sidestep.lab.workload.containers import Port, Protocol
from sidestep.lab.workload.servers.certificate import server_context
from sidestep.lab.workload.servers.connection import Connection, Site
from sidestep.lab.workload.servers.http2 import Http2Connection
from sidestep.lab.workload.servers.tcp import (
    AnyHttpConnection,
    EchoConnection,
    EchoDatagrams,
    GreetingConnection,
    UnknownConnection,
)

_BACKLOG = 1024


class BoundPort:
    """A port that nobody else can have any more, but that refuses connections until it is listened at."""

    def __init__(self, network: Network, port: Port) -> None:
        self.port = port
        kind = socket.SOCK_DGRAM if port.protocol is Protocol.UDP else socket.SOCK_STREAM
        self._socket = _bound(network, port.number, kind)
        self._server: asyncio.Server | asyncio.DatagramTransport | None = None

    async def listen(self, site: Site) -> None:
        """Take connections for a container."""
        loop = asyncio.get_running_loop()
        if self.port.protocol is Protocol.UDP:
            self._server, _ = await loop.create_datagram_endpoint(EchoDatagrams, sock=self._socket)
            return
        kind = spoken_at(self.port.protocol)
        context = server_context() if self.port.protocol is Protocol.HTTPS else None
        self._server = await loop.create_server(lambda: kind(site), sock=self._socket, backlog=_BACKLOG, ssl=context)

    def close(self) -> None:
        """Take no more connections, and free the port."""
        if self._server is None:
            self._socket.close()
        else:
            self._server.close()


def bind_all(network: Network, ports: Sequence[Port]) -> list[BoundPort]:
    """All ports of a container, or none.

    Raises:
        OSError: one is taken; `filename` says which.
    """
    bound: list[BoundPort] = []
    for port in ports:
        try:
            bound.append(BoundPort(network, port))
        except Exception as error:
            for each in bound:
                each.close()
            if isinstance(error, OSError):
                error.filename = f"port {port.number}"
            raise
    return bound


def spoken_at(protocol: Protocol) -> type[Connection]:
    """What is spoken on connections to a port."""
    match protocol:
        case Protocol.AUTO:
            return UnknownConnection
        case Protocol.HTTP | Protocol.HTTPS:
            return AnyHttpConnection
        case Protocol.HTTP2 | Protocol.GRPC:
            return Http2Connection
        case Protocol.TCP | Protocol.UDP:
            return EchoConnection
        case Protocol.TCP_FIRST:
            return GreetingConnection
    assert_never(protocol)


def _bound(network: Network, number: int, kind: socket.SocketKind) -> socket.socket:
    """Of both families where there is IPv6."""
    try:
        made = network.open(socket.AF_INET6, kind)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        host = "::"
    except OSError:
        made, host = network.open(socket.AF_INET, kind), "0.0.0.0"  # noqa: S104  # in a pod's own network
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, number))
    except OSError:
        made.close()
        raise
    return made
