"""A conversion in the order of its plan: what stands before anybody moves, what each wave brings, what goes at the end.

Rewrites decide about policies, routes and templates; the plan decides about waypoints, bindings and when. Where both
change an object, the rewrite's change stands and the plan's labels are set on it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from sidestep.actions.in_memory.trees import OWN, merge_patched, relabelled, template_path
from sidestep.convert.conversion import Conversion
from sidestep.convert.deltas import carried
from sidestep.convert.ledger import Key, key_of
from sidestep.convert.rewrite import REWRITTEN_BY, RULE, Change, ChangeKind, Tree
from sidestep.model.build import known_kind
from sidestep.model.kinds import AUTHORIZATION_POLICY, CONTROLLERS, CRON_JOB, REQUEST_AUTHENTICATION
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.model.resource import Resource
from sidestep.plan.document import Plan
from sidestep.plan.steps import Apply, Patch, SetLabels, Step

BASE, LATE = "base", "late"
BY_PLAN = "plan"
"""In the place of a rewrite's code: the plan asks for it."""
_POLICIES = frozenset({AUTHORIZATION_POLICY.name, REQUEST_AUTHENTICATION.name})
_HOLDERS = frozenset((*(kind.name for kind in CONTROLLERS), CRON_JOB.name))
_Turn = Callable[[Tree | None], Tree | None]


class Staged(Struct, frozen=True):
    """One object of a stage.

    Attributes:
        object: which.
        before: as the stage before leaves it; None where it is not there yet.
        after: as this one leaves it; None for one that goes.
        origin: what it was made from.
        rule: codes of the rewrites, or `plan`.
    """

    object: ObjectId
    before: Tree | None
    after: Tree | None
    origin: ObjectId
    rule: str


class Stage(Struct, frozen=True):
    """What is applied together.

    Attributes:
        name: `base`, `waves/NN` or `late`.
        wave: of the plan whose pods move with it; 0 for the base.
        objects: by kind and name.
    """

    name: str
    wave: int
    objects: tuple[Staged, ...]


class _Act(Struct, frozen=True):
    """One change of one object in a stage."""

    object: ObjectId
    turn: _Turn
    origin: ObjectId
    rule: str
    named: bool = True


def stages(plan: Plan, conversion: Conversion, mesh: Mesh) -> tuple[Stage, ...]:
    """The stages in order: the base first, the end last, each wave of the plan between; each may be empty.

    Args:
        plan: that says when.
        conversion: what becomes of each object.
        mesh: as it was read.
    """
    moving = [wave.number for wave in plan.waves if wave.workloads]
    last = max((wave.number for wave in plan.waves), default=0) + 1
    acts = _acts(plan, conversion, mesh, frozenset(moving), last)
    table: dict[Key, Tree | None] = {}
    numbers = [(BASE, 0), *((f"waves/{number:02}", number) for number in moving), (LATE, last)]
    return tuple(Stage(name, number, _staged(acts.get(number, []), table, mesh)) for name, number in numbers)


def _acts(
    plan: Plan, conversion: Conversion, mesh: Mesh, moving: frozenset[int], last: int
) -> Mapping[int, list[_Act]]:
    """By wave: the plan's new objects, then the rewrites, then the plan's labels."""
    found: dict[int, list[_Act]] = {}

    def put(number: int, act: _Act) -> None:
        found.setdefault(0 if number == 0 else number if number in moving else last, []).append(act)

    rewritten = {key_of(change.object) for change in conversion.changes if not change.late}
    for step in plan.steps:
        for act in _made(step):
            put(step.wave, act)
    places = _Places(plan, last)
    before: dict[Key, Tree | None] = {}
    for change in conversion.changes:
        put(places.of(change), _rewrite(change, before, mesh))
    for step in plan.steps:
        for act in _adjusted(step, rewritten):
            put(step.wave, act)
    return found


class _Places:
    """When a change is due, by the plan."""

    def __init__(self, plan: Plan, last: int) -> None:
        self._last = last
        self._applied = {key_of(step.effect.object): step.wave for step in plan.steps if isinstance(step.effect, Apply)}
        self._moves = {each.workload: each.wave for each in plan.workloads if each.wave is not None}

    def of(self, change: Change) -> int:
        """The wave: templates move with their workload; what the plan brings earlier than the end comes with it."""
        if change.late:
            due = self._applied.get(key_of(change.object)) if change.kind is ChangeKind.ADD else None
            return self._last if due is None else due
        if change.object.kind in _HOLDERS:
            return self._moves.get(WorkloadRef(change.object.namespace, change.object.kind, change.object.name), 0)
        return 0


