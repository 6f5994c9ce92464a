"""A mesh, made small enough for one machine: fewer replicas of everything, and nothing else is left out."""

from typing import Any

from sidestep.lab.cluster.objects import Tree

_SCALED = frozenset({"Deployment", "StatefulSet"})


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
