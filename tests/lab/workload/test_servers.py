"""The workload's servers byte by byte, against clients that are plain sockets."""

import asyncio
import socket

import pytest
from tests.lab.workload.test_application import Callee

from sidestep.lab.sockets import Network
from sidestep.lab.workload.application import Application
from sidestep.lab.workload.containers import Behaviour, Port, Protocol
from sidestep.lab.workload.exchange import Who
from sidestep.lab.workload.servers.connection import Site
from sidestep.lab.workload.servers.ports import BoundPort

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
BIG = b"0123456789abcdef" * 400_000


def talked(protocol, sent, behaviour=None, *, half_close=True) -> bytes:
    """All that a server says to a client that sends this, until the server closes."""

    async def run():
        bound = BoundPort(Network(), Port(0, protocol))
        number = bound._socket.getsockname()[1]
        told = behaviour or Behaviour()
        await bound.listen(Site(Application(Who("a", "shop"), told, Callee()), told.keep_alive))
        try:
            return await asyncio.wait_for(_said(number, sent, half_close=half_close), 30)
        finally:
            bound.close()

    return asyncio.run(run())


async def _said(number, sent, *, half_close):
    reader, writer = await asyncio.open_connection("127.0.0.1", number)

    async def send():
        for part in sent if isinstance(sent, tuple) else (sent,):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if half_close:
            writer.write_eof()

    sending = asyncio.create_task(send())
    said = await reader.read()
    await sending
    writer.close()
    return said


def test_requests_in_one_go_are_answered_one_after_the_other():
    assert talked(Protocol.HTTP, GET * 3).count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize("behaviour", [Behaviour(), Behaviour(latency=0.01)])
def test_a_client_that_has_closed_its_half_is_still_answered(behaviour):
    assert talked(Protocol.HTTP, GET, behaviour).count(b"HTTP/1.1 200") == 1


def test_head_has_no_body():
    head, _, body = talked(Protocol.HTTP, GET.replace(b"GET", b"HEAD")).partition(b"\r\n\r\n")
    assert b"content-length" in head
    assert body == b""


def test_who_waits_to_be_told_to_go_on_is_told():
    asks = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n"
    said = talked(Protocol.HTTP, (asks, b"abc"))
    assert b"HTTP/1.1 200" in said
    assert b'"body_size":3' in said


@pytest.mark.parametrize(
    "nonsense", [b"GET\r\n\r\n", b"\x00\x01\x02\x03\r\n\r\n", b"GET / HTTP/1.1\r\nhost : a\r\n\r\n"]
)
def test_what_is_no_http_is_refused(nonsense):
    assert talked(Protocol.HTTP, nonsense, half_close=False).startswith(b"HTTP/1.1 400")


def test_a_connection_is_kept_for_so_many_requests_and_no_more():
    said = talked(Protocol.HTTP, GET * 3, Behaviour(keep_alive=2), half_close=False)
    assert said.count(b"HTTP/1.1 200") == 2
    assert said.count(b"connection: close") == 1


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.AUTO])
def test_all_that_is_sent_comes_back_before_the_half_that_is_left_is_closed(protocol):
    assert talked(protocol, BIG) == BIG


def test_who_greets_speaks_first():
    assert talked(Protocol.TCP_FIRST, b"hello") == b"220 shop/a ready\r\nhello"


@pytest.mark.parametrize(
    ("sent", "begins"),
    [
        ((b"G", b"ET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"), b"HTTP/1.1 200"),
        ((b"P", b"RIVATE"), b"PRIVATE"),
        ((b"HELLO",), b"HELLO"),
        ((b"\x16\x03\x01",), b"\x16\x03\x01"),
        ((b"PRI * HTTP/2.0\r\n", b"\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"), b"\x00\x00"),
    ],
)
def test_the_first_bytes_say_what_is_spoken(sent, begins):
    assert talked(Protocol.AUTO, sent).startswith(begins)


def test_datagrams_come_back():
    async def run():
        bound = BoundPort(Network(), Port(0, Protocol.UDP))
        number = bound._socket.getsockname()[1]
        await bound.listen(Site(Application(Who("a", "shop"), Behaviour(), Callee())))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect(("127.0.0.1", number))
            client.send(b"ping")
            said = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 100), 30)
        bound.close()
        return said

    assert asyncio.run(run()) == b"ping"


def test_a_port_refuses_until_it_is_listened_at_and_is_free_after_it_is_closed():
    async def run():
        bound = BoundPort(Network(), Port(0, Protocol.HTTP))
        number = bound._socket.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", number)
        bound.close()
        BoundPort(Network(), Port(number), at_once=True).close()

    asyncio.run(run())


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_a_port_is_had_by_one(protocol):
    async def run():
        bound = BoundPort(Network(), Port(0, protocol), at_once=True)
        with pytest.raises(OSError, match="in use"):
            BoundPort(Network(), Port(bound._socket.getsockname()[1], protocol), at_once=True)
        bound.close()

    asyncio.run(run())
