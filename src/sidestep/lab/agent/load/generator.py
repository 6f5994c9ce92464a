"""Sends load on many edges by one clock."""

import asyncio
import heapq
import time
from collections.abc import Callable, Mapping

from msgspec import Struct

from sidestep.lab.agent.client.ask import Client
from sidestep.lab.agent.load.tally import Tally
from sidestep.lab.agent.load.ticker import Ticker
from sidestep.lab.agent.messages import Edge, EdgeResult
from sidestep.lab.dns.names import DnsConfig
from sidestep.lab.dns.resolver import Resolver
from sidestep.lab.sockets import Network

NAMES_KEPT = 1.0
"""Seconds: a connection for each request shall not mean eight questions of DNS for each."""


class From(Struct, frozen=True):
    """Where requests come from: a pod's network and its resolv.conf."""

    netns: str
    dns: DnsConfig


class Lane:
    """One edge: its own connections, its place in time.

    The first request of each edge is moved by its share of the interval, so that edges of one rate do not fire at once.
    """

    def __init__(self, edge: Edge, origin: From, phase: float) -> None:
        self.tally = Tally(edge)
        network = Network(origin.netns)
        self.client = Client(network, Resolver(network, origin.dns, NAMES_KEPT), edge.uses)
        self._interval, self._phase = 1 / edge.rate, phase
        self._free = asyncio.Semaphore(edge.connections)
        self._number = 0

    @property
    def next(self) -> float:
        """Seconds from the beginning to the next request: counted, not summed up, so that no error grows."""
        return (self._number + self._phase) * self._interval

    def advance(self) -> None:
        """One was begun."""
        self._number += 1

    async def send(self, began: float, offset: float) -> None:
        """One request, timed from the moment for which it was planned."""
        edge, planned = self.tally.edge, began + offset
        self.tally.begun(time.monotonic() - planned)
        async with self._free:
            outcome = await self.client.ask(edge.request, fresh=edge.fresh, since=planned)
        self.tally.ended(offset, outcome)


class Generator:
    """Load on edges, for a time.

    Args:
        edges: what.
        origins: where pods are, by uid.
        seconds: how long.
    """

    def __init__(self, edges: tuple[Edge, ...], origins: Mapping[str, From], seconds: float) -> None:
        self._lanes = [Lane(edge, origins[edge.uid], i / len(edges)) for i, edge in enumerate(edges)]
        self._seconds = seconds
        self._plan = [(lane.next, number) for number, lane in enumerate(self._lanes)]
        heapq.heapify(self._plan)
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()
        self._began = 0.0

    @property
    def tallies(self) -> list[Tally]:
        """What happened so far."""
        return [lane.tally for lane in self._lanes]

    async def run(self) -> float:
        """Send, and wait for the last answer; how many seconds it sent."""
        ticker = Ticker(lambda: self._due(ticker))
        self._began = time.monotonic()
        self._due(ticker)
        await self._over.wait()
        sent = time.monotonic() - self._began
        ticker.close()
        while self._tasks:
            await asyncio.wait(self._tasks)
        for lane in self._lanes:
            lane.client.close()
        return sent

    def cancel(self) -> None:
        """Begin no more."""
        self._plan.clear()
        self._over.set()

    def results(self) -> tuple[EdgeResult, ...]:
        """What became of all."""
        return tuple(lane.tally.result(lane.client.opened) for lane in self._lanes)

    def _due(self, ticker: Ticker) -> None:
        """Begin all whose time has come."""
        while self._plan:
            offset, number = self._plan[0]
            if offset >= self._seconds:
                heapq.heappop(self._plan)
                continue
            if self._began + offset > time.monotonic():
                ticker.at(self._began + offset)
                return
            lane = self._lanes[number]
            lane.advance()
            heapq.heapreplace(self._plan, (lane.next, number))
            task = asyncio.create_task(lane.send(self._began, offset))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._over.set()


async def every_second(tell: Callable[[float], None]) -> None:
    """Call each second until it is cancelled."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(1)
        tell(time.monotonic() - began)
