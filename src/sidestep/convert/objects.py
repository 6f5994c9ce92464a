"""Changes of whole objects: added, replaced only where something differs, removed."""

import copy
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from sidestep.convert.rewrite import ORIGIN, RULE, Change, ChangeKind, Context, Tree
from sidestep.model.kinds import KINDS, Kind
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec

_BY_NAME: dict[tuple[str, str], Kind[Any]] = {(kind.group, kind.name): kind for kind in KINDS}


def kind_of(resource: Resource[Any]) -> Kind[Any] | None:
    """The kind of an object; None for one that is only carried."""
    return _BY_NAME.get((resource.api_version.rpartition("/")[0], resource.kind))


def object_id(tree: Tree) -> ObjectId:
    """What names a manifest's object."""
    meta = tree.get("metadata") or {}
    return ObjectId(str(tree["apiVersion"]), str(tree["kind"]), str(meta.get("namespace", "")), str(meta["name"]))


def made(of: tuple[str, str], place: tuple[str, str], spec: Tree, origin: str, rule: str) -> Tree:
    """An object that a rewrite makes.

    Args:
        of: its API version and kind.
        place: its namespace and name.
        spec: what it says.
        origin: what it was made from.
        rule: code of the rewrite.
    """
    annotations = {ORIGIN: origin, **({RULE: rule} if rule else {})}
    return {
        "apiVersion": of[0],
        "kind": of[1],
        "metadata": {"name": place[1], "namespace": place[0], "annotations": annotations},
        "spec": spec,
    }


def added(context: Context, trees: Iterable[Tree], origin: ObjectId, rule: str, *, late: bool = False) -> list[Change]:
    """Changes that bring objects into being; none for those that stand already and say the same."""
    found = []
    for tree in trees:
        identity = object_id(tree)
        group, _, _ = identity.api_version.rpartition("/")
        kind = _BY_NAME.get((group, identity.kind))
        standing = context.index.mesh.find(kind, identity.namespace, identity.name) if kind else None
        if standing is None:
            found.append(Change(ChangeKind.ADD, identity, tree, origin, rule, late))
        elif standing.tree().get("spec") != tree["spec"]:
            found.append(Change(ChangeKind.REPLACE, identity, _over(standing, tree), origin, rule, late))
    return found


def replaced(resource: Resource[Any], tree: Tree, rule: str, *, late: bool = False) -> tuple[Change, ...]:
    """The change to an object; none where nothing differs."""
    if tree == resource.tree():
        return ()
    return (Change(ChangeKind.REPLACE, resource.id, tree, resource.id, rule, late),)


def removed(resource: Resource[Any], rule: str) -> Change:
    """An object that goes once no sidecar reads it."""
    return Change(ChangeKind.REMOVE, resource.id, None, resource.id, rule, late=True)


def with_spec(resource: Resource[Spec], spec: Tree) -> Resource[Spec]:
    """An object with another spec, for who reads it typed."""
    return replace(resource, view=replace(resource.view, spec=spec))


def spec_of(resource: Resource[Any]) -> Tree:
    """A spec to change; empty for one of a wrong type."""
    found = resource.tree().get("spec")
    return found if isinstance(found, dict) else {}


def with_new_spec(resource: Resource[Any], spec: Tree) -> Tree:
    """The whole object with another spec."""
    return {**resource.tree(), "spec": spec}


def marked(tree: Tree, rule: str) -> Tree:
    """An object that says which rewrite took something out of it: it is not to be read again as people wrote it."""
    meta = tree.get("metadata") or {}
    return {**tree, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), RULE: rule}}}


def is_made(resource: Resource[Any]) -> bool:
    """Whether a rewrite made it, or took something out of it."""
    return RULE in resource.meta.annotations


def _over(standing: Resource[Any], tree: Tree) -> Tree:
    """What stands, with what a rewrite says now."""
    found = standing.tree()
    meta = copy.deepcopy(found.get("metadata") or {})
    meta["annotations"] = {**(meta.get("annotations") or {}), **tree["metadata"]["annotations"]}
    return {**found, "metadata": meta, "spec": tree["spec"]}
