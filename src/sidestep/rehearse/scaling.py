"""A mesh, made fit for one machine: fewer replicas of everything; workloads that serve on while they are taken away."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sidestep.errors import UsageError
from sidestep.lab.cluster.objects import Tree
from sidestep.lab.workload.declared.behaviour import ANNOTATION, CALLS
from sidestep.model.kinds import NAMESPACE
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.injection import INJECTION

_SCALED = frozenset({"Deployment", "StatefulSet"})
_TEMPLATED = _SCALED | {"DaemonSet"}


def most_replicas(objects: tuple[Tree, ...], most: int, nodes: int, room: int) -> tuple[int, tuple[str, ...]]:
    """The most replicas of each workload for which a machine has room, and what is said of it.

    Args:
        objects: of the mesh.
        most: replicas that are wished at most.
        nodes: of the lab.
        room: pods for which the machine has memory.

    Raises:
        UsageError: there is no room for one of each.
    """
    for each in range(most, 0, -1):
        if pods_of(objects, each, nodes) <= room:
            told = f"there is room for {room:,} pods: at most {each} of a workload, and not {most}"
            return each, (told,) if each < most else ()
    pods = pods_of(objects, 1, nodes)
    raise UsageError(
        f"one pod of each workload is {pods:,} pods, and there is room for {room:,}",
        where="rehearse",
        remedy="rehearse some namespaces at a time (-n), or on a larger machine",
    )


def pods_of(objects: Iterable[Tree], most: int, nodes: int) -> int:
    """Pods of all workloads with at most so many replicas each."""
    return sum(_pods(tree, most, nodes) for tree in objects)


def _pods(tree: Tree, most: int, nodes: int) -> int:
    kind, spec = tree.get("kind"), tree.get("spec")
    if kind == "Pod":
        return 1
    if kind not in _TEMPLATED or not isinstance(spec, dict):
        return 0
    if kind == "DaemonSet":
        return nodes
    wanted = spec.get("replicas", 1)
    return min(wanted, most) if isinstance(wanted, int) else 1


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


def spaced(objects: tuple[Tree, ...], index: MeshIndex) -> tuple[tuple[Tree, ...], tuple[str, ...]]:
    """Objects with the namespaces that were not read, where pods are taken to be injected, and what was added.

    A plan takes them so, and a lab that did not would rehearse another mesh.
    """
    read = {tree["metadata"]["name"] for tree in objects if tree.get("kind") == NAMESPACE.name}
    taken = {each.namespace for groups in index.workloads.values() for each in groups if each.assumed}
    missing = sorted(taken - read)
    made = tuple(
        {"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": name, "labels": {INJECTION: "enabled"}}}
        for name in missing
    )
    told = tuple(
        f"Namespace {name} was not read: its pods are taken to be injected, as the plan takes them" for name in missing
    )
    return (*made, *objects), told


def behaving(objects: tuple[Tree, ...], linger: float, sizes: Mapping[WorkloadRef, int] = {}) -> tuple[Tree, ...]:
    """Objects whose pods serve on for some seconds after they are asked to end, and give answers of the size measured.

    They serve on for half of their grace period at most: the rest is for what they have begun.

    Those that say how they behave do as they say. Images are replaced in the lab, so nobody knows how the programs in
    them end; those that end at once lose requests in every rollout, with and without a mesh. They call nobody by
    themselves, for every call of the graph is sent as a request of its own: one that is lost is told once, where it
    was lost, and none is sent that is not counted.
    """
    return tuple(_behaves(tree, linger, sizes) if tree.get("kind") in _TEMPLATED else tree for tree in objects)


def _behaves(tree: Tree, linger: float, sizes: Mapping[WorkloadRef, int]) -> Tree:
    spec = tree.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(template, dict):
        return tree
    meta = template.get("metadata") or {}
    annotations = {CALLS: "none", **(meta.get("annotations") or {})}
    if any(name.startswith(ANNOTATION) for name in annotations):
        return _annotated(tree, template, annotations)
    own = tree["metadata"]
    size = sizes.get(WorkloadRef(own.get("namespace", "default"), tree["kind"], own["name"]), 0)
    grace = (template.get("spec") or {}).get("terminationGracePeriodSeconds")
    shorter = min(linger, grace / 2) if isinstance(grace, int) else linger
    told = msgspec.json.encode({"linger": shorter, **({"size": size} if size else {})}).decode()
    return _annotated(tree, template, {**annotations, ANNOTATION: told})


def _annotated(tree: Tree, template: Tree, annotations: Tree) -> Tree:
    changed = {**template, "metadata": {**(template.get("metadata") or {}), "annotations": annotations}}
    return {**tree, "spec": {**tree["spec"], "template": changed}}
