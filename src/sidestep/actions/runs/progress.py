"""How far a run is, by its journal alone; and what may be done next. Pure: nobody is asked."""

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import assert_never

from msgspec import Struct, structs

from sidestep.actions.runs.events import (
    Began,
    Ended,
    Event,
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
from sidestep.plan.steps import Step, reverse


class Progress(Struct, frozen=True):
    """How far a run is.

    Attributes:
        began: how it was begun; None before that.
        begun: steps that may have changed the world.
        done: steps that were seen to be done.
        failed: why steps cannot be done.
        paused: why nothing new is begun; empty while something is.
        reversing: the wave that is taken back; None while none is.
        why: it is.
        baselines: what gates saw before their wave; None for no data.
        ended: how it is over; None while it is not.
    """

    began: Began | None = None
    begun: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    failed: tuple[tuple[str, str], ...] = ()
    paused: str = ""
    reversing: int | None = None
    why: str = ""
    baselines: Mapping[str, float | None] = {}
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
            return structs.replace(so_far, began=event)
        case Resumed():
            return structs.replace(so_far, paused="", failed=(), ended=None)
        case Measured(step=step, value=value):
            return structs.replace(so_far, baselines={**so_far.baselines, step: value})
        case Paused(why=why):
            return structs.replace(so_far, paused=why)
        case Reversing(wave=wave, why=why):
            return structs.replace(so_far, reversing=wave, why=why, failed=())
        case Ended():
            return structs.replace(so_far, ended=event, reversing=None)
        case _:
            assert_never(event)


def _after_step(so_far: Progress, event: StepEvent) -> Progress:
    step = event.step
    match event:
        case StepBegan():
            return structs.replace(so_far, begun=so_far.begun | {step})
        case StepDone():
            return structs.replace(so_far, begun=so_far.begun | {step}, done=so_far.done | {step})
        case StepFailed(why=why):
            return structs.replace(so_far, failed=(*so_far.failed, (step, why)))
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


def way_back(plan: Plan, so_far: Progress, wave: int) -> tuple[Step, ...]:
    """Steps of a wave that may have happened and are not taken back yet, in the order in which they are."""
    steps = {step.id: step for step in plan.steps}
    listed = next((each.rollback for each in plan.waves if each.number == wave), ())
    return tuple(steps[name] for name in listed if name in so_far.begun and reverse(steps[name].effect) is not None)
