"""What carrying a plan out would do: for a terminal wave by wave, as a diff, and as data."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from sidestep.actions.runs.outlook import Foreseen
from sidestep.actions.worlds.effects import Stand
from sidestep.model.metadata import ObjectId
from sidestep.plan.document import Wave
from sidestep.plan.signature import Changed
from sidestep.report.conversion.differences import of_object
from sidestep.report.units import UNSEEN, count

_AGAIN = "plan again: what was decided may not be right any more"


class Doing(StrEnum):
    """What would become of a step."""

    WRITE = "write"
    DONE = "done"
    LOOK = "look"
    DRIFTED = "drifted"


_MARKS = {Doing.WRITE: "~", Doing.DONE: "✓", Doing.LOOK: "·", Doing.DRIFTED: "!"}


class StepSeen(Struct, frozen=True, rename="camel"):
    """One step of a run that has not begun.

    Attributes:
        step: its id.
        wave: to which it belongs.
        doing: what would become of it.
        description: in words.
        object: that it writes; None for one that looks.
        why: it drifted.
        diff: what it changes, or for one that drifted how the object differs from what the plan knew.
    """

    step: str
    wave: int
    doing: Doing
    description: str
    object: ObjectId | None = None
    why: str = ""
    diff: str = ""


class Outlook(Struct, frozen=True, rename="camel"):
    """What a run would do.

    Attributes:
        world: in which.
        asked: who said what writes would make: `server` or `client`.
        steps: in order.
        changed: objects that the plan rests on and that are not as it knew them.
        notes: what else should be known.
        refused: what the API server says against writes.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `Outlook`.
    """

    world: str
    asked: str
    steps: tuple[StepSeen, ...]
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    api_version: Literal["sidestep.dev/v1"] = "sidestep.dev/v1"
    kind: Literal["Outlook"] = "Outlook"

    @property
    def drifted(self) -> bool:
        """Whether the plan is not of this world any more."""
        return bool(self.changed) or any(each.doing is Doing.DRIFTED for each in self.steps)


def outlook(
    world: str, asked: str, foreseen: Iterable[Foreseen], changed: Iterable[Changed], notes: Iterable[str] = ()
) -> Outlook:
    """The document."""
    named = changed_words(changed)
    steps = tuple(foreseen)
    refused = tuple(f"{each.step.id} {each.step.description}: {each.refused}" for each in steps if each.refused)
    return Outlook(world, asked, tuple(map(seen, steps)), named, tuple(notes), refused)


def changed_words(found: Iterable[Changed]) -> tuple[str, ...]:
    """Objects that a plan rests on and does not know so."""
    return tuple(f"{each.object} {each.change.value} since the plan was made" for each in found)


def seen(each: Foreseen) -> StepSeen:
    """A step, with the difference that it makes."""
    step, name = each.step, str(each.object or "")
    match each.stand:
        case None:
            return StepSeen(step.id, step.wave, Doing.LOOK, step.description)
        case Stand.DONE:
            return StepSeen(step.id, step.wave, Doing.DONE, step.description, each.object)
        case Stand.BEFORE:
            made = of_object(each.before, each.after, name)
            return StepSeen(step.id, step.wave, Doing.WRITE, step.description, each.object, diff=made)
        case Stand.OTHER:
            drift = of_object(each.expected, each.before, name, ("as the plan knew it", "as it is"))
            return StepSeen(step.id, step.wave, Doing.DRIFTED, step.description, each.object, each.why, drift)


def text(found: Outlook, waves: Mapping[int, Wave]) -> str:
    """Wave by wave, and what stands against it."""
    return "".join(f"{line}\n" for line in _lines(found, waves)).translate(UNSEEN)


def diff(found: Outlook) -> str:
    """What would be written, as `kubectl diff` shows it."""
    return "".join(each.diff for each in found.steps if each.doing is Doing.WRITE).translate(UNSEEN)


def _lines(found: Outlook, waves: Mapping[int, Wave]) -> Iterator[str]:
    last = None
    for each in found.steps:
        if each.wave != last:
            wave = waves.get(each.wave)
            yield from (() if last is None else ("",))
            yield f"wave {each.wave}: {wave.title if wave else ''}"
            last = each.wave
        yield f"  {_MARKS[each.doing]} {each.step}  {each.description}"
    yield ""
    yield from drift(found)
    yield _sum(found)
    yield from (f"note: {each}" for each in found.notes)


def drift(found: Outlook) -> Iterator[str]:
    """What is not as the plan knew it, object by object."""
    drifted = [each for each in found.steps if each.doing is Doing.DRIFTED]
    yield from (f"The cluster would refuse {each}" for each in found.refused)
    if not drifted and not found.changed:
        return
    yield "Changed since the plan was made:"
    yield from (f"  {each}" for each in found.changed)
    for each in drifted:
        yield f"  {each.object}, which {each.step} is to change: {each.why}"
        yield from (f"    {line}" for line in each.diff.splitlines())
    yield _AGAIN
    yield ""


def _sum(found: Outlook) -> str:
    writes, done, looks = (
        sum(each.doing is doing for each in found.steps) for doing in (Doing.WRITE, Doing.DONE, Doing.LOOK)
    )
    already = f", {done} {'is' if done == 1 else 'are'} done already" if done else ""
    asked = "; the API server was asked what it would make of them" if found.asked == "server" else ""
    told = f"{count(writes, 'write')} in {found.world}{already}, {count(looks, 'step')} that only look{asked}"
    return f"{told}. Nothing was written."
