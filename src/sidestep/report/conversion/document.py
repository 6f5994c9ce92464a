"""The document of a conversion: what becomes of each object, when, and what could not be carried."""

from typing import Any

from msgspec import Struct

from sidestep.actions.stages import BY_PLAN, Stage, Staged
from sidestep.convert.catalogue import BY_CODE
from sidestep.convert.repository.values import Unplaced
from sidestep.convert.rewrite import ChangeKind, Loss
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.document import Fate, Plan
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


class QueriedFile(Struct, frozen=True, rename="camel"):
    """A plain file with queries about the mesh, such as a dashboard: no object, and applied to no cluster.

    Attributes:
        path: as it was read.
        queries: how many should be others; `convert --in-place` writes them.
    """

    path: str
    queries: int


class HeldBack(Struct, frozen=True, rename="camel"):
    """A workload whose sidecar the plan keeps, so that what it reads stays as it is.

    Attributes:
        workload: which.
        why: what keeps it, the first reason of the plan.
        way_out: what would free it; empty where nothing is known to.
    """

    workload: WorkloadRef
    why: str
    way_out: str


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
        held_back: workloads that the plan keeps on their sidecars.
        files: plain files with queries about the mesh.
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
    held_back: tuple[HeldBack, ...] = ()
    files: tuple[QueriedFile, ...] = ()
    api_version: str = API_VERSION
    kind: str = "Conversion"


def staged_changes(found: tuple[Stage, ...]) -> tuple[StagedChange, ...]:
    """The changes of all stages, in their order."""
    return tuple(_change(stage.name, each) for stage in found for each in stage.objects)


def held_back(plan: Plan) -> tuple[HeldBack, ...]:
    """The workloads that a plan keeps on their sidecars: those that an object keeps there, then who follows them."""
    kept = [each for each in plan.workloads if each.wave is None and each.fate in _KEPT]
    kept.sort(key=lambda each: bool(each.reasons) and each.reasons[0].object is None)
    return tuple(HeldBack(each.workload, each.reasons[0].text if each.reasons else "", each.way_out) for each in kept)


def summary(
    changes: tuple[StagedChange, ...],
    losses: tuple[Loss, ...],
    unchanged: int,
    kept: tuple[HeldBack, ...] = (),
    until: str = "",
) -> str:
    """What was done, counted, and what the plan holds back; `until` a stage, where others are left after it."""
    stays = f"The plan keeps {_many(len(kept), 'workload', 'workloads')} on sidecars." if kept else ""
    if not changes:
        look = f"{losses_word(len(losses))} to look at." if losses else ""
        return " ".join(
            filter(
                None,
                (
                    f"Nothing is to be rewritten{f' until {until}' if until else ''}.",
                    stays or ("" if until else _NOBODY),
                    look,
                ),
            )
        )
    touched = {each.object for each in changes}
    done = {each: sum(change.change is each for change in changes) for each in ChangeKind}
    counted = ", ".join(f"{done[each]:,} {_DONE[each]}" for each in ChangeKind if done[each])
    rest = f"{_many(unchanged, 'other', 'others')} as they are" if unchanged else "no other"
    lost = losses_word(len(losses)) if losses else "nothing lost"
    told = f"{_many(len(touched), 'object', 'objects')} touched ({counted}), {rest}; {lost}."
    return f"{told} {stays}".rstrip()


def losses_word(number: int) -> str:
    """`1 loss`, `2 losses`."""
    return _many(number, "loss", "losses")


def told(each: QueriedFile) -> str:
    """What becomes of a plain file, in words."""
    number = _many(each.queries, "query asks", "queries ask")
    return f"{each.path}: {number} waypoints too" if each.queries else f"{each.path}: nothing changes"


def grouped(unplaced: tuple[Unplaced, ...]) -> dict[tuple[str, str], list[Unplaced]]:
    """What has to be done by hand, by its place and the reason, in order."""
    found: dict[tuple[str, str], list[Unplaced]] = {}
    for each in unplaced:
        found.setdefault((each.where, each.reason), []).append(each)
    return found


_KEPT = (Fate.SIDECAR, Fate.REWORK)
_NOBODY = "No workload that was read is to leave a sidecar."
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