def _rewrite(change: Change, known: dict[Key, Tree | None], mesh: Mesh) -> _Act:
    """A rewrite's change, done to whatever stands by then."""
    key = key_of(change.object)
    before = known[key] if key in known else tree_of(mesh, change.object)
    known[key] = change.manifest

    def turn(present: Tree | None) -> Tree | None:
        if change.manifest is None or before is None or present is None:
            return change.manifest
        changed: Tree = carried(before, change.manifest, present)
        return changed

    return _Act(change.object, turn, change.origin, change.rule)


def _made(step: Step) -> Iterator[_Act]:
    """Whole objects of the plan: waypoints and what belongs to them; what rewrites make is the rewrites' business."""
    effect = step.effect
    if isinstance(effect, Apply) and effect.object.kind not in _POLICIES and not _is_rewritten(effect.manifest):
        yield _Act(effect.object, lambda _: effect.manifest, effect.object, BY_PLAN, named=False)


def _is_rewritten(tree: Tree) -> bool:
    """Whether the plan stages what a rewrite makes."""
    return RULE in ((tree.get("metadata") or {}).get("annotations") or {})


def _adjusted(step: Step, rewritten: set[Key]) -> Iterator[_Act]:
    """Labels that the plan sets, and its patches of objects that no rewrite changes."""
    effect = step.effect
    if isinstance(effect, SetLabels):
        path = template_path(effect.object.kind) if effect.template else OWN
        yield _Act(
            effect.object,
            lambda present: relabelled(present, path, effect.labels) if present is not None else None,
            effect.object,
            BY_PLAN,
        )
    elif isinstance(effect, Patch) and key_of(effect.object) not in rewritten:
        yield _Act(
            effect.object,
            lambda present: merge_patched(present, effect.patch) if present is not None else None,
            effect.object,
            BY_PLAN,
        )


def _staged(acts: list[_Act], table: dict[Key, Tree | None], mesh: Mesh) -> tuple[Staged, ...]:
    """The objects of one stage; `table` holds how those before left them, and is brought forward."""
    start: dict[Key, Tree | None] = {}
    by_key: dict[Key, list[_Act]] = {}
    for act in acts:
        key = key_of(act.object)
        if key not in start:
            start[key] = table[key] if key in table else tree_of(mesh, act.object)
            table[key] = start[key]
        turned = act.turn(table[key])
        if turned != table[key]:
            table[key] = turned
            by_key.setdefault(key, []).append(act)
    found = []
    for key, done in sorted(by_key.items()):
        table[key] = _annotated(start[key], table[key], done)
        if start[key] != table[key]:
            rules = ", ".join(dict.fromkeys(act.rule for act in done))
            found.append(Staged(done[0].object, start[key], table[key], done[0].origin, rules))
    return tuple(found)


def _annotated(before: Tree | None, after: Tree | None, acts: list[_Act]) -> Tree | None:
    """An object that stood already says which rewrites changed it; one that was made says so by itself."""
    if before is None or after is None:
        return after
    meta = after.get("metadata") or {}
    notes = meta.get("annotations") or {}
    told = {code for code in str(notes.get(REWRITTEN_BY, "")).split(", ") if code}
    made_by = {code for code in str(notes.get(RULE, "")).split(", ") if code}
    codes = (told | {code for act in acts for code in act.rule.split(", ")}) - made_by
    if codes == told:
        return after
    return {**after, "metadata": {**meta, "annotations": {**notes, REWRITTEN_BY: ", ".join(sorted(codes))}}}


def tree_of(mesh: Mesh, named: ObjectId) -> Tree | None:
    """An object of a mesh as a tree, in whichever version it stands; None where it is not there, or known in part."""
    kind = known_kind(named.api_version, named.kind)
    found: Resource[Any] | None = (
        mesh.find(kind, named.namespace if kind.namespaced else "", named.name) if kind is not None else None
    )
    if found is None:
        found = next((each for each in mesh.others if key_of(each.id) == key_of(named)), None)
    return found.tree() if found is not None and found.body else None
