"""Sends the edges of pods that come and go, by one clock."""

import asyncio
import heapq
import time
from collections.abc import Callable

from sidestep.lab.agent.client.ask import Client
from sidestep.lab.agent.drive.messages import Begin, Ended, Heard, Rows
from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.agent.load.generator import From
from sidestep.lab.agent.load.tally import judge
from sidestep.lab.agent.load.ticker import Ticker
from sidestep.lab.agent.messages import Edge, Example, Outcome, Row
from sidestep.lab.sockets import Network

_NAMES_KEPT = 1.0
_EXAMPLES = 3
"""Failures of a row that are told in full."""
_MICROSECONDS = 1_000_000


class Lane:
    """One edge of one pod."""

    def __init__(self, edge: Edge, origin: From, began: float) -> None:
        self.edge, self.began = edge, began
        self.client = Client(Network(origin.netns), origin.dns, _NAMES_KEPT)
        self.busy = 0
        self.ended = False
        self._free = asyncio.Semaphore(edge.connections)
        self._number = 0

    @property
    def next(self) -> float:
        """When the next request is due, by the clock that is monotonic: counted, so that no error grows."""
        return self.began + self._number / self.edge.rate

    def advance(self) -> None:
        """One was begun."""
        self._number += 1

    async def ask(self, planned: float) -> Outcome:
        """One request, timed from when it was due."""
        async with self._free:
            return judge(self.edge, await self.client.ask(self.edge.request, fresh=self.edge.fresh, since=planned))


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
        self._end_lanes(order.uid)
        now = time.monotonic()
        lanes = [
            Lane(edge, order.origin, now + number / len(order.edges) / edge.rate)
            for number, edge in enumerate(order.edges)
        ]
        self._lanes[order.uid] = lanes
        for lane in lanes:
            self._push(lane)
        self._due()

    async def end(self, uid: str) -> None:
        """No more of a pod; told when nothing of it is on its way."""
        lanes = self._end_lanes(uid)
        while any(lane.busy for lane in lanes):
            await asyncio.wait(tuple(self._tasks), return_when=asyncio.FIRST_COMPLETED)
        for lane in lanes:
            lane.client.close()
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
            lane.ended = True
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
            lane.advance()
            self._push(lane)
            lane.busy += 1
            task = asyncio.create_task(self._ask(lane, planned))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, lane: Lane, planned: float) -> None:
        try:
            outcome = await lane.ask(planned)
        finally:
            lane.busy -= 1
        self._count(lane.edge, planned + self._offset, outcome)

    def _count(self, edge: Edge, at: float, outcome: Outcome) -> None:
        key = (edge.name, edge.uid, int(at))
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = Row(edge.name, edge.uid, int(at), latency=Histogram())
        row.sent += 1
        if outcome.ok:
            row.ok += 1
            row.latency.add(int(outcome.milliseconds / 1000 * _MICROSECONDS))
            return
        row.failures[outcome.kind] = row.failures.get(outcome.kind, 0) + 1
        if len(row.examples) < _EXAMPLES:
            row.examples.append(Example(at, outcome))
