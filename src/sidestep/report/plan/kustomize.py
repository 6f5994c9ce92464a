"""The kustomization of a wave: what it applies as resources, and its patches by the objects that they are for.

Kustomize sets a label or annotation to the text `null` where a strategic merge patch says null, and merges lists of
kinds that it knows where a merge patch replaces them: both are said as operations of JSON Patch (RFC 6902) instead. A
patch whose target is not among the resources does nothing (checked with kustomize 5.5).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sidestep.model.metadata import ObjectId
from sidestep.plan.steps import Apply, Delete, Patch, SetLabels, Step
from sidestep.report.plan.file_names import folder, written_path
from sidestep.report.plan.manifests import Tree, as_yaml, merge_patch, merge_patch_before, named_patch

_HEADER = """\
# All that wave {wave} applies, at once and without the waits between its steps; run.md has them one by one.
#   kubectl apply --server-side --field-manager=sidestep -k {folder}
# A patch takes effect only where its object is among the resources: add your own manifests to them, or patch the
# objects in the cluster as run.md says.
"""
_SPECIAL = frozenset("\\.+*?()|[]{}^$")
_MAPS = frozenset({("metadata", "labels"), ("metadata", "annotations")})
_BUILT_IN = ("", "apps", "batch", "autoscaling", "policy")
_Path = tuple[str, ...]


def kustomization(steps: Sequence[Step], wave: int, area: str = "waves") -> str:
    """The file `kustomization.yaml` of a wave's folder; empty where the wave neither applies nor patches."""
    resources = list(_resources(steps, area, wave))
    patches = [each for step in steps for each in _patches(step)]
    if not resources and not patches:
        return ""
    tree: Tree = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    listed = {"resources": resources, "patches": patches}
    tree |= {name: value for name, value in listed.items() if value}
    return _HEADER.format(wave=wave, folder=folder(area, wave)) + as_yaml(tree)


def resources_of(steps: Sequence[Step]) -> tuple[tuple[Step, Apply], ...]:
    """What a wave leaves applied: of an object that is applied twice the last, of one that goes again none."""
    found: dict[ObjectId, tuple[Step, Apply]] = {}
    for step in steps:
        match step.effect:
            case Apply() as effect if _named(effect.manifest):
                found.pop(effect.object, None)
                found[effect.object] = (step, effect)
            case Delete(object=gone):
                found.pop(gone, None)
    return tuple(found.values())


def _resources(steps: Sequence[Step], area: str, wave: int) -> Iterator[str]:
    prefix = f"{folder(area, wave)}/"
    yield from (written_path(area, step, effect).removeprefix(prefix) for step, effect in resources_of(steps))


def _named(manifest: Tree) -> bool:
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return all(isinstance(each, str) and each for each in (manifest.get("apiVersion"), manifest.get("kind"), name))


def _patches(step: Step) -> Iterator[Tree]:
    effect = step.effect
    if not isinstance(effect, SetLabels | Patch):
        return
    changes, before = merge_patch(effect), merge_patch_before(effect)
    operations = list(_operations(effect.object, changes, before))
    merged = _without(changes, {path for path, _ in operations} | set(_absent(changes)))
    if merged:
        yield {"target": target_of(effect.object), "patch": as_yaml(named_patch(effect.object, merged))}
    if operations:
        yield {"target": target_of(effect.object), "patch": as_yaml([each for _, each in operations])}


def _operations(named: ObjectId, changes: Tree, before: Tree) -> Iterator[tuple[_Path, Tree]]:
    """What a strategic merge patch would get wrong, by its path."""
    lists_merge = named.api_version.rpartition("/")[0] in _BUILT_IN or ".k8s.io/" in named.api_version
    for path, value in _leaves(changes):
        was = _at(before, path)
        if value is None and path[:-1] in _MAPS and was is not None:
            yield path, {"op": "remove", "path": pointer(path)}
        elif isinstance(value, list) and lists_merge:
            yield path, {"op": "add", "path": pointer(path), "value": value}


def _absent(changes: Tree) -> Iterator[_Path]:
    """Labels and annotations that are taken away."""
    return (path for path, value in _leaves(changes) if value is None and path[:-1] in _MAPS)


def _leaves(found: Tree, path: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    for name, value in found.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _at(found: Any, path: _Path) -> Any:
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _without(found: Tree, paths: Iterable[_Path], path: _Path = ()) -> Tree:
    """The rest of a tree; a mapping of which nothing is left is left out."""
    gone = frozenset(paths)
    kept: Tree = {}
    for name, value in found.items():
        here = (*path, name)
        rest = _without(value, gone, here) if isinstance(value, dict) and value else value
        if here not in gone and not (rest == {} and value):
            kept[name] = rest
    return kept


def target_of(named: ObjectId) -> Tree:
    """Kustomize takes each part for a regular expression that must match as a whole."""
    group, _, version = named.api_version.rpartition("/")
    parts = {"group": group, "version": version, "kind": named.kind, "namespace": named.namespace, "name": named.name}
    return {name: _literal(text) for name, text in parts.items() if text}


def _literal(text: str) -> str:
    return "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in text)


def pointer(path: tuple[str, ...]) -> str:
    """A place in a tree as JSON Patch names it (RFC 6901)."""
    return "".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in path)
