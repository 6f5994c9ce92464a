"""What effects do to a world: where it stands towards one, and how one is performed, the same in every world.

An effect is performed at most once: who finds it done leaves it alone, who finds neither what it was written for nor
what it makes stops, for somebody else has changed the object.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, assert_never

from msgspec import Struct

from sidestep.actions.in_memory import trees
from sidestep.actions.worlds import rollouts
from sidestep.actions.worlds.interface import ConflictError, Found, Tree, World
from sidestep.model.kinds import CONTROLLERS, CRON_JOB, JOB, ROLLOUT, Kind
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Apply, Delete, Patch, Restart, SetLabels

RESTARTED = "sidestep.dev/restarted-by"
"""On a pod template, or on a Rollout: the step that had its pods made anew."""
BACK = "/back"
"""Ends the token of a step that is taken back."""
Writing = SetLabels | Patch | Apply | Delete | Restart
_SERVERS = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences", "selfLink"}
)
_RESTARTS_NOBODY = frozenset({CRON_JOB.name, JOB.name, "Pod"})
_ABSENT = "absent"
_TRIES = 10
_HOLDERS: tuple[Kind[Any], ...] = (*CONTROLLERS, CRON_JOB)
_VERSIONS: Mapping[str, str] = {kind.name: kind.api_version() for kind in _HOLDERS}


class Stand(StrEnum):
    """Where a world stands towards an effect."""

    BEFORE = "before"
    DONE = "done"
    OTHER = "other"


class Standing(Struct, frozen=True):
    """Where a world stands, and with which version of the object.

    Attributes:
        stand: where.
        found: the object.
        why: what is neither as before nor as after, in words.
    """

    stand: Stand
    found: Found
    why: str = ""


def standing(world: World, effect: Writing, token: str) -> Standing:
    """Where a world stands towards an effect.

    Args:
        world: that is asked.
        effect: to be performed.
        token: of the step, by which its restart is known.
    """
    found = world.read(object_of(effect))
    if found.tree is not None and "deletionTimestamp" in (found.tree.get("metadata") or {}):
        return Standing(Stand.DONE if isinstance(effect, Delete) else Stand.OTHER, found, "it is being deleted")
    match effect:
        case SetLabels():
            stood = _labels(effect, found, back=token.endswith(BACK))
            return _undisturbed(stood, token) if effect.template else stood
        case Patch():
            return _between(found, _patch_misses(found.tree, effect.patch), _patch_misses(found.tree, effect.before))
        case Apply():
            before = [] if effect.before is None and found.tree is None else misses(found.tree, effect.before)
            return _between(found, misses(found.tree, effect.manifest), before)
        case Delete():
            return _between(found, [] if found.tree is None else ["it is there"], misses(found.tree, effect.before))
        case Restart():
            return _undisturbed(_restarted(effect, found, token), token)
        case _:
            assert_never(effect)


def perform(world: World, effect: Writing, stood: Standing, token: str) -> None:
    """Have an effect happen in a world that stands before it.

    Raises:
        ConflictError: somebody else was faster.
        WorldError: the world refuses.
        TransportError: it cannot be told whether it happened: ask where it stands.
    """
    named, version = object_of(effect), stood.found.version
    match effect:
        case SetLabels():
            path = trees.template_path(named.kind) if effect.template else trees.OWN
            world.patch(named, _nested((*path, "labels"), dict(effect.labels)), version)
        case Patch():
            world.patch(named, effect.patch, version)
        case Apply():
            world.apply(named, effect.manifest, version)
        case Delete():
            world.delete(named, version)
        case Restart():
            world.patch(named, _restarting(named.kind, token, world.moment()), version)
        case _:
            assert_never(effect)


def have_happen(world: World, effect: Writing, token: str, where: str) -> bool:
    """Have an effect happen if it has not, and look again whenever somebody else was faster.

    Controllers write what they see into the objects that they run, so that a version is often an old one already.

    Args:
        world: in which.
        effect: to be performed.
        token: of the step, by which its restart is known.
        where: the step, for errors.

    Returns:
        Whether anything was written.

    Raises:
        ConflictError: somebody else has changed what the effect is about, or is always faster.
        WorldError, TransportError: as `perform`.
    """
    for tries_left in reversed(range(_TRIES)):
        stood = standing(world, effect, token)
        if stood.stand is Stand.DONE:
            return tries_left < _TRIES - 1
        if stood.stand is Stand.OTHER:
            remedy = "look who changed it; plan again, or put it back and resume"
            raise ConflictError(f"somebody else has changed it: {stood.why}", where=where, remedy=remedy)
        try:
            perform(world, effect, stood, token)
        except ConflictError:
            if not tries_left:
                raise
        else:
            return True
    return True


def object_of(effect: Writing) -> ObjectId:
    """What an effect writes."""
    return controller(effect.workload) if isinstance(effect, Restart) else effect.object


def controller(workload: WorkloadRef) -> ObjectId:
    """The object that makes a workload's pods."""
    version = _VERSIONS.get(workload.kind, "v1")
    return ObjectId(version, workload.kind, workload.namespace, workload.name)


