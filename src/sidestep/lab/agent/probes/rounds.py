"""A container's probes, made again and again."""

import asyncio
from collections.abc import Callable

from sidestep.lab.agent.probes.attempt import Prober
from sidestep.lab.agent.probes.state import Meaning, ProbeState
from sidestep.lab.workload.containers import Container, Probe, ProbeKind

_WHILE_NOT_READY = 1.0
"""Seconds at most between probes of what is not ready: sooner than a kubelet, for the lab is to be up in seconds."""


class Rounds:
    """Probes of one container since its last start.

    Args:
        container: whose.
        prober: makes them.
        listens: whether a built-in container listens by now, which is all that a command can find out of it.
        told: hears what `started`, `ready` and the reason are, at the beginning and whenever they change.
        unhealthy: hears of a startup or liveness probe that failed as often as allowed, and why.
    """

    def __init__(
        self,
        container: Container,
        prober: Prober,
        listens: Callable[[], bool],
        told: Callable[[ProbeState], None],
        unhealthy: Callable[[ProbeKind, str], None],
    ) -> None:
        self._container, self._prober, self._listens = container, prober, listens
        self._told, self._unhealthy = told, unhealthy
        self.state = ProbeState(container.probes)
        self._started = asyncio.Event()
        self._tasks = [asyncio.create_task(self._make(each)) for each in container.probes]
        self._tell()

    def end(self) -> None:
        """Make no more."""
        for task in self._tasks:
            task.cancel()

    async def _make(self, probe: Probe) -> None:
        """The startup probe until it succeeds; the others after that, for ever."""
        startup = probe.kind is ProbeKind.STARTUP
        if not startup:
            await self._started.wait()
        await asyncio.sleep(self._delay(probe))
        while not (startup and self.state.started):
            self._take(probe, await self._problem(probe))
            await asyncio.sleep(probe.period if self.state.ready else min(probe.period, _WHILE_NOT_READY))

    def _delay(self, probe: Probe) -> float:
        """A built-in container does not need the time that its image would: it has `start_after` for that."""
        waits = probe.kind is ProbeKind.LIVENESS or self._container.command
        return probe.initial_delay if waits else 0

    async def _problem(self, probe: Probe) -> str:
        if probe.command and not self._container.command:
            return "" if self._listens() else "the container does not listen yet"
        return await self._prober.attempt(probe)

    def _take(self, probe: Probe, problem: str) -> None:
        match self.state.take(probe.kind, problem):
            case Meaning.CHANGED:
                self._tell()
            case Meaning.RESTART:
                self._unhealthy(probe.kind, self.state.reason)
            case Meaning.NOTHING:
                pass

    def _tell(self) -> None:
        if self.state.started:
            self._started.set()
        self._told(self.state)
