"""Connections from within a pod."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from sidestep.lab.agent.client.target import Target
from sidestep.lab.dns.resolver import Resolver
from sidestep.lab.sockets import Network, family_of

ProtocolT = TypeVar("ProtocolT", bound=asyncio.BaseProtocol)


class Dialler:
    """Opens connections as a pod would.

    Args:
        network: the pod's.
        resolver: the pod's.
    """

    def __init__(self, network: Network, resolver: Resolver) -> None:
        self.network, self._resolver = network, resolver
        self.opened = 0

    async def connect(self, target: Target, protocol: Callable[[], ProtocolT]) -> ProtocolT:
        """Connect to the first address of a host that takes it.

        Raises:
            NameNotFoundError: the host has no address.
            OSError: none takes it; the first one's reason.
        """
        problem: OSError | None = None
        for address in await self._resolver.addresses(target.host):
            try:
                made = await self._socket(address, target.port)
            except OSError as error:
                problem = problem or error
                continue
            return await self._spoken(made, target, protocol)
        raise problem or ConnectionRefusedError(f"{target.host} has no address")

    async def _socket(self, address: str, port: int) -> socket.socket:
        made = self.network.open(family_of(address), socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(made, (address, port))
        except BaseException:
            made.close()
            raise
        self.opened += 1
        return made

    @staticmethod
    async def _spoken(made: socket.socket, target: Target, protocol: Callable[[], ProtocolT]) -> ProtocolT:
        loop = asyncio.get_running_loop()
        if target.scheme != "https":
            return (await loop.create_connection(protocol, sock=made))[1]
        context = _context()
        return (await loop.create_connection(protocol, sock=made, ssl=context, server_hostname=target.host))[1]


@cache
def _context() -> ssl.SSLContext:
    """TLS that takes any certificate: workloads have one of nobody's authority, and a kubelet does not look either."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
