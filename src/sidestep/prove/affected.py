"""What a step may change: destinations, and callers, by the objects and pods that two meshes do not share.

An object counts for its namespace, or for everything where it is mesh-wide or not known to be narrower. That is wider
than it must be, and never narrower.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import parents, workload_of_shape
from sidestep.model.resource import Resource

_OF_NAMESPACE = frozenset({
    "AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication", "Service", "Gateway", "Namespace",
    "Deployment",
    "StatefulSet", "DaemonSet", "ReplicaSet", "ServiceAccount", "Pod", "Job",
    "CronJob", "HorizontalPodAutoscaler", "PodDisruptionBudget",
})  # fmt: skip
"""Kinds that count for destinations of their own namespace alone, unless it is the root namespace."""


class Affected(Struct, frozen=True):
    """What may be another.

    Attributes:
        everything: nothing is certain to be as it was.
        namespaces: whose destinations may be others.
        callers: workloads that may call otherwise.
    """

    everything: bool = False
    namespaces: frozenset[str] = frozenset()
    callers: frozenset[WorkloadRef] = frozenset()

    @property
    def nothing(self) -> bool:
        """Whether nothing is."""
        return not (self.everything or self.namespaces or self.callers)


def affected(before: Mesh, after: Mesh, root: str) -> Affected:
    """What may be another in the second mesh."""
    changed = tuple(_objects(before, after))
    if any(each.kind not in _OF_NAMESPACE or each.meta.namespace == root for each in changed):
        return Affected(everything=True)
    spaces = {each.meta.namespace or each.meta.name for each in changed}
    callers = frozenset(_pods(before, after))
    return Affected(namespaces=frozenset(spaces | {ref.namespace for ref in callers}), callers=callers)


def _objects(before: Mesh, after: Mesh) -> Iterator[Resource[Any]]:
    """Objects that only one mesh has, or that are others in it."""
    for key in before.resources.keys() | after.resources.keys():
        one, other = before.resources.get(key, ()), after.resources.get(key, ())
        if one is not other:
            yield from _apart(one, other)
    if before.others is not after.others:
        yield from _apart(before.others, after.others)


def _apart(one: Iterable[Resource[Any]], other: Iterable[Resource[Any]]) -> Iterator[Resource[Any]]:
    known = {id(each) for each in one}
    shared = {id(each) for each in other} & known
    yield from (each for group in (one, other) for each in group if id(each) not in shared)


def _pods(before: Mesh, after: Mesh) -> Iterator[WorkloadRef]:
    if before.pods is after.pods:
        return
    shared = {id(pod) for pod in before.pods} & {id(pod) for pod in after.pods}
    for mesh in (before, after):
        known = parents(mesh)
        for pod in mesh.pods:
            if id(pod) not in shared:
                yield workload_of_shape(pod.shape, known) or WorkloadRef(pod.namespace, "Pod", pod.name)


def changed_namespaces(before: Mesh, after: Mesh) -> frozenset[str]:
    """Namespaces with objects that say something else in the second mesh, or are in one of them alone."""
    found: set[str] = set()
    for key in before.resources.keys() | after.resources.keys():
        one, other = before.resources.get(key, ()), after.resources.get(key, ())
        if one is not other:
            said = {(each.meta.namespace, each.meta.name): each.body for each in one}
            for each in other:
                if said.pop((each.meta.namespace, each.meta.name), None) != each.body:
                    found.add(each.meta.namespace or each.meta.name)
            found.update(space or name for space, name in said)
    return frozenset(found)
