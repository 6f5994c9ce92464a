"""The lab's metrics: what proxies write of connections is read now and then, and counted when it was understood."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from sidestep.controlplane.describing import Answer
from sidestep.errors import SidestepError
from sidestep.lab.machine.processes import Processes
from sidestep.lab.machine.scratch import Scratch
from sidestep.lab.metrics.counting import Counting, names
from sidestep.lab.metrics.exposition import exposition
from sidestep.lab.metrics.files import Log
from sidestep.lab.metrics.lines import Line

_PAUSE = 2.0
_NOBODY = Answer()
_MOST_KNOWN = 50_000

Ask = Callable[..., Awaitable[Any]]


class Telemetry:
    """Counts.

    Args:
        scratch: the lab's folder.
        processes: of the lab.
        ask: asks the control plane.
    """

    def __init__(self, scratch: Scratch, processes: Processes, ask: Ask) -> None:
        self._scratch, self._processes, self._ask = scratch, processes, ask
        self._logs: dict[str, Log] = {}
        self._counting = Counting()
        self._known: dict[str, Answer] = {}
        self._reading = asyncio.Lock()

    async def run(self, nodes: Callable[[], Iterable[str]]) -> None:
        """Read for ever."""
        while True:
            await asyncio.sleep(_PAUSE)
            await self._read(nodes())

    async def text(self, nodes: Iterable[str]) -> str:
        """As Prometheus reads it."""
        await self._read(nodes)
        return exposition(self._counting.counters)

    async def _read(self, nodes: Iterable[str]) -> None:
        async with self._reading:
            for node in list(nodes):
                while lines := list(self._log(node).lines()):
                    await self._learn({name for line in lines for name in names(line)})
                    self._count(node, lines)

    def _count(self, node: str, lines: Iterable[Line]) -> None:
        for line in lines:
            self._counting.take(node, line, lambda name: self._known.get(name, _NOBODY))

    async def _learn(self, needed: set[str]) -> None:
        """Keys are for ever; addresses may have changed hands since the last time."""
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        unknown = sorted(each for each in needed if "/" not in each or each not in self._known)
        if not unknown:
            return
        try:
            told = await self._ask("describe", names=unknown)
        except SidestepError:
            return
        self._known.update(msgspec.convert(told, dict[str, Answer]))

    def _log(self, node: str) -> Log:
        if node not in self._logs:
            name = f"envoy/{node}"
            path = self._scratch.logs / f"access-{node}.log"
            self._logs[node] = Log(path, lambda: self._processes.signal(name, signal.SIGUSR1))
        return self._logs[node]
