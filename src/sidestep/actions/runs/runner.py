"""Carries a plan out in a world: `run(plan, world)`, the same for rehearsal and migration.

What comes next follows from the journal alone, so that who finds one goes on wherever the last one ended: a step that
was begun and not seen to be done is looked for in the world first.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from msgspec import Struct

from sidestep.actions.runs.control import Control, Unattended, Wish
from sidestep.actions.runs.events import (
    Began,
    Ended,
    Ending,
    Event,
    Measured,
    Paused,
    Resumed,
    ReversalBegan,
    Reversed,
    Reversing,
    StepBegan,
    StepDone,
    StepFailed,
)
from sidestep.actions.runs.journal import Journal
from sidestep.actions.runs.performing import Clock, Patience, Performer
from sidestep.actions.runs.progress import Progress, after, current_wave, progress, ready, wanted, way_back
from sidestep.actions.worlds.interface import World
from sidestep.errors import SidestepError, UsageError
from sidestep.plan.document import Plan
from sidestep.plan.steps import Gate, Step, reverse


class Terms(Struct, frozen=True):
    """How a plan is carried out.

    Attributes:
        run: its name.
        digest: of the plan.
        waves: only these; empty for all.
        parallel: steps at a time.
        reverse: a wave that fails is taken back; else everything stays as it is.
        enforce: a gate that does not hold stops the run; else it is told, and the run goes on.
        patience: how long things may take.
        by: who does it.
    """

    run: str
    digest: str
    waves: tuple[int, ...] = ()
    parallel: int = 4
    reverse: bool = True
    enforce: bool = True
    patience: Patience = Patience()
    by: str = ""


class Runner:
    """One run.

    Args:
        plan: what.
        world: where.
        journal: of this run; one that was begun is gone on with.
        terms: how.
        clock: time.
        control: where wishes are heard.
        heard: told of every event.
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        plan: Plan,
        world: World,
        journal: Journal,
        terms: Terms,
        clock: Clock,
        *,
        control: Control | None = None,
        heard: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self._plan, self._world, self._journal, self._terms = plan, world, journal, terms
        self._clock, self._control, self._heard = clock, control or Unattended(), heard
        self._steps = wanted(plan, terms.waves)
        self._performer = Performer(world, terms.run, terms.patience, clock)
        self._lock = threading.Lock()
        self._so_far = Progress()

    def run(self) -> Ended:
        """Carry it out, or go on with it.

        Returns:
            How it ended; a paused run has not, and waits here until it is resumed or aborted.

        Raises:
            UsageError: the journal is of another plan or another world.
            WorldError: the journal is altered.
        """
        self._begin()
        with ThreadPoolExecutor(self._terms.parallel) as executor:
            while self._so_far.ended is None:
                self._go_on(executor)
        return self._so_far.ended

    def take_back(self, wave: int, why: str) -> Ended:
        """Take a wave back that was carried out, and all after it.

        Raises:
            UsageError, WorldError: as `run`.
        """
        self._begin()
        for number in sorted({step.wave for step in self._steps if step.id in self._so_far.begun}, reverse=True):
            if number >= wave:
                self._say(Reversing(number, why))
                self._reverse()
        return self._end(Ending.REVERSED, why)

    def _begin(self) -> None:
        self._so_far = progress(each.event for each in self._journal.entries())
        began = self._so_far.began
        if began is None:
            self._say(Began(self._terms.run, self._terms.digest, self._world.name, self._terms.waves))
            return
        for what, theirs, ours in (
            ("plan", began.plan, self._terms.digest),
            ("world", began.world, self._world.name),
            ("choice of waves", str(began.waves), str(self._terms.waves)),
        ):
            if theirs != ours:
                remedy = "name what the run was begun with, or begin another run"
                raise UsageError(f"run {began.run} is of another {what}: {theirs}, and not {ours}", remedy=remedy)
        self._say(Resumed(self._terms.by))

    def _go_on(self, executor: ThreadPoolExecutor) -> None:
        """Until a wave is done, or something stands against it."""
        if self._so_far.reversing is not None:
            self._reverse()
            self._end(Ending.REVERSED, self._so_far.why)
        elif self._so_far.failed:
            self._fail()
        elif self._held():
            self._clock.sleep(self._terms.patience.poll)
        elif current_wave(self._steps, self._so_far) is None:
            self._end(Ending.COMPLETED)
        else:
            self._measure_baselines()
            self._carry_out(executor)

    def _held(self) -> bool:
        """Whether nothing new may begin, by wish."""
        match self._control.wish():
            case Wish.PAUSE:
                if not self._so_far.paused:
                    self._say(Paused("somebody wished it"))
                return True
            case Wish.ABORT:
                wave = current_wave(self._steps, self._so_far)
                if wave is not None:
                    self._say(Reversing(wave, "somebody wished it"))
                return wave is not None
            case Wish.GO_ON:
                if self._so_far.paused:
                    self._say(Resumed(self._terms.by))
                return False

    def _carry_out(self, executor: ThreadPoolExecutor) -> None:
        """Steps of the current wave, as they become ready, so many at a time."""
        running: dict[Future[None], str] = {}
        wave = current_wave(self._steps, self._so_far)
        while True:
            if self._control.wish() is Wish.GO_ON:
                for step in self._next(wave, running.values()):
                    running[executor.submit(self._step, step)] = step.id
            if not running:
                return
            done, _ = wait(running, self._terms.patience.poll, FIRST_COMPLETED)
            for each in done:
                del running[each]
                each.result()

    def _next(self, wave: int | None, running: Iterable[str]) -> list[Step]:
        busy = frozenset(running)
        found = [step for step in ready(self._steps, self._so_far) if step.wave == wave and step.id not in busy]
        return found[: max(self._terms.parallel - len(busy), 0)]

    def _step(self, step: Step) -> None:
        self._say(StepBegan(step.id))
        try:
            told = self._performer.perform(step.id, step.effect, self._so_far.baselines)
        except SidestepError as error:
            if isinstance(step.effect, Gate) and not self._terms.enforce:
                self._say(StepDone(step.id, error.message))
            else:
                self._say(StepFailed(step.id, str(error)))
        else:
            self._say(StepDone(step.id, told))

    def _measure_baselines(self) -> None:
        """What gates of the wave see before anything of it happens."""
        wave = current_wave(self._steps, self._so_far)
        for step in self._steps:
            if step.wave == wave and isinstance(step.effect, Gate) and step.id not in self._so_far.baselines:
                self._measure(step.id, step.effect)

    def _measure(self, step: str, gate: Gate) -> None:
        try:
            self._say(Measured(step, self._performer.measure(gate)))
        except SidestepError as error:
            self._say(StepFailed(step, str(error)))

    def _fail(self) -> None:
        step, why = self._so_far.failed[0]
        wave = current_wave(self._steps, self._so_far)
        if self._terms.reverse and wave is not None:
            self._say(Reversing(wave, f"{step}: {why}"))
        else:
            self._end(Ending.STOPPED, f"{step}: {why}")

    def _reverse(self) -> None:
        """Take back what of a wave may have happened; what stands in the way stops it, and is said."""
        wave = self._so_far.reversing
        for step in way_back(self._plan, self._so_far, -1 if wave is None else wave):
            effect = reverse(step.effect)
            if effect is None:
                continue
            self._say(ReversalBegan(step.id))
            try:
                self._performer.perform(f"{step.id}/back", effect, {})
            except SidestepError as error:
                self._end(Ending.STOPPED, f"{step.id} could not be taken back: {error}")
                return
            self._say(Reversed(step.id))

    def _end(self, how: Ending, why: str = "") -> Ended:
        ended = self._so_far.ended or Ended(how, why)
        if self._so_far.ended is None:
            self._say(ended)
        return ended

    def _say(self, event: Event) -> None:
        with self._lock:
            self._journal.append(event)
            self._so_far = after(self._so_far, event)
        self._heard(event)
