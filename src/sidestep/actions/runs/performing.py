"""One step in one world: performed if it is not done yet, and watched until it is seen to be done."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, TypeVar, assert_never

from msgspec import Struct

from sidestep.actions.gates.judging import Answer, Finding, Seen
from sidestep.actions.gates.lasting import Lasting, lasting
from sidestep.actions.gates.watching import GateError, Watch, seen_before
from sidestep.actions.worlds.effects import Writing, have_happen, undone
from sidestep.actions.worlds.interface import ConflictError, World
from sidestep.errors import SidestepError, TransportError, WorldError
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.measures import Query
from sidestep.plan.steps import (
    Apply,
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
Trying = Callable[[Callable[[], Any]], Any]
"""Does something that may be done again, until the world can be asked, for a time."""
_LONGEST_PAUSE = 30.0
_LATER, _REST = 0.1, 4.0
"""What comes to be is seen by a tenth of its wait too late at most; who looks rests four times as long as it took."""


class Patience(Struct, frozen=True):
    """How long things may take, in seconds.

    Attributes:
        poll: between the first looks; who has waited for long looks less often.
        transport: until a world that cannot be asked is given up.
        rollout: until all pods of a workload are new.
        probe: until a request is answered as foretold.
        look: between two looks of a gate.
        window: longest for which a gate looks; 0 for as long as it says.
        past: how far back it looks for what was before; 0 for as far as it looks at most.
        settle: until what is seen of a world must be what the plan foretold.
    """

    poll: float = 1.0
    transport: float = 300.0
    rollout: float = 600.0
    probe: float = 30.0
    look: float = 5.0
    window: float = 0.0
    past: float = 0.0
    settle: float = 10.0


def _unsaid(*_: str) -> None:
    """There is nobody to be told."""


class Clock(Struct, frozen=True):
    """Time: to be read, and to be waited for.

    Attributes:
        now: seconds.
        sleep: for so many.
        away: told why a world cannot be asked while it is waited for, and "" once it can.
    """

    now: Callable[[], float]
    sleep: Callable[[float], None]
    away: Callable[[str], object] = _unsaid


class Performed(Struct, frozen=True):
    """What was seen of a step.

    Attributes:
        told: in words.
        already: it was as wanted before anything was written.
    """

    told: str = ""
    already: bool = False


class LateError(WorldError):
    """What was waited for has not come to be in time."""


class UnwrittenError(WorldError):
    """A write that was refused: the world is as it was."""


class Performer:
    """Performs steps.

    Args:
        world: where.
        run: its name, which restarts carry.
        patience: how long things may take.
        clock: time; what it raises ends a step that waits.
        waits: told at each look which step waits, and for what.
    """

    def __init__(
        self, world: World, run: str, patience: Patience, clock: Clock, waits: Callable[[str, str], object] = _unsaid
    ) -> None:
        self._world, self._run, self._patience, self._clock = world, run, patience, clock
        self._waits = waits

    def perform(
        self, step: str, effect: Effect, baselines: Mapping[str, Seen], upon: Iterable[SetLabels] = ()
    ) -> Performed:
        """Have a step happen; what was seen of it.

        Args:
            step: its id.
            effect: what is to happen.
            baselines: what gates saw before their wave.
            upon: labels whose consequence it waits for: who changes them is seen, and not waited for.

        Raises:
            UnwrittenError: somebody else has changed the object, or the world refuses: it is as it was.
            GateError: a gate does not hold, or cannot be told to.
            WorldError: it cannot be done, is refused, or does not come to be in time.
            TransportError: the world cannot be asked for too long.
        """
        match effect:
            case Restart():
                self._write(step, effect)
                return Performed(self._rolled_out(step, effect.workload, upon))
            case SetLabels() | Patch() | Apply() | Delete():
                return Performed(already=not self._write(step, effect))
            case Wait():
                missing = self._told(step, partial(self._world.holds, effect))
                return Performed(self._until(missing, effect.seconds, str(effect.subject), upon))
            case Gate():
                return Performed(self._gate(step, effect, baselines.get(step, Seen())))
            case Probe():
                missing = self._told(step, partial(self._unlike, effect))
                return Performed(self._until(missing, self._patience.probe, effect.to))
            case _:
                assert_never(effect)

    def baseline(self, gate: Gate) -> Seen:
        """What a gate sees of the time before now."""
        return seen_before(self._measure, gate, self._patience.past or self._window(gate))

    def lasting(self, workload: WorkloadRef) -> Lasting | None:
        """Connections to a workload that have lasted, and end with its pods."""
        return lasting(self._measure, workload)

    def check(self, look: Callable[[], Finding]) -> Finding:
        """What is seen of the world once it holds, or at last: what controllers still do is waited for.

        Raises:
            TransportError: the world cannot be asked for too long.
        """
        end = self._clock.now() + self._patience.settle
        while True:
            found = self._patiently(look)
            if found.answer is Answer.HOLDS or self._clock.now() >= end:
                return found
            self._clock.sleep(self._patience.look)

    def _write(self, step: str, effect: Writing) -> bool:
        """Write until it stands; a write of which nothing was heard is looked for before it is tried again.

        Returns:
            Whether anything may have been written.

        Raises:
            UnwrittenError: it was refused, and nothing that was not heard of came before.
        """
        token = f"{self._run}/{step}"
        tries = count()

        def once() -> bool:
            again = next(tries) > 0
            try:
                return have_happen(self._world, effect, token, step) or again
            except WorldError as error:
                if again:
                    raise
                raise UnwrittenError(error.message, where=error.where, remedy=error.remedy) from error

        return self._patiently(once)

    def _told(self, step: str, missing: Callable[[], str]) -> Callable[[], str]:
        """What is missing, of which is told what a step waits for."""

        def looked() -> str:
            why = missing()
            if why:
                self._waits(step, why)
            return why

        return looked

    def _rolled_out(self, step: str, workload: WorkloadRef, upon: Iterable[SetLabels]) -> str:
        missing = self._told(step, partial(self._world.rolled_out, workload))
        try:
            return self._until(missing, self._patience.rollout, str(workload), upon)
        except LateError as error:
            said = self._held_up_by(workload)
            raise (LateError(f"{error.message}; {said}", where=error.where) if said else error) from None

    def _held_up_by(self, workload: WorkloadRef) -> str:
        """What pods say of it, as far as they can be asked."""
        with suppress(SidestepError):
            return self._world.held_up_by(workload)
        return ""

    def _until(self, missing: Callable[[], str], seconds: float, where: str, upon: Iterable[SetLabels] = ()) -> str:
        began = self._clock.now()
        while True:
            looked = self._clock.now()
            why = self._patiently(missing)
            if not why:
                return ""
            now = self._clock.now()
            if now - began >= seconds:
                raise LateError(f"after {seconds:g} s still: {why}", where=where)
            self._clock.sleep(min(self._pause(now - began, now - looked), seconds - (now - began)))
            for each in upon:
                self._patiently(partial(self._check_stands, each))

    def _pause(self, waited: float, took: float) -> float:
        """Until the next look: the more looks there were the longer, so that many that wait for long ask for little."""
        return max(self._patience.poll, min(max(waited * _LATER, took * _REST), _LONGEST_PAUSE))

    def _check_stands(self, labels: SetLabels) -> None:
        """Who waits for what comes of labels that somebody has changed since waits in vain."""
        if why := undone(self._world, labels):
            remedy = "look who changed it, and why; then carry the wave out again"
            where = str(labels.object)
            raise ConflictError(f"somebody else has changed it meanwhile: {why}", where=where, remedy=remedy)

    def _unlike(self, probe: Probe) -> str:
        seen = self._world.answer(probe)
        asked = f"{probe.client} to {probe.to}:{probe.port}"
        return "" if seen == probe.expect else f"{asked}: {seen}, and {probe.expect} was foretold"

    def _gate(self, step: str, gate: Gate, before: Seen) -> str:
        """Look until it can be told; what cannot be told in time is no pass."""
        longest, began = self._window(gate), self._clock.now()
        watch = Watch(self._measure, gate, before, longest)
        while True:
            self._clock.sleep(min(self._patience.look, longest))
            seconds = self._clock.now() - began
            over = seconds >= longest
            found = watch.look(seconds, over=over)
            if found.answer is Answer.HOLDS:
                return found.told
            if over or found.answer is Answer.FAILS:
                raise GateError(gate, found)
            self._waits(step, found.told)

    def _measure(self, query: Query, seconds: float) -> float | None:
        return self._patiently(lambda: self._world.measure(query, seconds))

    def _window(self, gate: Gate) -> float:
        longest = self._patience.window or gate.window_seconds
        return max(min(gate.window_seconds, longest), 1.0)

    def _patiently(self, act: Callable[[], T]) -> T:
        done: T = until_asked(self._clock, self._patience)(act)
        return done


def until_asked(clock: Clock, patience: Patience) -> Trying:
    """Does things as `patiently` does, for as long as a world that cannot be asked is waited for."""
    return partial(patiently, clock=clock, seconds=patience.transport, first=patience.poll)


def patiently(act: Callable[[], T], clock: Clock, seconds: float, first: float) -> T:
    """Do something that may be done again, until the world can be asked: less and less often, for a time.

    Args:
        act: what is done.
        clock: time.
        seconds: for which it is tried.
        first: seconds until the second try; each pause after is twice as long, up to half a minute.

    Raises:
        TransportError: it could not be asked all the time.
    """
    end, pause, why = clock.now() + seconds, first, ""
    while True:
        try:
            done = act()
        except TransportError as error:
            left, why = end - clock.now(), f"{error.where}: {error.message}"
            if left <= 0:
                raise
            clock.away(why)
            clock.sleep(min(pause, left))
            pause = min(pause * 2, max(first, _LONGEST_PAUSE))
        else:
            if why:
                clock.away("")
            return done
