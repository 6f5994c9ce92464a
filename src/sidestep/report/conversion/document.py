"""The document of a conversion: what becomes of each object, when, and what could not be carried."""

from typing import Any

from msgspec import Struct

from sidestep.actions.stages import BY_PLAN, Stage, Staged
from sidestep.convert.catalogue import BY_CODE
from sidestep.convert.repository.values import Unplaced
from sidestep.convert.rewrite import ChangeKind, Loss
from sidestep.model.metadata import ObjectId
from sidestep.prove.proof import Proof

API_VERSION = "sidestep.dev/v1"


class StagedChange(Struct, frozen=True, rename="camel"):
    """What one stage makes of one object.

    Attributes:
        stage: `base`, `waves/NN` or `late`.
        object: which.
        change: what becomes of it.
        rule: codes of the rewrites, or `plan`.
        why: the rewrites, in words.
        origin: what it was made from; the object itself for one that stood already.
        manifest: the whole object after the stage; null for one that goes.
    """

    stage: str
    object: ObjectId
    change: ChangeKind
    rule: str
    why: str
    origin: ObjectId
    manifest: dict[str, Any] | None


class Conversion(Struct, frozen=True, rename="camel"):
    """A conversion; byte-identical for equal input.

    Attributes:
        source: what was read, in words.
        istio: the version that will read the result.
        generator: version of sidestep.
        summary: the conversion in a sentence or two.
        stages: their names, in the order in which they are applied.
        changes: by stage and object.
        losses: what could not be carried, the worst first.
        missing: what was not read, and so not rewritten.
        proof: whether the converted mesh means the same; null where that was not asked.
        by_hand: changes that no file of the repository could be given, with their patches.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `Conversion`.
    """

    source: str
    istio: str
    generator: str
    summary: str
    stages: tuple[str, ...] = ()
    changes: tuple[StagedChange, ...] = ()
    losses: tuple[Loss, ...] = ()
    missing: tuple[str, ...] = ()
    proof: Proof | None = None
    by_hand: tuple[Unplaced, ...] = ()
    api_version: str = API_VERSION
    kind: str = "Conversion"


def staged_changes(found: tuple[Stage, ...]) -> tuple[StagedChange, ...]:
    """The changes of all stages, in their order."""
    return tuple(_change(stage.name, each) for stage in found for each in stage.objects)


def summary(changes: tuple[StagedChange, ...], losses: tuple[Loss, ...], unchanged: int) -> str:
    """What was done, counted."""
    if not changes:
        return "Nothing is to be rewritten." + (f" {losses_word(len(losses))} to look at." if losses else "")
    touched = {each.object for each in changes}
    done = {each: sum(change.change is each for change in changes) for each in ChangeKind}
    counted = ", ".join(f"{done[each]:,} {_DONE[each]}" for each in ChangeKind if done[each])
    rest = f"{_many(unchanged, 'other', 'others')} as they are" if unchanged else "no other"
    lost = losses_word(len(losses)) if losses else "nothing lost"
    return f"{_many(len(touched), 'object', 'objects')} touched ({counted}), {rest}; {lost}."


def losses_word(number: int) -> str:
    """`1 loss`, `2 losses`."""
    return _many(number, "loss", "losses")


def grouped(unplaced: tuple[Unplaced, ...]) -> dict[tuple[str, str], list[Unplaced]]:
    """What has to be done by hand, by its place and the reason, in order."""
    found: dict[tuple[str, str], list[Unplaced]] = {}
    for each in unplaced:
        found.setdefault((each.where, each.reason), []).append(each)
    return found


_DONE = {ChangeKind.ADD: "added", ChangeKind.REPLACE: "rewritten", ChangeKind.REMOVE: "removed"}


def _change(stage: str, each: Staged) -> StagedChange:
    kind = ChangeKind.REMOVE if each.after is None else ChangeKind.ADD if each.before is None else ChangeKind.REPLACE
    return StagedChange(stage, each.object, kind, each.rule, _why(each.rule), each.origin, each.after)


def _why(rule: str) -> str:
    told = [BY_CODE[code].title if code in BY_CODE else _BY_PLAN for code in rule.split(", ")]
    return "; ".join(dict.fromkeys(told))


_BY_PLAN = f"the {BY_PLAN} asks for it"


def _many(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"
