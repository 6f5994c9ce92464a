"""What became of a run, by its journal: for who asks how it is, from another terminal or later. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from sidestep.actions.runs.events import Ending
from sidestep.actions.runs.journal import Entry
from sidestep.actions.runs.progress import Progress, progress, wanted
from sidestep.plan.document import Plan, Wave


class State(StrEnum):
    """How a run is."""

    RUNNING = "running"
    WAITING = "waiting"
    """Somebody performs it, and waits for another wish."""
    REVERSING = "reversing"
    INTERRUPTED = "interrupted"
    """Nobody performs it, and nobody said that it was left."""
    PAUSED = "paused"
    COMPLETED = "completed"
    REVERSED = "reversed"
    STOPPED = "stopped"
    ALTERED = "altered"
    """Its journal or plan is not as it was written: nobody can tell."""

    @property
    def over(self) -> bool:
        """Nothing is left to be done."""
        return self in {State.COMPLETED, State.REVERSED}


class WaveTold(Struct, frozen=True, rename="camel"):
    """How far a wave is.

    Attributes:
        number: of the wave.
        title: in words.
        steps: how many it has.
        done: how many of them are done and not taken back.
    """

    number: int
    title: str
    steps: int
    done: int


class RunTold(Struct, frozen=True, rename="camel"):
    """How a run is.

    Attributes:
        run: its name.
        state: how it is.
        why: it ended, waits or is taken back.
        world: in which it is carried out.
        plan: digest of its plan.
        waves: that it is to carry out, how far each is.
        running: steps that are under way, in words.
        holder: who performs it; empty where nobody does.
        began: when, RFC 3339.
        last: when the last thing was told.
        lines: how many the journal has.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `RunTold`.
    """

    run: str
    state: State
    why: str = ""
    world: str = ""
    plan: str = ""
    waves: tuple[WaveTold, ...] = ()
    running: tuple[str, ...] = ()
    holder: str = ""
    began: str = ""
    last: str = ""
    lines: int = 0
    api_version: Literal["sidestep.dev/v1"] = "sidestep.dev/v1"
    kind: Literal["RunTold"] = "RunTold"


def told(run: str, entries: Sequence[Entry], plan: Plan, holder: str = "") -> RunTold:
    """How a run is.

    Args:
        run: its name.
        entries: its journal.
        plan: that it carries out.
        holder: who performs it now; empty for nobody.
    """
    found = so_far_told(run, progress(each.event for each in entries), plan, holder)
    if not entries:
        return found
    return replace(found, began=entries[0].at, last=entries[-1].at, lines=len(entries))


def so_far_told(run: str, so_far: Progress, plan: Plan, holder: str) -> RunTold:
    """How a run is, by how far it is."""
    state, began = _state(so_far, held=bool(holder)), so_far.began
    steps = wanted(plan, began.waves if began else ())
    chosen = {step.wave for step in steps}
    under_way = so_far.begun - so_far.done
    return RunTold(
        run,
        state,
        _why(so_far),
        began.world if began else "",
        began.plan if began else "",
        tuple(_wave(each, so_far, over=state is State.REVERSED) for each in plan.waves if each.number in chosen),
        tuple(step.description for step in steps if step.id in under_way and not state.over),
        holder,
    )


def _state(so_far: Progress, *, held: bool) -> State:
    if so_far.ended is not None:
        return State(so_far.ended.how.value)
    if not held:
        return State.INTERRUPTED
    if so_far.reversing is not None:
        return State.REVERSING
    return State.WAITING if so_far.paused else State.RUNNING


def _why(so_far: Progress) -> str:
    if so_far.ended is not None and so_far.ended.how is not Ending.COMPLETED:
        return so_far.ended.why
    return so_far.why if so_far.reversing is not None else so_far.paused


def _wave(wave: Wave, so_far: Progress, *, over: bool) -> WaveTold:
    """Of a wave that was taken back nothing is done, though what only looked was never taken back."""
    gone = over and not so_far.done.intersection(wave.rollback)
    done = frozenset() if gone else so_far.done.intersection(wave.steps)
    return WaveTold(wave.number, wave.title, len(wave.steps), len(done))
