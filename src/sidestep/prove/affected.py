"""What a step may change: destinations, and callers, by the objects and pods that two meshes do not share.

An object counts for its namespace, or for everything where it is mesh-wide or not known to be narrower. That is wider
than it must be, and never narrower.
"""

from collections.abc import Iterable, Iterator, Mapping
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


_POLICIES = frozenset({"AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"})


class Named(Struct, frozen=True):
    """Whom changed policies are about, where nothing else has changed.

    Attributes:
        labels: of pods.
        services: by namespace and name.
    """

    labels: tuple[Mapping[str, str], ...]
    services: frozenset[tuple[str, str]]


class Affected(Struct, frozen=True):
    """What may be another.

    Attributes:
        everything: nothing is certain to be as it was.
        namespaces: whose destinations may be others.
        callers: workloads that may call otherwise.
        named: only what has these before it; None for all of the namespaces.
    """

    everything: bool = False
    namespaces: frozenset[str] = frozenset()
    callers: frozenset[WorkloadRef] = frozenset()
    named: Named | None = None

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
    named = None if callers else _named(changed)
    return Affected(namespaces=frozenset(spaces | {ref.namespace for ref in callers}), callers=callers, named=named)


def _named(changed: Iterable[Resource[Any]]) -> Named | None:
    """Pods and Services that policies name; None where one is about more, or is no policy."""
    labels: list[Mapping[str, str]] = []
    services: set[tuple[str, str]] = set()
    for each in changed:
        spec = each.tree().get("spec")
        if each.kind not in _POLICIES or not isinstance(spec, dict) or "targetRef" in spec:
            return None
        selector, refs = spec.get("selector"), spec.get("targetRefs")
        wanted = selector.get("matchLabels") if isinstance(selector, dict) else None
        if refs is None and isinstance(wanted, dict) and wanted:
            labels.append(wanted)
        elif selector is None and isinstance(refs, list) and refs and all(map(_is_service, refs)):
            services |= {(each.meta.namespace, ref["name"]) for ref in refs}
        else:
            return None
    return Named(tuple(labels), frozenset(services))


def _is_service(ref: object) -> bool:
    return (
        isinstance(ref, dict)
        and ref.get("kind") == "Service"
        and not ref.get("group")
        and not ref.get("namespace")
        and isinstance(ref.get("name"), str)
    )


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
