"""Sends the edges of pods that come and go, by one clock."""

import asyncio
import heapq
import time
from collections.abc import Callable

from sidestep.lab.agent.client.ask import Client
from sidestep.lab.agent.drive.messages import Begin, Ended, Heard, Rows
from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.agent.load.generator import NAMES_KEPT
from sidestep.lab.agent.load.tally import judge
from sidestep.lab.agent.load.ticker import Ticker
from sidestep.lab.agent.messages import LATENESS, Edge, Example, Outcome, Row
from sidestep.lab.dns.resolver import Resolver
from sidestep.lab.sockets import Network

_EXAMPLES = 3
"""Failures of a row that are told in full."""
_MICROSECONDS = 1_000_000


class Lane:
    """One edge of one pod.

    Args:
        edge: what is sent.
        client: of the pod.
        began: when its first request is due, by the clock that is monotonic.
    """

    def __init__(self, edge: Edge, client: Client, began: float) -> None:
        self.edge, self.began = edge, began
        self.ended = False
        self._client = client
        self._busy = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._free = asyncio.Semaphore(edge.connections)
        self._number = 0

    @property
    def next(self) -> float:
        """When the next request is due, by the clock that is monotonic: counted, so that no error grows."""
        return self.began + self._number / self.edge.rate

    @property
    def busy(self) -> bool:
        """Whether anything is on its way."""
        return self._busy > 0

    def begin(self) -> None:
        """One is due: `ask` must follow."""
        self._number += 1
        self._busy += 1
        self._quiet.clear()

    async def ask(self, planned: float) -> Outcome:
        """One request, timed from when it was due."""
        try:
            async with self._free:
                told = await self._client.ask(self.edge.request, fresh=self.edge.fresh, since=planned)
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()
                self._close_if_ended()
        return judge(self.edge, told)

    def end(self) -> None:
        """Begin nothing more; connections are closed when nothing is on its way."""
        self.ended = True
        self._close_if_ended()

    async def quiet(self) -> None:
        """Wait until nothing is on its way."""
        await self._quiet.wait()

    def _close_if_ended(self) -> None:
        if self.ended and not self._busy:
            self._client.close()


class Driver:
    """Load of many pods.

    Args:
        tell: hears rows, and who has ended.
    """

    def __init__(self, tell: Callable[[Heard], None]) -> None:
        self._tell = tell
        self._lanes: dict[str, list[Lane]] = {}
        self._plan: list[tuple[float, int, Lane]] = []
        self._order = 0
        self._rows: dict[tuple[str, str, int], Row] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticker = Ticker(self._due)
        self._offset = time.time() - time.monotonic()

    def begin(self, order: Begin) -> None:
        """A pod's edges from now on, each moved by its share of the interval; in the place of those that it had."""
        ending = [lane for lane in self._end_lanes(order.uid) if lane.busy]
        now, network = time.monotonic(), Network(order.origin.netns)
        resolver = Resolver(network, order.origin.dns, NAMES_KEPT)
        lanes = [
            Lane(edge, Client(network, resolver, edge.uses), now + number / len(order.edges) / edge.rate)
            for number, edge in enumerate(order.edges)
        ]
        self._lanes[order.uid] = ending + lanes
        for lane in lanes:
            self._push(lane)
        self._due()

    async def end(self, uid: str) -> None:
        """No more of a pod; told when nothing of it is on its way."""
        for lane in self._end_lanes(uid):
            await lane.quiet()
        self.flush()
        self._tell(Ended(uid))

    def flush(self) -> None:
        """Tell what became of requests since the last time."""
        if self._rows:
            rows, self._rows = self._rows, {}
            self._tell(Rows(tuple(rows.values())))

    def _end_lanes(self, uid: str) -> list[Lane]:
        lanes = self._lanes.pop(uid, [])
        for lane in lanes:
            lane.end()
        return lanes

    def _push(self, lane: Lane) -> None:
        self._order += 1
        heapq.heappush(self._plan, (lane.next, self._order, lane))

    def _due(self) -> None:
        """Begin all whose time has come."""
        while self._plan:
            planned, _, lane = self._plan[0]
            if not lane.ended and planned > time.monotonic():
                self._ticker.at(planned)
                return
            heapq.heappop(self._plan)
            if lane.ended:
                continue
            lane.begin()
            self._push(lane)
            self._note_lateness(planned)
            task = asyncio.create_task(self._ask(lane, planned))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, lane: Lane, planned: float) -> None:
        outcome = await lane.ask(planned)
        self._count(lane.edge, planned + self._offset, outcome)

    def _note_lateness(self, planned: float) -> None:
        row = self._row(LATENESS, "", planned + self._offset)
        row.sent, row.ok = row.sent + 1, row.ok + 1
        row.latency.add(int((time.monotonic() - planned) * _MICROSECONDS))

    def _row(self, name: str, uid: str, at: float) -> Row:
        key = (name, uid, int(at))
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = Row(name, uid, int(at), latency=Histogram())
        return row

    def _count(self, edge: Edge, at: float, outcome: Outcome) -> None:
        row = self._row(edge.name, edge.uid, at)
        row.sent += 1
        if outcome.ok:
            row.ok += 1
            row.latency.add(int(outcome.milliseconds / 1000 * _MICROSECONDS))
            return
        row.failures[outcome.kind] = row.failures.get(outcome.kind, 0) + 1
        if len(row.examples) < _EXAMPLES:
            row.examples.append(Example(at, outcome))
