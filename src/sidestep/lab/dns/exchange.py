"""Ask a DNS server: over UDP, and again over TCP where the answer was cut."""

import asyncio
import socket

import dns.exception
import dns.flags
import dns.message
from msgspec import Struct

from sidestep.lab.sockets import Network, family_of

_TRY_SECONDS = 2.5
_TRIES = 2


class UpstreamError(Exception):
    """A server gave no answer that could be used: why, in words."""


class Upstream(Struct, frozen=True):
    """A server, and from where it is asked.

    Attributes:
        network: where from.
        address: of the server.
        port: of the server.
        mark: of the socket, that tells a proxy's own packets.
    """

    network: Network
    address: str
    port: int = 53
    mark: int = 0

    async def ask(self, query: dns.message.Message) -> dns.message.Message:
        """One answer.

        Raises:
            UpstreamError: it does not answer, is not to be reached, or answers nonsense.
        """
        try:
            answer = dns.message.from_wire(await self._over_udp(query), ignore_trailing=True)
            if answer.flags & dns.flags.TC:
                answer = dns.message.from_wire(await self._over_tcp(query))
        except (OSError, EOFError) as error:
            raise UpstreamError(f"{self.address}: {str(error) or 'no answer'}") from error
        except dns.exception.DNSException as error:
            raise UpstreamError(f"{self.address}: the answer is no DNS message") from error
        if not query.is_response(answer):
            raise UpstreamError(f"{self.address}: the answer is to another question")
        return answer

    async def _over_udp(self, query: dns.message.Message) -> bytes:
        loop = asyncio.get_running_loop()
        made = self._socket(socket.SOCK_DGRAM)
        try:
            made.connect((self.address, self.port))
        except OSError:
            made.close()
            raise
        transport, replies = await loop.create_datagram_endpoint(lambda: _Reply(query.id), sock=made)
        try:
            for _ in range(_TRIES):
                transport.sendto(query.to_wire())
                done, _pending = await asyncio.wait((replies.reply,), timeout=_TRY_SECONDS)
                if done:
                    return replies.reply.result()
        finally:
            replies.reply.cancel()
            transport.close()
        raise TimeoutError

    async def _over_tcp(self, query: dns.message.Message) -> bytes:
        made = self._socket(socket.SOCK_STREAM)
        async with asyncio.timeout(_TRY_SECONDS * _TRIES):
            try:
                await asyncio.get_running_loop().sock_connect(made, (self.address, self.port))
            except BaseException:
                made.close()
                raise
            reader, writer = await asyncio.open_connection(sock=made)
            try:
                data = query.to_wire()
                writer.write(len(data).to_bytes(2, "big") + data)
                size = int.from_bytes(await reader.readexactly(2), "big")
                return await reader.readexactly(size)
            finally:
                writer.close()

    def _socket(self, kind: socket.SocketKind) -> socket.socket:
        made = self.network.open(family_of(self.address), kind)
        if self.mark:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, self.mark)
        return made


class _Reply(asyncio.DatagramProtocol):
    """Waits for the answer with the number of the question."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        del addr
        if int.from_bytes(data[:2], "big") == self._number and not self.reply.done():
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)