def undone(world: World, effect: SetLabels) -> str:
    """What of labels that were set somebody has changed since; empty for nothing."""
    found = world.read(effect.object)
    if found.tree is None:
        return f"{effect.object} is {_ABSENT}"
    return next(_differ(_present(effect, found.tree), effect.labels), "")


def _labels(effect: SetLabels, found: Found, *, back: bool) -> Standing:
    """Labels that somebody has taken back already are what the way back is to leave: the others are still to be."""
    if found.tree is None:
        return Standing(Stand.OTHER, found, f"{effect.object} is {_ABSENT}")
    present = _present(effect, found.tree)
    left = {name for name, value in effect.labels.items() if present.get(name) != value}
    before = {name: value for name, value in effect.before.items() if name in left or not back}
    return _between(found, list(_differ(present, effect.labels)), list(_differ(present, before)))


def _present(effect: SetLabels, tree: Tree) -> Mapping[str, str]:
    return trees.labels_at(tree, trees.template_path(effect.object.kind) if effect.template else trees.OWN)


def _differ(present: Mapping[str, str], wanted: Mapping[str, str | None]) -> Iterator[str]:
    for name, value in wanted.items():
        if present.get(name) != value:
            yield f"label {name} is {_told(present.get(name))} and not {_told(value)}"


def _restarted(effect: Restart, found: Found, token: str) -> Standing:
    if found.tree is None:
        return Standing(Stand.OTHER, found, f"{effect.workload} is {_ABSENT}")
    if effect.effect_only or effect.workload.kind in _RESTARTS_NOBODY:
        return Standing(Stand.DONE, found)
    metadata: Any = found.tree
    for key in _marked(effect.workload.kind):
        metadata = metadata.get(key) if isinstance(metadata, dict) else None
    done = isinstance(metadata, dict) and metadata.get(RESTARTED) == token
    return Standing(Stand.DONE if done else Stand.BEFORE, found)


def _restarting(kind: str, token: str, moment: str) -> Tree:
    """What has pods made anew: another template, or for a Rollout of Argo's its own field.

    Another template would be another version to Argo, which it would bring in by all the steps of its strategy.
    """
    mark = _nested(_marked(kind), {RESTARTED: token})
    return {**mark, "spec": {"restartAt": moment}} if kind == ROLLOUT.name else mark


def _marked(kind: str) -> trees.Path:
    """The annotations in which a restart leaves its mark."""
    return (*(trees.OWN if kind == ROLLOUT.name else trees.template_path(kind)), "annotations")


def _undisturbed(stood: Standing, token: str) -> Standing:
    """What somebody else's rollout is in the middle of is not begun; the way back may end our own."""
    why = rollouts.half_way(stood.found.tree or {})
    if stood.stand is Stand.BEFORE and why and not token.endswith(BACK):
        return Standing(Stand.OTHER, stood.found, why)
    return stood


def _between(found: Found, after: list[str], before: list[str]) -> Standing:
    """Done where nothing of the effect is missing; before it where nothing of what it was written for is."""
    if not after:
        return Standing(Stand.DONE, found)
    if not before:
        return Standing(Stand.BEFORE, found)
    return Standing(Stand.OTHER, found, before[0])


def _patch_misses(tree: Tree | None, patch: Tree) -> list[str]:
    if tree is None:
        return [f"it is {_ABSENT}"]
    return [] if trees.merge_patched(tree, patch) == tree else ["its fields are others"]


def misses(tree: Tree | None, manifest: Tree | None) -> list[str]:
    """Fields of a manifest that an object does not have so; what only the cluster writes is not compared."""
    if manifest is None:
        return ["it is there"]
    if tree is None:
        return [f"it is {_ABSENT}"]
    wanted = {key: value for key, value in manifest.items() if key not in {"status", "apiVersion"}}
    return list(lacking(tree, wanted, ""))


def lacking(present: Any, wanted: Any, path: str) -> Iterator[str]:
    """What of a value is not there so, field by field."""
    if isinstance(wanted, dict) and isinstance(present, dict):
        for key, value in wanted.items():
            if path == ".metadata" and key in _SERVERS:
                continue
            if not value and not present.get(key):
                continue
            yield from lacking(present.get(key), value, f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(present, list) and len(wanted) == len(present):
        for place, (there, value) in enumerate(zip(present, wanted, strict=True)):
            yield from lacking(there, value, f"{path}[{place}]")
    elif present != wanted:
        yield f"{path.removeprefix('.')} is {_told(present)} and not {_told(wanted)}"


def _nested(path: trees.Path, value: Any) -> Tree:
    for key in reversed(path):
        value = {key: value}
    found: Tree = value
    return found


def _told(value: object) -> str:
    text = _ABSENT if value is None else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
