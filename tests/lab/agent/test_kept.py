"""Connections that are kept for some requests: how many there are, and what becomes of one that ended meanwhile."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from sidestep.lab.agent.client.ask import Client
from sidestep.lab.agent.messages import Request
from sidestep.lab.dns.names import DnsConfig
from sidestep.lab.dns.resolver import Resolver
from sidestep.lab.sockets import Network
from sidestep.lab.workload.application import Application
from sidestep.lab.workload.containers import Behaviour, Port, Protocol
from sidestep.lab.workload.exchange import Who
from sidestep.lab.workload.servers.connection import Site
from sidestep.lab.workload.servers.ports import BoundPort

SPOKEN = {
    "http": Protocol.HTTP, "h2c": Protocol.HTTP2, "grpc": Protocol.GRPC, "tcp": Protocol.TCP,
    "tcp-first": Protocol.TCP_FIRST,
}  # fmt: skip


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


@asynccontextmanager
async def serving(scheme, uses=0):
    """A workload, whoever asks it, and the URL."""
    site = Site(Application(Who("cart-1", "shop"), Behaviour(), None))
    number = free_port()
    port = BoundPort(Network(), Port(number, SPOKEN[scheme]))
    await port.listen(site)
    client = Client(Network(), Resolver(Network(), DnsConfig()), uses)
    path = "/a.B/C" if scheme == "grpc" else ""
    try:
        yield site, client, Request(f"{scheme}://127.0.0.1:{number}{path}", timeout=60)
    finally:
        client.close()
        port.close()
        site.cut()
        await site.emptied()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("scheme", SPOKEN)
@pytest.mark.parametrize(("uses", "opened"), [(1, 6), (3, 2), (6, 1)])
def test_a_connection_serves_so_many_requests_and_is_closed(scheme, uses, opened):
    async def run():
        async with serving(scheme, uses) as (site, client, request):
            told = [await client.ask(request) for _ in range(6)]
            await site.emptied()
            return [each.kind for each in told], client.opened

    assert asyncio.run(run()) == (["ok"] * 6, opened)


@pytest.mark.parametrize(("scheme", "opened"), [("http", 1), ("grpc", 1), ("tcp", 3), ("tcp-first", 3)])
def test_any_number_of_http_and_one_of_bytes_where_nothing_is_said(scheme, opened):
    async def run():
        async with serving(scheme) as (_, client, request):
            assert all([(await client.ask(request)).ok for _ in range(3)])
            return client.opened

    assert asyncio.run(run()) == opened


@pytest.mark.parametrize("scheme", ["h2c", "grpc"])
def test_one_that_has_served_enough_is_not_closed_under_those_who_still_wait(scheme):
    async def run():
        async with serving(scheme, 3) as (_, client, request):
            await client.ask(request)
            told = await asyncio.gather(*(client.ask(request) for _ in range(8)))
            return [each.kind for each in told]

    assert asyncio.run(run()) == ["ok"] * 8


@pytest.mark.parametrize("scheme", ["http", "tcp", "tcp-first"])
def test_one_that_was_cut_meanwhile_is_replaced(scheme):
    async def run():
        async with serving(scheme, 50) as (site, client, request):
            assert (await client.ask(request)).ok
            for each in site.open:
                each.transport.pause_reading()
                each.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            told = await client.ask(request)
            return told.kind, client.opened

    assert asyncio.run(run()) == ("ok", 2)


def test_who_greets_says_who_he_is_on_every_request():
    async def run():
        async with serving("tcp-first", 2) as (_, client, request):
            return [(each.pod, each.body) for each in [await client.ask(request) for _ in range(2)]]

    assert asyncio.run(run()) == [("shop/cart-1", "220 shop/cart-1 ready\r\nsidestep")] * 2


def test_what_comes_back_otherwise_is_no_answer():
    async def run():
        async def other(reader, writer):
            writer.write((await reader.read(100)).upper())
            await reader.read()
            writer.close()

        async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
            client = Client(Network(), Resolver(Network(), DnsConfig()), 5)
            told = await client.ask(Request(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=60))
            client.close()
            await asyncio.sleep(0.01)
            return told

    told = asyncio.run(run())
    assert (told.ok, told.kind) == (False, "protocol")
    assert "other bytes" in told.detail
