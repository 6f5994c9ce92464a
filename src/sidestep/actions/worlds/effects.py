"""What effects do to a world: where it stands towards one, and how one is performed, the same in every world.

An effect is performed at most once: who finds it done leaves it alone, who finds neither what it was written for nor
what it makes stops, for somebody else has changed the object.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, assert_never

from msgspec import Struct

from sidestep.actions.in_memory import trees
from sidestep.actions.worlds.interface import Found, Tree, World
from sidestep.model.kinds import CONTROLLERS, CRON_JOB, JOB, Kind
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Apply, Delete, Patch, Restart, SetLabels

RESTARTED = "sidestep.dev/restarted-by"
"""On a pod template: the step that had its pods made anew."""
Writing = SetLabels | Patch | Apply | Delete | Restart
_SERVERS = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences", "selfLink"}
)
_RESTARTS_NOBODY = frozenset({CRON_JOB.name, JOB.name, "Pod"})
_ABSENT = "absent"
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
    found = world.read(_object(effect))
    match effect:
        case SetLabels():
            return _labels(effect, found)
        case Patch():
            return _between(found, _patch_misses(found.tree, effect.patch), _patch_misses(found.tree, effect.before))
        case Apply():
            before = [] if effect.before is None and found.tree is None else _misses(found.tree, effect.before)
            return _between(found, _misses(found.tree, effect.manifest), before)
        case Delete():
            return _between(found, [] if found.tree is None else ["it is there"], _misses(found.tree, effect.before))
        case Restart():
            return _restarted(effect, found, token)
        case _:
            assert_never(effect)


def perform(world: World, effect: Writing, stood: Standing, token: str) -> None:
    """Have an effect happen in a world that stands before it.

    Raises:
        ConflictError: somebody else was faster.
        WorldError: the world refuses.
        TransportError: it cannot be told whether it happened: ask where it stands.
    """
    named, version = _object(effect), stood.found.version
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
            path = (*trees.template_path(named.kind), "annotations")
            world.patch(named, _nested(path, {RESTARTED: token}), version)
        case _:
            assert_never(effect)


def _object(effect: Writing) -> ObjectId:
    return controller(effect.workload) if isinstance(effect, Restart) else effect.object


def controller(workload: WorkloadRef) -> ObjectId:
    """The object that makes a workload's pods."""
    version = _VERSIONS.get(workload.kind, "v1")
    return ObjectId(version, workload.kind, workload.namespace, workload.name)


def _labels(effect: SetLabels, found: Found) -> Standing:
    if found.tree is None:
        return Standing(Stand.OTHER, found, f"{effect.object} is {_ABSENT}")
    path = trees.template_path(effect.object.kind) if effect.template else trees.OWN
    present = trees.labels_at(found.tree, path)
    return _between(found, list(_differ(present, effect.labels)), list(_differ(present, effect.before)))


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
    for key in (*trees.template_path(effect.workload.kind), "annotations"):
        metadata = metadata.get(key) if isinstance(metadata, dict) else None
    done = isinstance(metadata, dict) and metadata.get(RESTARTED) == token
    return Standing(Stand.DONE if done else Stand.BEFORE, found)


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


def _misses(tree: Tree | None, manifest: Tree | None) -> list[str]:
    """Fields of a manifest that an object does not have so; what only the cluster writes is not compared."""
    if manifest is None:
        return ["it is there"]
    if tree is None:
        return [f"it is {_ABSENT}"]
    wanted = {key: value for key, value in manifest.items() if key not in {"status", "apiVersion"}}
    return list(_lacking(tree, wanted, ""))


def _lacking(present: Any, wanted: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(present, dict):
        for key, value in wanted.items():
            if path == ".metadata" and key in _SERVERS:
                continue
            if not value and not present.get(key):
                continue
            yield from _lacking(present.get(key), value, f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(present, list) and len(wanted) == len(present):
        for place, (there, value) in enumerate(zip(present, wanted, strict=True)):
            yield from _lacking(there, value, f"{path}[{place}]")
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
