"""The lab's metrics: what proxies write of connections is read now and then, and counted when it was understood.

What the lab dials itself, to ask packets whether pods are captured, is nobody's call and is not counted.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from sidestep.controlplane.describing import Answer
from sidestep.controlplane.generators.http.telemetry import REQUESTS
from sidestep.errors import SidestepError
from sidestep.lab.machine.processes import Processes
from sidestep.lab.machine.scratch import Scratch
from sidestep.lab.machine.verification import CLOSED
from sidestep.lab.machine.written import proxies_wrote
from sidestep.lab.metrics.counting import Counting, Series, names
from sidestep.lab.metrics.exposition import exposition
from sidestep.lab.metrics.files import Log
from sidestep.lab.metrics.lines import Line, decode
from sidestep.lab.metrics.requested import Requested, Told
from sidestep.lab.metrics.requests import Request
from sidestep.lab.metrics.requests import decode as decode_request

_PAUSE = 2.0
_NOBODY = Answer()
_MOST_KNOWN = 50_000


class OfPod(Struct, frozen=True):
    """A proxy in a pod.

    Attributes:
        workload: key of the pod's record.
        process: by which verbs know it.
        folder: in which it runs.
    """

    workload: str
    process: str
    folder: Path


Ask = Callable[..., Awaitable[Any]]
_KeyT = TypeVar("_KeyT", bound=Hashable)


class Counted(Struct, frozen=True):
    """What was counted up to a moment: connections by nodes' proxies, and everything by pods' proxies."""

    connections: Mapping[Series, int] = {}
    told: Told = Told({}, {})

    def since(self, before: "Counted") -> "Counted":
        """What was counted since an earlier moment, without distributions."""
        told = Told(
            _more(self.told.totals, before.told.totals), {}, _more(self.told.connections, before.told.connections)
        )
        return Counted(_more(self.connections, before.connections), told)


def _more(now: Mapping[_KeyT, int], before: Mapping[_KeyT, int]) -> dict[_KeyT, int]:
    return {key: more for key, number in now.items() if (more := number - before.get(key, 0))}


class Telemetry:
    """Counts.

    Args:
        scratch: the lab's folder.
        processes: of the lab.
        ask: asks the control plane.
        proxies: of pods.
    """

    def __init__(
        self, scratch: Scratch, processes: Processes, ask: Ask, proxies: Callable[[], Iterable[OfPod]] = tuple
    ) -> None:
        self._scratch, self._processes, self._ask, self._proxies = scratch, processes, ask, proxies
        self._logs: dict[str, Log[Line]] = {}
        self._of_pods: dict[OfPod, Log[Request]] = {}
        self._counting, self._requested = Counting(), Requested()
        self._known: dict[str, Answer] = {}
        self._reading = asyncio.Lock()

    async def run(self, nodes: Callable[[], Iterable[str]]) -> None:
        """Read for ever."""
        while True:
            await asyncio.sleep(_PAUSE)
            await self._read(nodes())

    async def text(self, nodes: Iterable[str]) -> str:
        """As Prometheus reads it."""
        await self._read_all(nodes)
        return exposition(self._counting.counters, self._requested.told())

    async def counted(self, nodes: Iterable[str]) -> Counted:
        """What was counted so far, up to what was answered just now."""
        await self._read_all(nodes)
        told = self._requested.told()
        return Counted(Counter(self._counting.counters), Told(Counter(told.totals), {}, Counter(told.connections)))

    async def _read_all(self, nodes: Iterable[str]) -> None:
        """Everything that proxies have seen, written or not."""
        there = list(nodes)
        of_pods = (each.folder for each in self._proxies())
        await proxies_wrote([*map(self._scratch.node, there), *of_pods])
        await self._read(there)

    async def _read(self, nodes: Iterable[str]) -> None:
        async with self._reading:
            for node in list(nodes):
                while lines := list(self._log(node).lines()):
                    await self._learn({name for line in lines for name in names(line)})
                    await self._learn_services({line.uid for line in lines})
                    self._count(node, lines)
            there = frozenset(self._proxies())
            for proxy in there | self._of_pods.keys():
                await self._read_of_pod(proxy)
            for gone in self._of_pods.keys() - there:
                self._of_pods.pop(gone).close()

    async def _read_of_pod(self, proxy: OfPod) -> None:
        while requests := list(self._log_of_pod(proxy).lines()):
            await self._learn({proxy.workload, *(name for each in requests for name in each.names())})
            await self._learn_services({proxy.workload})
            for each in (one for one in requests if one.port != CLOSED):
                self._requested.take(proxy.workload, each, self._find)

    async def _learn_services(self, workloads: Iterable[str]) -> None:
        """What some workloads serve, once."""
        parties = [party for each in workloads if (party := self._find(each).party) is not None]
        await self._learn({host for each in parties for host in each.services if self._find(host).service is None})

    def _serves(self, key: str) -> bool:
        party = self._find(key).party
        return party is not None and bool(party.services)

    def _find(self, name: str) -> Answer:
        return self._known.get(name, _NOBODY)

    def _count(self, node: str, lines: Iterable[Line]) -> None:
        for line in lines:
            if line.port != CLOSED:
                self._counting.take(node, line, self._find)

    async def _learn(self, needed: set[str]) -> None:
        """Keys are for ever, once what they name serves; addresses may have changed hands since the last time."""
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        unknown = sorted(each for each in needed if "/" not in each or not self._serves(each))
        if not unknown:
            return
        try:
            told = await self._ask("describe", names=unknown)
        except SidestepError:
            return
        self._known.update(msgspec.convert(told, dict[str, Answer]))

    def _log(self, node: str) -> Log[Line]:
        if node not in self._logs:
            name = f"envoy/{node}"
            path = self._scratch.logs / f"access-{node}.log"
            self._logs[node] = Log(path, lambda: self._processes.signal(name, signal.SIGUSR1), decode)
        return self._logs[node]

    def _log_of_pod(self, proxy: OfPod) -> Log[Request]:
        """By who wrote it: a pod's name may be another's afterwards."""
        if proxy not in self._of_pods:
            again = partial(self._processes.signal, proxy.process, signal.SIGUSR1)
            self._of_pods[proxy] = Log(proxy.folder / REQUESTS, again, decode_request)
        return self._of_pods[proxy]
