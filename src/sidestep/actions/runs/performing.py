"""One step in one world: performed if it is not done yet, and watched until it is seen to be done."""

from collections.abc import Callable, Mapping
from typing import TypeVar, assert_never

from msgspec import Struct

from sidestep.actions.worlds.effects import Stand, Writing, perform, standing
from sidestep.actions.worlds.interface import ConflictError, World
from sidestep.errors import TransportError, WorldError
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.steps import (
    Apply,
    Comparison,
    Delete,
    Effect,
    Gate,
    Patch,
    Probe,
    Restart,
    SetLabels,
    Wait,
)

T = TypeVar("T")


class Patience(Struct, frozen=True):
    """How long things may take, in seconds.

    Attributes:
        poll: between two looks.
        transport: until a world that cannot be asked is given up.
        rollout: until all pods of a workload are new.
        probe: until a request is answered as foretold.
        window: longest over which a gate looks; 0 for as long as it says.
    """

    poll: float = 1.0
    transport: float = 300.0
    rollout: float = 600.0
    probe: float = 30.0
    window: float = 0.0


class Clock(Struct, frozen=True):
    """Time: to be read, and to be waited for."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


class Performer:
    """Performs steps.

    Args:
        world: where.
        run: its name, which restarts carry.
        patience: how long things may take.
        clock: time.
    """

    def __init__(self, world: World, run: str, patience: Patience, clock: Clock) -> None:
        self._world, self._run, self._patience, self._clock = world, run, patience, clock

    def perform(self, step: str, effect: Effect, baselines: Mapping[str, float | None]) -> str:
        """Have a step happen; what was seen of it.

        Raises:
            ConflictError: somebody else has changed the object.
            WorldError: it cannot be done, is refused, or does not come to be in time.
            TransportError: the world cannot be asked for too long.
        """
        match effect:
            case Restart():
                self._write(step, effect)
                return self._rolled_out(effect.workload)
            case SetLabels() | Patch() | Apply() | Delete():
                self._write(step, effect)
                return ""
            case Wait():
                return self._until(lambda: self._world.holds(effect), effect.seconds, str(effect.subject))
            case Gate():
                return self._gate(effect, baselines.get(step))
            case Probe():
                return self._until(lambda: self._unlike(effect), self._patience.probe, effect.to)
            case _:
                assert_never(effect)

    def measure(self, gate: Gate) -> float | None:
        """What a gate sees now."""
        return self._patiently(lambda: self._world.measure(gate.query, self._window(gate)))

    def _write(self, step: str, effect: Writing) -> None:
        """Write until it stands; a write of which nothing was heard is looked for before it is tried again."""
        token = f"{self._run}/{step}"

        def once() -> None:
            stood = standing(self._world, effect, token)
            match stood.stand:
                case Stand.DONE:
                    return
                case Stand.BEFORE:
                    perform(self._world, effect, stood, token)
                case Stand.OTHER:
                    remedy = "look who changed it; plan again, or put it back and resume"
                    raise ConflictError(f"somebody else has changed it: {stood.why}", where=step, remedy=remedy)
                case _:
                    assert_never(stood.stand)

        self._patiently(lambda: self._faster(once))

    def _faster(self, write: Callable[[], None]) -> None:
        """Somebody was faster: what he wrote may be other fields, so it is looked at once more."""
        try:
            write()
        except ConflictError:
            write()

    def _rolled_out(self, workload: WorkloadRef) -> str:
        return self._until(lambda: self._world.rolled_out(workload), self._patience.rollout, str(workload))

    def _until(self, missing: Callable[[], str], seconds: float, where: str) -> str:
        end = self._clock.now() + seconds
        while why := self._patiently(missing):
            if self._clock.now() >= end:
                raise WorldError(f"after {seconds:g} s still: {why}", where=where)
            self._clock.sleep(self._patience.poll)
        return ""

    def _unlike(self, probe: Probe) -> str:
        seen = self._world.answer(probe)
        asked = f"{probe.client} to {probe.to}:{probe.port}"
        return "" if seen == probe.expect else f"{asked}: {seen}, and {probe.expect} was foretold"

    def _gate(self, gate: Gate, baseline: float | None) -> str:
        """Look over the gate's whole window after the wave; no data is no pass."""
        window = self._window(gate)
        self._clock.sleep(window)
        value = self._patiently(lambda: self._world.measure(gate.query, window))
        compared = gate.comparison is Comparison.NO_WORSE_THAN_BASELINE
        if value is None or (compared and baseline is None):
            when = "" if value is None else " of before its wave"
            remedy = "see that its metrics are there, and resume"
            raise WorldError(f"the gate {gate.name} has no data{when}", where=gate.query, remedy=remedy)
        told = f"{gate.name} {value:g}"
        match gate.comparison:
            case Comparison.AT_MOST:
                passed, bound = value <= gate.threshold, f"at most {gate.threshold:g}"
            case Comparison.AT_LEAST:
                passed, bound = value >= gate.threshold, f"at least {gate.threshold:g}"
            case Comparison.NO_WORSE_THAN_BASELINE:
                limit = (baseline or 0.0) * gate.threshold
                passed, bound = value <= limit, f"at most {limit:g} ({gate.threshold:g} times {baseline or 0.0:g})"
            case _:
                assert_never(gate.comparison)
        if not passed:
            raise WorldError(f"the gate does not hold: {told}, and not {bound}", where=gate.name)
        return f"{told}, {bound}"

    def _window(self, gate: Gate) -> int:
        longest = self._patience.window or gate.window_seconds
        return max(1, int(min(gate.window_seconds, longest)))

    def _patiently(self, act: Callable[[], T]) -> T:
        """Try again where the world cannot be asked, for a time."""
        end = self._clock.now() + self._patience.transport
        while True:
            try:
                return act()
            except TransportError:
                if self._clock.now() >= end:
                    raise
                self._clock.sleep(self._patience.poll)
