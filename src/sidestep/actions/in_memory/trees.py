"""What effects do to the tree of an object."""

from collections.abc import Mapping
from typing import Any

Tree = dict[str, Any]
Path = tuple[str, ...]

OWN: Path = ("metadata",)
"""Where an object's labels are."""

_STAMPS = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")
_SERVERS = (*_STAMPS, "ownerReferences")
"""What the API server or another controller writes in metadata, whoever applies the rest."""


def template_path(kind: str) -> Path:
    """Where the labels of a controller's pod template are."""
    job: Path = ("spec", "jobTemplate") if kind == "CronJob" else ()
    return (*job, "spec", "template", "metadata")


def labels_at(tree: Tree, path: Path) -> dict[str, str]:
    """The labels in the metadata at a path; none where there is none."""
    found: Any = tree
    for key in (*path, "labels"):
        found = found.get(key) if isinstance(found, dict) else None
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def relabelled(tree: Tree, path: Path, changes: Mapping[str, str | None]) -> Tree:
    """A tree with other labels; metadata that says nothing any more goes, as the API server leaves it out."""
    patch: Tree = {"labels": dict(changes)}
    for key in reversed(path):
        patch = {key: patch}
    changed: Tree = merge_patched(tree, patch)
    return _without_empty(changed, (*path, "labels")) if changed != tree else tree


def merge_patched(target: object, patch: object) -> Any:
    """The result of a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result: Tree = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patched(result.get(key), value)
    return result


def applied(present: Tree | None, manifest: Tree) -> Tree:
    """What stands after a whole object was applied: the manifest, and what only the cluster itself writes."""
    if present is None:
        return manifest
    before, metadata = _table(present.get("metadata")), _table(manifest.get("metadata"))
    kept = {key: before[key] for key in _SERVERS if key in before and key not in metadata}
    status = {"status": present["status"]} if "status" in present and "status" not in manifest else {}
    return {**manifest, "metadata": {**metadata, **kept}, **status}


def stripped(tree: Tree) -> Tree:
    """An object as it is given to a cluster: without what only the API server writes."""
    metadata = {key: value for key, value in _table(tree.get("metadata")).items() if key not in _STAMPS}
    return {**{key: value for key, value in tree.items() if key != "status"}, "metadata": metadata}


def _without_empty(tree: Tree, path: Path) -> Tree:
    """A tree without the empty tables at the end of a path."""
    key, rest = path[0], path[1:]
    inner = tree.get(key)
    if not isinstance(inner, dict):
        return tree
    if rest:
        inner = _without_empty(inner, rest)
    if inner:
        return {**tree, key: inner}
    return {name: value for name, value in tree.items() if name != key}


def _table(value: object) -> Tree:
    return value if isinstance(value, dict) else {}


def has_table(tree: Tree, path: Path) -> bool:
    """Whether there is a table at a path."""
    found: Any = tree
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return isinstance(found, dict)
