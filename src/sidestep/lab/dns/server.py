"""DNS servers over UDP and TCP: the cluster's, and the one of a captured pod."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import cast

import dns.message

from sidestep.lab.dns.answers import Answer
from sidestep.lab.dns.captured import captured_answer
from sidestep.lab.dns.cluster import cluster_answer
from sidestep.lab.dns.exchange import Upstream, UpstreamError
from sidestep.lab.dns.table import NameTable
from sidestep.lab.dns.wire import packed, question_of, read, reply_to
from sidestep.lab.sockets import Network, family_of

CAPTURED_PORT = 15053
PROXY_MARK = 0x539
"""Tells packets of the node's proxy from those of the pod (ztunnel.md §2)."""
CAPTURED_AT = ("127.0.0.1", "::1")
"""Where redirection sends a pod's questions: its loopback, of both families."""
_IDLE_SECONDS = 30

Reply = dns.message.Message | Awaitable[dns.message.Message]
Handler = Callable[[dns.message.Message], Reply]


class ClusterDns:
    """Answers as the cluster's server; answers that leave nothing to chance are kept until a name changes."""

    def __init__(self, table: NameTable, domain: str) -> None:
        self._table, self._domain = table, domain
        self._kept: dict[tuple[str, str], Answer] = {}
        self._version = -1

    def handle(self, query: dns.message.Message) -> Reply:
        """The answer to a query."""
        if self._version != self._table.version:
            self._kept, self._version = {}, self._table.version
        asked = question_of(query)
        if asked is None:
            return reply_to(query, None)
        key = (asked.host.lower(), asked.kind)
        answer = self._kept.get(key)
        if answer is None:
            answer = self._kept[key] = cluster_answer(self._table, asked.host, asked.kind, self._domain)
        return reply_to(query, answer)


class CapturedDns:
    """Answers as the node's proxy to one pod, and asks the cluster's server what it does not know.

    Args:
        table: names.
        namespace: of the pod.
        network: of the pod.
        upstream: addresses of nameservers.
        domain: of the cluster.
    """

    def __init__(
        self, table: NameTable, namespace: str, network: Network, upstream: tuple[str, ...], domain: str
    ) -> None:
        self._table, self._namespace, self._network = table, namespace, network
        self._upstream, self._domain = upstream, domain

    def handle(self, query: dns.message.Message) -> Reply:
        """The answer to a query."""
        asked = question_of(query)
        if asked is None:
            return reply_to(query, None)
        answer = captured_answer(self._table, asked.host, asked.kind, self._namespace, self._domain)
        return self._forwarded(query) if answer is None else reply_to(query, answer)

    async def _forwarded(self, query: dns.message.Message) -> dns.message.Message:
        """Name and kind are asked anew; the packet itself does not go on."""
        asked = query.question[0]
        onward = dns.message.make_query(asked.name, asked.rdtype)
        for server in self._upstream:
            try:
                answer = await Upstream(self._network, server, mark=PROXY_MARK).ask(onward)
            except UpstreamError:
                continue
            reply = reply_to(query, Answer(authoritative=False))
            reply.set_rcode(answer.rcode())
            reply.answer, reply.authority = answer.answer, answer.authority
            reply.additional = answer.additional
            return reply
        return reply_to(query, Answer("SERVFAIL", authoritative=False))


class DnsServer:
    """A server at some addresses; both transports."""

    def __init__(self) -> None:
        self._transports: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []

    async def start(self, network: Network, addresses: tuple[str, ...], port: int, handler: Handler) -> None:
        """Answer.

        Raises:
            OSError: an address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        try:
            for address in addresses:
                stream = _bound(network, address, port, socket.SOCK_STREAM)
                port = port or stream.getsockname()[1]
                self._servers.append(await asyncio.start_server(_over_tcp(handler), sock=stream))
                datagrams = _bound(network, address, port, socket.SOCK_DGRAM)
                transport, _ = await loop.create_datagram_endpoint(lambda: _OverUdp(handler), sock=datagrams)
                self._transports.append(transport)
        except OSError:
            self.close()
            raise

    @property
    def port(self) -> int:
        """Where it answers."""
        return int(self._servers[0].sockets[0].getsockname()[1])

    def close(self) -> None:
        """Answer no more."""
        for transport in self._transports:
            transport.close()
        for server in self._servers:
            server.close()


class _OverUdp(asyncio.DatagramProtocol):
    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = read(data)
        if query is None:
            return
        reply = self._handler(query)
        if isinstance(reply, dns.message.Message):
            self._transport.sendto(packed(reply, query, tcp=False), addr)
            return
        task = asyncio.ensure_future(self._later(reply, query, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _later(
        self, reply: Awaitable[dns.message.Message], query: dns.message.Message, addr: tuple[str, int]
    ) -> None:
        answer = packed(await reply, query, tcp=False)
        if not self._transport.is_closing():
            self._transport.sendto(answer, addr)


def _over_tcp(handler: Handler) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    size = int.from_bytes(await reader.readexactly(2), "big")
                    data = await reader.readexactly(size)
                query = read(data)
                if query is None:
                    return
                reply = handler(query)
                message = reply if isinstance(reply, dns.message.Message) else await reply
                out = packed(message, query, tcp=True)
                writer.write(len(out).to_bytes(2, "big") + out)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    return serve


def _bound(network: Network, address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    made = network.open(family_of(address), kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if made.family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made
