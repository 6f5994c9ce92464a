"""A mesh, made fit for one machine: fewer replicas of everything; workloads that serve on while they are taken away."""

from typing import Any

import msgspec

from sidestep.lab.cluster.objects import Tree
from sidestep.lab.workload.declared.behaviour import ANNOTATION

_SCALED = frozenset({"Deployment", "StatefulSet"})
_TEMPLATED = _SCALED | {"DaemonSet"}


def scaled(objects: tuple[Tree, ...], most: int) -> tuple[tuple[Tree, ...], tuple[str, ...]]:
    """Objects with at most so many replicas each, and what was made fewer, in words."""
    found, merged = [], []
    for tree in objects:
        spec = tree.get("spec")
        wanted = spec.get("replicas", 1) if isinstance(spec, dict) else None
        if tree.get("kind") not in _SCALED or not isinstance(wanted, int) or wanted <= most:
            found.append(tree)
            continue
        smaller: dict[str, Any] = {**tree, "spec": {**tree["spec"], "replicas": most}}
        found.append(smaller)
        meta = tree["metadata"]
        merged.append(f"{tree['kind']} {meta.get('namespace', 'default')}/{meta['name']}: {most} pods for {wanted}")
    return tuple(found), tuple(merged)


def lingering(objects: tuple[Tree, ...], seconds: float) -> tuple[Tree, ...]:
    """Objects whose pods serve on for some seconds after they are asked to end, unless they say how they behave.

    Images are replaced in the lab, so nobody knows how the programs in them end; those that end at once lose requests
    in every rollout, with and without a mesh.
    """
    return tuple(_lingers(tree, seconds) if tree.get("kind") in _TEMPLATED else tree for tree in objects)


def _lingers(tree: Tree, seconds: float) -> Tree:
    spec = tree.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(template, dict):
        return tree
    meta = template.get("metadata") or {}
    annotations = meta.get("annotations") or {}
    if any(name.startswith(ANNOTATION) for name in annotations):
        return tree
    told = msgspec.json.encode({"linger": seconds}).decode()
    changed = {**template, "metadata": {**meta, "annotations": {**annotations, ANNOTATION: told}}}
    return {**tree, "spec": {**spec, "template": changed}}
