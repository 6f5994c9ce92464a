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
_AT_ONCE = 64
_PAUSE = 0.1


class BoundPort:
    """A port that nobody else can have any more, but that refuses connections until it is listened at.

    Connections are accepted here and not by `loop.create_server`: that forgets one which is accepted in the moment in
    which the server closes, and its client waits for ever.

    Args:
        network: where.
        port: which.
        at_once: connections may come from now on, and wait until they are served. Only so can be told whether somebody
            else has bound the port without listening.
    """

    def __init__(self, network: Network, port: Port, *, at_once: bool = False) -> None:
        self.port = port
        kind = socket.SOCK_DGRAM if port.protocol is Protocol.UDP else socket.SOCK_STREAM
        self._socket = bound_socket(network, port.number, kind)
        if at_once and kind is socket.SOCK_STREAM:
            self._listen()
        self._datagrams: asyncio.DatagramTransport | None = None
        self._accepted: set[asyncio.Task[None]] = set()

    async def listen(self, site: Site) -> None:
        """Take connections for a container.

        Raises:
            OSError: somebody else listens there by now.
        """
        self._loop = asyncio.get_running_loop()
        if self.port.protocol is Protocol.UDP:
            self._datagrams, _ = await self._loop.create_datagram_endpoint(EchoDatagrams, sock=self._socket)
            return
        self._kind, self._site = spoken_at(self.port.protocol), site
        self._context = server_context() if self.port.protocol is Protocol.HTTPS else None
        self._listen()
        self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Take no more connections, and free the port."""
        if self._datagrams is not None:
            self._datagrams.close()
        elif self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def _listen(self) -> None:
        try:
            self._socket.listen(_BACKLOG)
        except OSError:
            self._socket.close()
            raise

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(self._socket)
                self._loop.call_later(_PAUSE, self._again)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._serve(connection))
            self._accepted.add(task)
            task.add_done_callback(self._accepted.discard)

    def _again(self) -> None:
        """Descriptors may be free again."""
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)

    async def _serve(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: self._kind(self._site), connection, ssl=self._context)
        except (OSError, ConnectionError):
            connection.close()


def bind_all(network: Network, ports: Sequence[Port], *, at_once: bool) -> list[BoundPort]:
    """All ports of a container, or none.

    Raises:
        OSError: one is taken; `filename` says which.
    """
    bound: list[BoundPort] = []
    for port in ports:
        try:
            bound.append(BoundPort(network, port, at_once=at_once))
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


def bound_socket(
    network: Network, number: int, kind: socket.SocketKind = socket.SocketKind.SOCK_STREAM
) -> socket.socket:
    """A socket that has a port, of both families where there is IPv6.

    Raises:
        OSError: the port is taken.
    """
    try:
        made = network.open(socket.AF_INET6, kind)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        host = "::"
    except OSError:
        made, host = network.open(socket.AF_INET, kind), "0.0.0.0"  # noqa: S104  # in a pod's own network
    try:
        if kind is socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, number))
    except OSError:
        made.close()
        raise
    return made
