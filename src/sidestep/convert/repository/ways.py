"""What happens to an object on its way through kustomizations, and what of a change would get lost there.

Within one kustomization, Kustomize makes `patches` first, then namespace, names, labels, annotations, then
`patchesJson6902`, replicas, images and replacements (seen with kubectl 1.32 and 1.36).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sidestep.convert.repository.kustomize import Kustomization, Way
from sidestep.convert.repository.patches import overlap, trees
from sidestep.convert.rewrite import Tree
from sidestep.model.metadata import ObjectId

_KEEP_NAMES = frozenset({"Namespace", "CustomResourceDefinition", "APIService"})
_LABELLERS = ("commonLabels", "labels", "commonAnnotations")
_PROGRAMS = ("transformers", "configurations", "vars", "replacements")
_MEANT = "istio.io/"
"""In names of labels and annotations by which a mesh decides."""
_SELECTING = frozenset({
    "Service", "NetworkPolicy", "PodDisruptionBudget", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job",
    "CronJob", "ReplicationController",
})  # fmt: skip


def names_on(way: Way, kind: str, name: str) -> tuple[str, ...]:
    """The names of an object: as its file says it, then after each kustomization that acts."""
    found = [name]
    for each in way.acting:
        prefix, suffix = each.affixes if kind not in _KEEP_NAMES else ("", "")
        found.append(f"{prefix}{found[-1]}{suffix}")
    return tuple(found)


def namespaces_on(way: Way, namespace: str) -> tuple[str, ...]:
    """Its namespaces, likewise."""
    found = [namespace]
    for each in way.acting:
        found.append(each.namespace or found[-1])
    return tuple(found)


def becomes(way: Way, kind: str, name: str, namespace: str, identity: ObjectId) -> bool:
    """Whether what a file says is rendered as an object of a name and a namespace."""
    rendered = namespaces_on(way, namespace)[-1]
    return names_on(way, kind, name)[-1] == identity.name and (
        not identity.namespace or rendered in ("", identity.namespace)
    )


def called_in(way: Way, identity: ObjectId, located: tuple[str, str] | None) -> ObjectId | None:
    """What an object is called where the patches of the outermost kustomization are made.

    Args:
        way: on which it goes.
        identity: as it is rendered.
        located: its name and namespace in its file; None for one that no file of the repository says.

    Returns:
        None where the kustomization would not give it its name.
    """
    root = way.root
    if located is not None:
        name, namespace = names_on(way, identity.kind, located[0])[-2], namespaces_on(way, located[1])[-2]
        return ObjectId(identity.api_version, identity.kind, namespace, name)
    prefix, suffix = root.affixes if identity.kind not in _KEEP_NAMES else ("", "")
    if not (identity.name.startswith(prefix) and identity.name.endswith(suffix)):
        return None
    own = identity.name.removeprefix(prefix).removesuffix(suffix)
    return ObjectId(identity.api_version, identity.kind, "" if root.namespace else identity.namespace, own)


def says_otherwise(way: Way, tree: Tree) -> str:
    """What makes a way render another object than the file says, in words; empty if nothing does."""
    kind, name, namespace = _identity(tree)
    names = names_on(way, kind, name)
    for each in way.acting:
        if names[0] != names[-1] and each.affixes != ("", ""):
            return f"{each.path} gives it another name"
        if each.namespace not in ("", namespace) and kind not in _KEEP_NAMES:
            return f"{each.path} puts it into the namespace {each.namespace}"
        if any(patch.may_be_for(kind, names) for patch in each.patches):
            return f"{each.path} patches it"
        if used := _used(each, (*_LABELLERS, *_PROGRAMS)):
            return f"{each.path} changes it ({used})"
    return ""


def overridden(way: Way, kind: str, names: tuple[str, ...], fields: tuple[str, ...]) -> str:
    """What on a way patches fields of an object before the outermost patch is made, in words."""
    for each in way.acting:
        for patch in each.patches:
            if patch.may_be_for(kind, names) and (touched := patch.touches(fields)):
                return f"{each.path} patches {touched}"
    return _set_by(way.acting[:-1], fields)


def undone(way: Way, kind: str, names: tuple[str, ...], fields: tuple[str, ...]) -> str:
    """What the outermost kustomization does to fields of an object after its patches, in words."""
    root = way.root
    for patch in root.patches:
        if patch.late and patch.may_be_for(kind, names) and (touched := patch.touches(fields)):
            return f"{root.path} patches {touched}"
    return _set_by((root,), fields)


def spoils(way: Way, identity: ObjectId) -> str:
    """What would make another object of one that comes, in words; empty if nothing does."""
    renamed = identity.kind not in _KEEP_NAMES
    for each in way.acting:
        if each.affixes != ("", "") and renamed:
            return f"{each.path} would give it another name"
        if each.namespace not in ("", identity.namespace) and identity.namespace:
            return f"{each.path} would put it into the namespace {each.namespace}"
        if any(patch.may_be_for(identity.kind, (identity.name,)) for patch in each.patches if patch.kind or patch.name):
            return f"{each.path} would patch it"
        if used := _used(each, ("transformers", *_selecting(each, identity.kind))):
            return f"{each.path} would change it ({used})"
        if meant := next((name for name in (*_labels(each.tree), *_notes(each.tree)) if _MEANT in name), ""):
            return f"{each.path} would put {meant} on it"
    return ""


def _identity(tree: Tree) -> tuple[str, str, str]:
    meta = tree.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    return str(tree.get("kind", "")), str(meta.get("name", "")), str(meta.get("namespace") or "")


def _set_by(acting: Iterable[Kustomization], fields: tuple[str, ...]) -> str:
    """What besides patches sets one of some fields; nothing sets fields of what goes."""
    if fields == ("",):
        return ""
    for each in acting:
        for field, pointers in _setters(each):
            if any(overlap(pointer, changed) for pointer in pointers for changed in fields):
                return f"{each.path} sets it by {field}"
    return ""


def _setters(kustomization: Kustomization) -> Iterator[tuple[str, list[str]]]:
    """What a kustomization sets in objects, besides patches: the field that says so, and what it touches."""
    tree = kustomization.tree
    for field in _PROGRAMS:
        if tree.get(field):
            yield field, [""]
    if tree.get("images"):
        yield "images", [f"/spec{inner}/{name}" for inner in _POD_PATHS for name in _CONTAINERS]
    if tree.get("replicas"):
        yield "replicas", ["/spec/replicas"]
    yield "labels", [pointer for name in _labels(tree) for pointer in _label_pointers(name)]
    notes = [f"metadata/annotations/{_escaped(name)}" for name in _notes(tree)]
    yield "commonAnnotations", [f"{at}/{note}" for note in notes for at in ("", "/spec/template")]


def _labels(tree: Tree) -> Tree:
    """Labels that a kustomization puts on what it renders."""
    found = _mapping(tree.get("commonLabels"))
    for each in trees(tree.get("labels")):
        found |= _mapping(each.get("pairs"))
    return found


def _notes(tree: Tree) -> Tree:
    return _mapping(tree.get("commonAnnotations"))


_POD_PATHS = ("", "/template/spec", "/jobTemplate/spec/template/spec")
_CONTAINERS = ("containers/0/image", "initContainers/0/image")


def _label_pointers(name: str) -> Iterator[str]:
    key = _escaped(name)
    yield from (f"{at}/metadata/labels/{key}" for at in ("", "/spec/template"))
    yield from (
        f"/spec/{selector}/{key}" for selector in ("selector", "selector/matchLabels", "podSelector/matchLabels")
    )


def _selecting(kustomization: Kustomization, kind: str) -> tuple[str, ...]:
    """Fields of a kustomization that would narrow what an object selects."""
    if kind not in _SELECTING:
        return ()
    narrows = any(each.get("includeSelectors") for each in trees(kustomization.tree.get("labels")))
    return ("commonLabels", *(("labels",) if narrows else ()))


def _used(kustomization: Kustomization, fields: tuple[str, ...]) -> str:
    return next((field for field in fields if kustomization.tree.get(field)), "")


def _mapping(value: Any) -> Tree:
    return dict(value) if isinstance(value, dict) else {}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
