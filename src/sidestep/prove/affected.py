"""What a step may change: destinations, and callers, by the objects and pods that two meshes do not share.

An object counts for its namespace, or for everything where it is mesh-wide or not known to be narrower; of policies,
labels of Services and pods it is told whom they are about. That is wider than it must be, and never narrower.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import GATEWAY, NETWORK_POLICY, Kind
from sidestep.model.mesh import OTHERS, PODS, Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.resource import Resource
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.handed_on import differ_in_labels
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.injection import INJECTION, NAMESPACE_NAME, REVISION
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.mesh_config import configures
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE, account_of, is_waypoint_gateway

COUNT_FOR_POLICY = frozenset({"AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"})
COUNT_FOR_PODS = frozenset({
    "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ServiceAccount", "Pod", "Job", "CronJob",
    "HorizontalPodAutoscaler", "PodDisruptionBudget",
})  # fmt: skip
"""Kinds that count for nothing but the pods that come of them, which are compared themselves."""
_OF_NAMESPACE = COUNT_FOR_POLICY | COUNT_FOR_PODS | {"Service", "Gateway", "Namespace"}
"""Kinds that count for destinations of their own namespace alone, unless it is the root namespace."""
_SELECT_NAMESPACES: tuple[Kind[Any], ...] = (NETWORK_POLICY, GATEWAY)
"""Kinds that ask for labels of namespaces."""
_SEEN_IN_PODS = frozenset({DATAPLANE_MODE, INJECTION, REVISION})
"""Labels of namespaces that count for nothing but what their pods are, which are compared themselves."""


class Named(Struct, frozen=True):
    """Whom changed objects are about, where nothing else has changed.

    Attributes:
        labels: of pods that policies ask for.
        services: by namespace and name.
        pods: that changed themselves, as they were and as they are.
        waypoints: by namespace and name; who asks for one is meant, whether it is there or not.
        accounts: of these, by namespace and name, under which nobody else comes.
        targets: Services that policies name, by namespace and name: waypoints enforce those, and nobody else.
    """

    labels: tuple[Mapping[str, str], ...]
    services: frozenset[tuple[str, str]]
    pods: tuple[Instances, ...] = ()
    waypoints: frozenset[tuple[str, str]] = frozenset()
    accounts: frozenset[tuple[str, str]] = frozenset()
    targets: frozenset[tuple[str, str]] = frozenset()

    @property
    def nobody(self) -> bool:
        """Whether it is about nobody: templates of pods that are still there, mostly."""
        return not (self.labels or self.services or self.pods or self.waypoints or self.targets)


class Affected(Struct, frozen=True):
    """What may be another.

    Attributes:
        everything: nothing is certain to be as it was.
        namespaces: whose destinations may be others.
        callers: workloads that may call otherwise.
        named: only what has these before it; None for all of the namespaces.
        names: there may be others by which anything is dialled.
    """

    everything: bool = False
    namespaces: frozenset[str] = frozenset()
    callers: frozenset[WorkloadRef] = frozenset()
    named: Named | None = None
    names: bool = False

    @property
    def nothing(self) -> bool:
        """Whether nothing is."""
        if self.everything or self.callers or self.names:
            return False
        return not self.namespaces or (self.named is not None and self.named.nobody)


def affected(before: MeshIndex, after: MeshIndex) -> Affected:
    """What may be another in the second mesh."""
    changed = tuple(filter(configures, _objects(before.mesh, after.mesh)))
    if before.settings != after.settings or any(_is_wide(each, after) for each in changed):
        return Affected(everything=True, names=True)
    spaces = {each.meta.namespace or each.meta.name for each in changed} | set(_pods(before.mesh, after.mesh))
    spaces |= {each.meta.labels.get(USE_WAYPOINT_NAMESPACE, "") for each in changed} - {""}
    pods = tuple(each for space in sorted(spaces) for each in _others(before, after, space))
    spaces |= {
        bound.namespace for each in pods for index in (before, after) if (bound := index.workload_waypoint(each))
    }
    callers = frozenset(each.workload for each in pods)
    names = not differ_in_labels(each for each in changed if each.kind == "Service")
    return Affected(namespaces=frozenset(spaces), callers=callers, named=_named(changed, pods), names=names)


def _is_wide(changed: Resource[Any], index: MeshIndex) -> bool:
    """Whether an object may count for destinations of any namespace."""
    if changed.kind not in _OF_NAMESPACE or changed.meta.namespace == index.settings.root_namespace:
        return True
    if changed.kind == GATEWAY.name and not _is_of_waypoint(changed):
        return True
    return changed.kind == "Namespace" and _is_selected(changed, index.mesh)


def _is_of_waypoint(gateway: Resource[Any]) -> bool:
    """Whether it stands before destinations alone; other Gateways, of either API, lead to any namespace."""
    group = gateway.api_version.rpartition("/")[0]
    return group == GATEWAY.group and gateway.view is not None and is_waypoint_gateway(gateway)


def _is_selected(namespace: Resource[Any], mesh: Mesh) -> bool:
    """Whether a NetworkPolicy or a Gateway may ask for a label of a namespace; its name does not change."""
    names = [name.encode() for name in namespace.meta.labels if name != NAMESPACE_NAME]
    asking = (each.body for kind in _SELECT_NAMESPACES for each in mesh.of(kind))
    return any(name in body for body in asking if b'elector"' in body for name in names)


def _others(before: MeshIndex, after: MeshIndex, namespace: str) -> Iterator[Instances]:
    """Pods of a namespace that are others, or that only one mesh has."""
    one = {(each.workload, each.place): each for each in before.by_namespace.get(namespace, ())}
    other = {(each.workload, each.place): each for each in after.by_namespace.get(namespace, ())}
    for key in dict.fromkeys((*one, *other)):
        left, right = one.get(key), other.get(key)
        if left != right:
            yield from (each for each in (left, right) if each is not None)


def _named(changed: tuple[Resource[Any], ...], pods: tuple[Instances, ...]) -> Named | None:
    """Pods, Services and waypoints that are meant; None where something is about more."""
    if any(_serves_others(each) for each in pods):
        return None
    labels: list[Mapping[str, str]] = []
    services: set[tuple[str, str]] = set()
    targets: set[tuple[str, str]] = set()
    for each in changed:
        if each.kind in COUNT_FOR_POLICY:
            found = _about(each)
            if found is None:
                return None
            labels += found.labels
            targets |= found.targets
        elif each.kind == "Service":
            services.add((each.meta.namespace, each.meta.name))
        elif each.kind not in COUNT_FOR_PODS | {GATEWAY.name, "Namespace"}:
            return None
    if not differ_in_labels(each for each in changed if each.kind == "Service") or _changes_spaces(changed):
        return None
    waypoints = {(each.meta.namespace, each.meta.name): account_of(each) for each in changed if _is_waypoint(each)}
    served = {(each.namespace, each.labels[GATEWAY_NAME]) for each in pods if GATEWAY_NAME in each.labels}
    return Named(
        tuple(labels),
        frozenset(services),
        pods,
        frozenset(waypoints) | served,
        frozenset((space, account) for (space, _), account in waypoints.items()),
        frozenset(targets),
    )


def _is_waypoint(changed: Resource[Any]) -> bool:
    """All Gateways that have changed are, or everything is affected."""
    return changed.kind == GATEWAY.name


def _changes_spaces(changed: Iterable[Resource[Any]]) -> bool:
    """Whether namespaces differ in more than labels that nobody but their pods looks at."""
    spaces = [each for each in changed if each.kind == "Namespace"]
    if not differ_in_labels(spaces):
        return True
    labels = [{name: value for name, value in each.meta.labels.items() if name not in _SEEN_IN_PODS} for each in spaces]
    by_name = grouped(zip(spaces, labels, strict=True), lambda each: each[0].meta.name).values()
    return any(one[1] != other[1] for one, other in by_name)


def _serves_others(pods: Instances) -> bool:
    """Whether pods are of a proxy that others pass, or ask for one that may then look at other ports."""
    return (
        pods.mode is Mode.GATEWAY
        or USE_WAYPOINT in pods.labels
        or ((pods.mode is Mode.WAYPOINT) is not (GATEWAY_NAME in pods.labels))
    )


def _about(policy: Resource[Any]) -> Named | None:
    """Pods and Services that a policy names; None where it is about more."""
    spec = policy.tree().get("spec")
    if not isinstance(spec, dict) or "targetRef" in spec:
        return None
    selector, refs = spec.get("selector"), spec.get("targetRefs")
    wanted = selector.get("matchLabels") if isinstance(selector, dict) else None
    if refs is None and isinstance(wanted, dict) and wanted:
        return Named((wanted,), frozenset())
    if selector is None and isinstance(refs, list) and refs and all(map(_is_service, refs)):
        return Named((), frozenset(), targets=frozenset((policy.meta.namespace, ref["name"]) for ref in refs))
    return None


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
        yield from chain(*after.apart_from(before, key))
    yield from chain(*after.apart_from(before, OTHERS))


def _pods(before: Mesh, after: Mesh) -> Iterator[str]:
    """Namespaces of pods that only one mesh has, or that are others in it."""
    return (pod.namespace for pod in chain(*after.apart_from(before, PODS)))


def changed_namespaces(before: Mesh, after: Mesh) -> frozenset[str]:
    """Namespaces with objects that say something else in the second mesh, or are in one of them alone."""
    found: set[str] = set()
    for key in before.resources.keys() | after.resources.keys():
        one, other = before.resources.get(key, ()), after.resources.get(key, ())
        if one is not other:
            said = {(each.meta.namespace, each.meta.name): each.body for each in _unshared(one, other)}
            for each in _unshared(other, one):
                if said.pop((each.meta.namespace, each.meta.name), None) != each.body:
                    found.add(each.meta.namespace or each.meta.name)
            found.update(space or name for space, name in said)
    return frozenset(found)


def _unshared(one: Iterable[Resource[Any]], other: Iterable[Resource[Any]]) -> Iterator[Resource[Any]]:
    """Objects of one mesh that are not the very same in the other."""
    shared = set(map(id, other))
    return (each for each in one if id(each) not in shared)
