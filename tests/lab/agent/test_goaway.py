"""A server of HTTP/2 that says goodbye: what was begun is answered, what it did not look at is asked again."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from hyperframe.frame import GoAwayFrame, PingFrame

from sidestep.lab.agent.client.ask import Client
from sidestep.lab.agent.client.goaway import Goodbyes
from sidestep.lab.agent.messages import Request
from sidestep.lab.dns.names import DnsConfig
from sidestep.lab.dns.resolver import Resolver
from sidestep.lab.sockets import Network

PING = PingFrame(0, b"12345678").serialize()


def goodbye(last):
    return GoAwayFrame(0, last_stream_id=last).serialize()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_goodbyes_are_taken_out_wherever_bytes_are_cut(size):
    told, kept = PING + goodbye(5) + PING + PING, b""
    goodbyes = Goodbyes()
    for place in range(0, len(told), size):
        kept += goodbyes.without(told[place : place + size])
    assert (kept, goodbyes.last) == (3 * PING, 5)


@asynccontextmanager
async def serving(last):
    """A server that says goodbye to each connection with the first request on it, and answers those up to a number."""
    seen, tasks = [], []

    async def serve(reader, writer):
        tasks.append(asyncio.current_task())
        parser = H2Connection(H2Configuration(client_side=False))
        parser.initiate_connection()
        seen.append(0)
        while data := await reader.read(65536):
            for event in parser.receive_data(data):
                if isinstance(event, RequestReceived):
                    seen[-1] += 1
                    writer.write(goodbye(last if len(seen) == 1 else 2**31 - 1))
                    if len(seen) > 1 or event.stream_id <= last:
                        parser.send_headers(
                            event.stream_id, [(":status", "200"), ("grpc-status", "0")], end_stream=True
                        )
            writer.write(parser.data_to_send())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen
        await asyncio.gather(*tasks)


def asked(last):
    """What becomes of a request, and how many each connection saw."""

    async def run():
        async with serving(last) as (port, seen):
            client = Client(Network(), Resolver(Network(), DnsConfig()))
            outcome = await client.ask(Request(f"grpc://127.0.0.1:{port}/a.B/C", timeout=5))
            client.close()
            return outcome, seen

    return asyncio.run(run())


def test_what_was_begun_is_answered_after_a_goodbye():
    outcome, seen = asked(2**31 - 1)
    assert (outcome.ok, outcome.retried, seen) == (True, False, [1]), outcome


def test_what_was_not_looked_at_is_asked_again_whatever_it_is():
    outcome, seen = asked(0)
    assert (outcome.ok, outcome.retried, seen) == (True, True, [1, 1]), outcome
