"""Probes that were led to the proxy's agent: asked for by path, made on towards the application."""

import asyncio
import socket

from sidestep.lab.agent.client.ask import Client
from sidestep.lab.agent.health import HealthServer
from sidestep.lab.agent.messages import Request
from sidestep.lab.agent.probes.attempt import Prober
from sidestep.lab.dns.names import DnsConfig
from sidestep.lab.dns.resolver import Resolver
from sidestep.lab.sockets import Network
from sidestep.lab.workload.containers import Probe, ProbeKind

PATH = "/app-health/main/readyz"


async def answered(path: str, *, listens: bool) -> int:
    """The code of an answer about an application that listens, or does not."""
    with socket.socket() as application, socket.socket() as free:
        for each in (application, free):
            each.bind(("127.0.0.1", 0))
        if listens:
            application.listen()
        port = free.getsockname()[1]
        free.close()
        probe = Probe(ProbeKind.READINESS, port=application.getsockname()[1])
        server = HealthServer(Network(), port, {PATH: probe}, Prober("127.0.0.1", "", {}))
        await asyncio.sleep(0)
        try:
            asked = Request(f"http://127.0.0.1:{port}{path}", timeout=5)
            return (await Client(Network(), Resolver(Network(), DnsConfig())).ask(asked, fresh=True)).code
        finally:
            server.close()


def test_the_application_decides():
    assert asyncio.run(answered(PATH, listens=True)) == 200
    assert asyncio.run(answered(PATH, listens=False)) == 500


def test_a_path_that_no_probe_was_led_to_is_not_found():
    assert asyncio.run(answered("/app-health/main/livez", listens=True)) == 404


def test_who_hangs_up_or_asks_nonsense_harms_nobody():
    asyncio.run(nonsense_is_asked())


async def nonsense_is_asked() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = HealthServer(Network(), port, {}, Prober("127.0.0.1", "", {}))
    await asyncio.sleep(0)
    try:
        for nonsense in (b"", b"\r\n\r\n", b"GET\r\n\r\n", b"x" * 100_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(nonsense)
            writer.write_eof()
            told = await reader.read()
            assert told == b"" or told.startswith(b"HTTP/1.1 404")
            writer.close()
    finally:
        server.close()
