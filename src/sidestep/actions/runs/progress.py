"""How far a run is, by its journal alone; and what may be done next. Pure: nobody is asked."""

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import assert_never

from msgspec import Struct, structs

from sidestep.actions.gates.judging import Seen
from sidestep.actions.runs.events import (
    Answers,
    Began,
    Checked,
    Ended,
    Ending,
    Event,
    Lasts,
    Measured,
    Paused,
    Resumed,
    ReversalBegan,
    Reversed,
    Reversing,
    StepBegan,
    StepDone,
    StepEvent,
    StepFailed,
)
from sidestep.plan.document import Plan
from sidestep.plan.steps import Step


class Progress(Struct, frozen=True):
    """How far a run is.

    Attributes:
        began: how it was begun; None before that.
        answers: how it is to be done, by whoever said so last.
        begun: steps that may have changed the world; not those that found it as they would have it.
        done: steps that were seen to be done.
        failed: why steps cannot be done.
        paused: why nothing new is begun; empty while something is.
        reversing: the first wave that is taken back, with all after it; None while none is. It stays where that did not
            come to its end: who goes on goes on with it.
        why: it is.
        baselines: what gates saw before their wave.
        looked: steps before which connections were found that last.
        checked: waves after which the world was held against the plan.
        ended: how it is over; None while it is not.
    """

    began: Began | None = None
    answers: Answers = Answers()
    begun: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    failed: tuple[tuple[str, str], ...] = ()
    paused: str = ""
    reversing: int | None = None
    why: str = ""
    baselines: Mapping[str, Seen] = {}
    looked: frozenset[str] = frozenset()
    checked: frozenset[int] = frozenset()
    ended: Ended | None = None


def progress(events: Iterable[Event]) -> Progress:
    """How far a run is after these events."""
    return reduce(after, events, Progress())


def after(so_far: Progress, event: Event) -> Progress:
    """How far it is after one more event."""
    match event:
        case StepBegan() | StepDone() | StepFailed() | ReversalBegan() | Reversed():
            return _after_step(so_far, event)
        case Began():
            return structs.replace(so_far, began=event, answers=event.answers)
        case Resumed(answers=answers):
            answers = answers or so_far.answers
            return structs.replace(so_far, paused="", failed=(), ended=None, answers=answers)
        case Measured(step=step, value=value, of=of):
            return structs.replace(so_far, baselines={**so_far.baselines, step: Seen(value, of)})
        case Lasts(step=step):
            return structs.replace(so_far, looked=so_far.looked | {step})
        case Checked(wave=wave):
            return structs.replace(so_far, checked=so_far.checked | {wave})
        case Paused(why=why):
            return structs.replace(so_far, paused=why)
        case Reversing(wave=wave, why=why):
            return structs.replace(so_far, reversing=wave, why=why, failed=())
        case Ended(how=how):
            reversing = None if how is Ending.REVERSED else so_far.reversing
            return structs.replace(so_far, ended=event, reversing=reversing)
        case _:
            assert_never(event)


def _after_step(so_far: Progress, event: StepEvent) -> Progress:
    step = event.step
    match event:
        case StepBegan():
            return structs.replace(so_far, begun=so_far.begun | {step})
        case StepDone(already=already):
            begun = so_far.begun - {step} if already else so_far.begun | {step}
            return structs.replace(so_far, begun=begun, done=so_far.done | {step})
        case StepFailed(why=why, unwritten=unwritten):
            begun = so_far.begun - {step} if unwritten else so_far.begun
            return structs.replace(so_far, begun=begun, failed=(*so_far.failed, (step, why)))
        case Reversed():
            return structs.replace(so_far, begun=so_far.begun - {step}, done=so_far.done - {step})
        case ReversalBegan():
            return so_far
        case _:
            assert_never(event)


def wanted(plan: Plan, waves: Iterable[int] = ()) -> tuple[Step, ...]:
    """Steps of some waves, or of all."""
    chosen = frozenset(waves)
    return tuple(step for step in plan.steps if not chosen or step.wave in chosen)


def ready(steps: Iterable[Step], so_far: Progress) -> tuple[Step, ...]:
    """Steps that may be begun: of the first wave that is not done, whose predecessors are done.

    What was begun and not done comes again: whoever performs it looks first where the world stands.
    """
    left = [step for step in steps if step.id not in so_far.done]
    if not left or so_far.paused or so_far.failed or so_far.reversing is not None:
        return ()
    wave = min(step.wave for step in left)
    open_ = {step.id for step in left}
    return tuple(step for step in left if step.wave == wave and not open_.intersection(step.after))


def current_wave(steps: Iterable[Step], so_far: Progress) -> int | None:
    """The first wave that is not done; None when all are."""
    return min((step.wave for step in steps if step.id not in so_far.done), default=None)


def unchecked_wave(steps: Iterable[Step], so_far: Progress) -> int | None:
    """The last wave before the current one, where nobody has held the world against the plan since; None else."""
    left = {step.wave for step in steps if step.id not in so_far.done}
    done = {step.wave for step in steps} - left
    last = max((wave for wave in done if wave < min(left, default=wave + 1)), default=None)
    return None if last in so_far.checked else last


def ready_back(steps: Iterable[Step], so_far: Progress) -> tuple[Step, ...]:
    """Steps of a wave's way back that may be taken back now: those before which nothing is left."""
    left = [step for step in steps if step.id in so_far.begun]
    open_ = {step.id for step in left}
    return tuple(step for step in left if not open_.intersection(step.after))
