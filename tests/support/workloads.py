"""Built-in workloads of the lab on loopback, for proxies that a test runs."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sidestep.lab.sockets import Network
from sidestep.lab.workload.application import Aids, Application
from sidestep.lab.workload.containers import Behaviour, Port, Protocol
from sidestep.lab.workload.exchange import Who
from sidestep.lab.workload.issuer import Issuer
from sidestep.lab.workload.servers.connection import Site
from sidestep.lab.workload.servers.ports import BoundPort


class _Nobody:
    async def call(self, url, headers, seconds):
        raise AssertionError(url)


@contextmanager
def workload(
    behaviour: Behaviour, protocol: Protocol = Protocol.HTTP, issuer: Issuer | None = None, keep=None
) -> Iterator[int]:
    """Serve, in a thread of its own; the port."""
    started: list[int] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        bound = BoundPort(Network(), Port(0, protocol))
        started.append(bound._socket.getsockname()[1])
        site = Site(Application(Who("served", "shop"), behaviour, _Nobody(), Aids(issuer=issuer, keep=keep)))
        await bound.listen(site)
        ready.set()
        await ended.wait()
        bound.close()
        site.cut()
        await site.emptied()
        own = asyncio.current_task()
        await asyncio.gather(*(each for each in asyncio.all_tasks() if each is not own), return_exceptions=True)

    ended = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()
