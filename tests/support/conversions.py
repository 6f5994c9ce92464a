"""Convert a small mesh whole: run rewrites over all its objects, apply what they give, look at what comes of it."""

import json
from collections.abc import Callable, Iterable

from msgspec.structs import replace
from tests.support.scenes import Object, index, waypoint

from sidestep.convert.conversion import convert
from sidestep.convert.rewrite import Change, ChangeKind, Context, Loss, Rewritten, Rule, Waypoint
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Mode
from sidestep.semantics.versions import given_version

__all__ = [
    "after",
    "apply",
    "context",
    "convert",
    "flat",
    "manifests",
    "one",
    "resources",
    "severities",
    "with_version",
]
BOUND = {"istio.io/use-waypoint": "waypoint"}


def context(mesh: MeshIndex, *behind: str, moving: Iterable[str] | None = None, version: str = "1.30") -> Context:
    """Services `name` or `namespace/name` behind the waypoint of their namespace; everybody with a sidecar moves."""
    waypoints = {}
    for each in behind:
        space, _, name = each.rpartition("/")
        waypoints[f"{name}.{space or 'shop'}.svc.cluster.local"] = Waypoint(space or "shop", "waypoint")
    sidecars = (ref for ref, group in mesh.workloads.items() if any(pods.mode is Mode.SIDECAR for pods in group))
    chosen = None if moving is None else set(moving)
    found = {ref for ref in sidecars if chosen is None or ref.name in chosen}
    return Context(mesh, waypoints, frozenset(found), given_version(version))


def resources(mesh: Mesh) -> list[Resource]:
    return [*(each for group in mesh.resources.values() for each in group), *mesh.others]


def one(rule: Rule, found: Context, kind: str, name: str) -> Rewritten:
    """What one rewrite gives for one object."""
    resource = next(each for each in resources(found.index.mesh) if (each.kind, each.meta.name) == (kind, name))
    return rule.rewrite(resource, found)


def apply(objects: Iterable[Object], changes: Iterable[Change], *, late: bool = True) -> list[Object]:
    """Objects after changes, the late ones last."""
    table = {_key(each): each for each in json.loads(json.dumps(list(objects)))}
    for change in sorted(changes, key=lambda change: change.late):
        if change.late and not late:
            continue
        identity = change.object
        key = (identity.kind, identity.namespace, identity.name)
        if change.kind is ChangeKind.REMOVE:
            assert key in table, key
            del table[key]
        else:
            assert (key in table) is (change.kind is ChangeKind.REPLACE or (change.late and key in table)), change
            table[key] = json.loads(json.dumps(change.manifest))
    return list(table.values())


def flat(objects: Iterable[Object | list[Object]]) -> list[Object]:
    return [each for group in objects for each in (group if isinstance(group, list) else [group])]


def after(build: Callable[[str], list], config: list[Object], found: Context, changes: Iterable[Change]) -> MeshIndex:
    """The mesh with everybody ambient, its configuration converted and its services bound."""
    spaces = sorted({each.namespace for each in found.waypoints.values()})
    objects = apply([*flat(build("ambient")), *config], changes)
    for each in objects:
        meta = each["metadata"]
        if each["kind"] == "Service" and f"{meta['name']}.{meta['namespace']}.svc.cluster.local" in found.waypoints:
            meta["labels"] = {**(meta.get("labels") or {}), **BOUND}
    return index(*objects, *(waypoint(space=space) for space in spaces))


def manifests(given: Rewritten, *, late: bool | None = None) -> dict[str, Object | None]:
    """Changed objects by name."""
    return {c.object.name: c.manifest for c in given.changes if late is None or c.late is late}


def severities(losses: Iterable[Loss]) -> list[tuple[str, str]]:
    return sorted((loss.severity.value, loss.field) for loss in losses)


def with_version(found: Context, version: str) -> Context:
    return replace(found, target=given_version(version))


def _key(tree: Object) -> tuple[str, str, str]:
    meta = tree["metadata"]
    return tree["kind"], meta.get("namespace", ""), meta["name"]
