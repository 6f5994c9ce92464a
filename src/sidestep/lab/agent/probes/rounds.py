"""A container's probes, made again and again."""

import asyncio
from collections.abc import Callable

from sidestep.lab.agent.probes.attempt import Prober
from sidestep.lab.agent.probes.state import Meaning, ProbeState
from sidestep.lab.workload.containers import Container, Probe, ProbeKind

_LOOK = 0.05


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
        self._tasks = [asyncio.create_task(self._make(each)) for each in container.probes]
        self._told(self.state)

    def end(self) -> None:
        """Make no more."""
        for task in self._tasks:
            task.cancel()

    async def _make(self, probe: Probe) -> None:
        await asyncio.sleep(probe.initial_delay)
        while True:
            while not self.state.is_due(probe.kind):
                if probe.kind is ProbeKind.STARTUP:
                    return
                await asyncio.sleep(_LOOK)
            self._take(probe, await self._problem(probe))
            await asyncio.sleep(probe.period if self._settled(probe) else min(probe.period, 1.0))

    def _settled(self, probe: Probe) -> bool:
        """A kubelet probes sooner while it waits for a container to become ready (readiness, once started)."""
        return not (probe.kind is ProbeKind.READINESS and not self.state.ready)

    async def _problem(self, probe: Probe) -> str:
        if probe.command and not self._container.command:
            return "" if self._listens() else "the container does not listen yet"
        return await self._prober.attempt(probe)

    def _take(self, probe: Probe, problem: str) -> None:
        match self.state.take(probe.kind, problem):
            case Meaning.CHANGED:
                self._told(self.state)
            case Meaning.RESTART:
                self._unhealthy(probe.kind, self.state.reason)
            case Meaning.NOTHING:
                pass
