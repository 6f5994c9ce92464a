"""Carries a plan out in a world: `run(plan, world)`, the same for rehearsal and migration.

What comes next follows from the journal alone, so that who finds one goes on wherever the last one ended: a step that
was begun and not seen to be done is looked for in the world first.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Protocol

from msgspec import Struct

from sidestep.actions.abreast import Together, startable
from sidestep.actions.gates.judging import Answer, Finding
from sidestep.actions.runs.actor import Actor
from sidestep.actions.runs.control import Control, LeftError, Unattended, Wish
from sidestep.actions.runs.crew import Crew
from sidestep.actions.runs.events import (
    Answers,
    Began,
    Checked,
    Ended,
    Ending,
    Event,
    Paused,
    Resumed,
    Reversing,
    StepBegan,
)
from sidestep.actions.runs.journal import Journal
from sidestep.actions.runs.performing import Clock, Patience, Performer
from sidestep.actions.runs.progress import (
    Progress,
    current_wave,
    ready,
    ready_back,
    unchecked_wave,
    wanted,
)
from sidestep.actions.runs.teller import Teller
from sidestep.actions.way_back import taking_back, waves_back
from sidestep.actions.worlds.interface import World
from sidestep.errors import UsageError, WorldError
from sidestep.plan.document import Plan
from sidestep.plan.steps import Gate, Restart, Step, renewed, writes

_FINAL = frozenset({Ending.COMPLETED, Ending.REVERSED})
_HEEDED = 1.0
"""Seconds after which a wish is heard at the latest, whatever is waited for."""
_FORWARDS = frozenset({Wish.GO_ON})
_ANYHOW = frozenset({Wish.GO_ON, Wish.ABORT})
_LEFT = "whoever performed it was asked to leave"


class Foreknowledge(Protocol):
    """What the plan foretells of the world in which it is carried out."""

    def together(self, wave: int) -> Together:
        """Which steps of a wave may be performed beside each other; asked when it begins."""

    def together_back(self, wave: int) -> Together:
        """Which of them may be taken back beside each other; asked when its way back begins."""

    def after(self, wave: int) -> Finding:
        """Whether the world is as it was foretold; asked once all steps of a wave are done.

        Raises:
            TransportError: the world cannot be asked at this moment.
        """


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


def answers_of(terms: Terms) -> Answers:
    """What of them is kept for who goes on."""
    waits = terms.patience
    return Answers(terms.parallel, not terms.reverse, not terms.enforce, waits.transport, waits.rollout)


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
        known: what is foretold; None for nothing: then steps that decide requests are performed one by one.
        waits: told again and again which step waits, and for what; no journal has it.
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
        known: Foreknowledge | None = None,
        waits: Callable[[str, str], object] = lambda *_: None,
    ) -> None:
        self._plan, self._world, self._terms = plan, world, terms
        self._clock, self._control, self._known = clock, control or Unattended(), known
        self._steps = wanted(plan, terms.waves)
        self._teller = Teller(journal, heard)
        self._say = self._teller.say
        performer = Performer(world, terms.run, terms.patience, Clock(clock.now, self._wait, clock.away), waits)
        named = {step.id: step for step in self._steps}
        self._actor = Actor(performer, self._teller, named, enforce=terms.enforce)
        self._stuck: list[str] = []

    @property
    def so_far(self) -> Progress:
        """How far it is."""
        return self._teller.so_far

    def run(self) -> Ended:
        """Carry it out, or go on with it; nothing is done where it is done, or taken back.

        Returns:
            How it ended; one that is to pause has not, and waits here until another wish.

        Raises:
            UsageError: the journal is of another plan or another world.
            WorldError: the journal is altered.
        """
        over = self._read().ended
        if over is not None and over.how in _FINAL:
            return over
        self._begin()
        return self._to_its_end()

    def take_back(self, wave: int, why: str) -> Ended:
        """Take a wave back that was carried out, and all after it.

        Raises:
            UsageError, WorldError: as `run`.
        """
        self._read()
        self._begin()
        self._say(Reversing(wave, why))
        return self._to_its_end()

    def _read(self) -> Progress:
        """How far it is, by a journal that is of this run."""
        so_far = self._teller.read()
        began = so_far.began
        if began is None:
            return so_far
        for what, theirs, ours in (
            ("plan", began.plan, self._terms.digest),
            ("world", began.world, self._world.name),
            ("choice of waves", str(began.waves), str(self._terms.waves)),
        ):
            if theirs != ours:
                remedy = "name what the run was begun with, or begin another run"
                raise UsageError(f"run {began.run} is of another {what}: {theirs}, and not {ours}", remedy=remedy)
        return so_far

    def _begin(self) -> None:
        self._stuck.clear()
        terms, answers = self._terms, answers_of(self._terms)
        if self.so_far.began is None:
            self._say(Began(terms.run, terms.digest, self._world.name, terms.waves, answers))
        else:
            self._say(Resumed(terms.by, answers))

    def _to_its_end(self) -> Ended:
        terms = self._terms
        with ThreadPoolExecutor(terms.parallel) as executor:
            crew = Crew(executor, terms.parallel, self._clock, terms.patience.poll, self._teller.write_out)
            while self.so_far.ended is None:
                self._go_on(crew)
        return self.so_far.ended

    def _go_on(self, crew: Crew) -> None:
        """Until a wave is done, or something stands against it."""
        if self.so_far.failed:
            self._fail()
        elif self._held():
            self._clock.sleep(self._terms.patience.poll)
        elif self.so_far.reversing is not None:
            self._go_back(crew, self.so_far.reversing)
        elif self._known is not None and (wave := unchecked_wave(self._steps, self.so_far)) is not None:
            self._hold_against_plan(wave, self._known)
        elif current_wave(self._steps, self.so_far) is None:
            self._end(Ending.COMPLETED)
        else:
            self._measure_baselines()
            self._look_for_lasting()
            self._carry_out(crew)

    def _held(self) -> bool:
        """Whether nothing new may begin, by wish."""
        match self._control.wish():
            case Wish.PAUSE:
                if not self.so_far.paused:
                    self._say(Paused("somebody wished it"))
                return True
            case Wish.ABORT if self.so_far.reversing is None:
                wave = current_wave(self._steps, self.so_far)
                if wave is not None:
                    self._say(Reversing(wave, "somebody wished it"))
                return wave is not None
            case Wish.LEAVE:
                self._end(Ending.PAUSED, _LEFT)
                return True
            case Wish.GO_ON | Wish.ABORT:
                if self.so_far.paused:
                    self._say(Resumed(self._terms.by))
                return False

    def _wait(self, seconds: float) -> None:
        """Of a step, for as long as nobody wishes otherwise."""
        end = self._clock.now() + seconds
        while True:
            wish = self._control.wish()
            if wish is Wish.LEAVE:
                raise LeftError(_LEFT)
            if wish is Wish.ABORT and self.so_far.reversing is None:
                raise WorldError("it was waited for no longer, as somebody wished")
            left = end - self._clock.now()
            if left <= 0:
                return
            self._clock.sleep(min(left, _HEEDED))

    def _carry_out(self, crew: Crew) -> None:
        """Steps of the current wave, as they become ready."""
        wave = current_wave(self._steps, self.so_far)
        steps = [step for step in self._steps if step.wave == wave]
        known = self._foreknown
        together = known.together(wave) if known is not None and wave is not None else ()
        crew.work(
            self._actor.forth,
            lambda busy: startable(steps, ready(steps, self.so_far), self.so_far.done, busy, together),
            self._goes_on,
        )

    def _goes_on(self) -> bool:
        """Whether new steps are begun, by wish: who takes back already cannot be asked to any more."""
        return self._control.wish() in (_ANYHOW if self.so_far.reversing is not None else _FORWARDS)

    @property
    def _foreknown(self) -> Foreknowledge | None:
        """Who knows what may go beside each other; nobody is asked where one goes at a time."""
        return self._known if self._terms.parallel > 1 else None

    def _measure_baselines(self) -> None:
        """What gates of the wave see before anything of it happens."""
        wave = current_wave(self._steps, self.so_far)
        for step in self._steps:
            if step.wave == wave and isinstance(step.effect, Gate) and step.id not in self.so_far.baselines:
                self._actor.measure(step.id, step.effect)

    def _look_for_lasting(self) -> None:
        """Say which connections the rollouts of the wave cut, unless the plan waits until they are gone."""
        wave = current_wave(self._steps, self.so_far)
        for step in self._steps:
            fresh = step.wave == wave and step.id not in self.so_far.begun | self.so_far.looked
            if not fresh or not isinstance(step.effect, Restart) or self.so_far.failed:
                continue
            if not self._actor.look_for_lasting(step.id, step.effect):
                return

    def _hold_against_plan(self, wave: int, known: Foreknowledge) -> None:
        """Whether the world is what the plan foretold."""
        found = self._actor.check(lambda: known.after(wave))
        if found is None:
            return
        if found.answer is Answer.HOLDS or not self._terms.enforce:
            self._say(Checked(wave, found.told, found.answer))
        else:
            self._give_up(wave, found.told)

    def _fail(self) -> None:
        step, why = self.so_far.failed[0]
        self._give_up(current_wave(self._steps, self.so_far), f"{step}: {why}")

    def _give_up(self, wave: int | None, why: str) -> None:
        if self._terms.reverse and wave is not None:
            self._say(Reversing(wave, why))
        else:
            self._end(Ending.STOPPED, why)

    def _go_back(self, crew: Crew, first: int) -> None:
        """Take back what may have happened, the last wave first; what stands in the way stops it, and is said."""
        for wave in waves_back(self._plan, first):
            back = taking_back(self._plan, wave)
            self._take_for_begun(back)
            steps = [step for step in back if step.id in self.so_far.begun]
            if not steps:
                continue
            self._take_wave_back(crew, wave, steps)
            if self._stuck:
                self._end(Ending.STOPPED, "; ".join(self._stuck))
                return
            if any(step.id in self.so_far.begun for step in steps):
                return
        self._end(Ending.REVERSED, self.so_far.why)

    def _take_for_begun(self, back: Sequence[Step]) -> None:
        """Who writes a template begins a rollout, whether or not that came to be said: the way back waits for it."""
        for before, step in pairwise(back):
            unsaid = before.id in self.so_far.begun and step.id not in self.so_far.begun
            if unsaid and renewed(before) is not None and step.after == (before.id,) and not writes(step.effect):
                self._teller.suppose(StepBegan(step.id))

    def _take_wave_back(self, crew: Crew, wave: int, steps: Sequence[Step]) -> None:
        known = self._foreknown
        together = known.together_back(wave) if known is not None else ()

        def found(busy: frozenset[str]) -> Iterable[Step]:
            left = self.so_far.begun
            gone = [step.id for step in steps if step.id not in left]
            return () if self._stuck else startable(steps, ready_back(steps, self.so_far), gone, busy, together)

        crew.work(self._step_back, found, self._goes_on)

    def _step_back(self, step: Step) -> None:
        stuck = self._actor.back(step)
        if stuck:
            self._stuck.append(stuck)

    def _end(self, how: Ending, why: str = "") -> Ended:
        ended = self.so_far.ended or Ended(how, why)
        if self.so_far.ended is None:
            self._say(ended)
        return ended
