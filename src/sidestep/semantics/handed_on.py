"""What the index of one mesh hands on to that of another that shares most objects with it: states of a plan, mostly.

Objects of the kinds below count for their own namespace alone. So what an index has found out of other kinds it hands
on whole, and what it has found out of these by namespace, but for the namespaces in which something has changed.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from sidestep.model import kinds
from sidestep.model.gaps import Gap
from sidestep.model.mesh import OTHERS, PODS, Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.resource import Resource
from sidestep.semantics.by_place import ByPlace
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.mesh_config import configures
from sidestep.semantics.routing.naming import ANY_GATEWAY
from sidestep.semantics.settings import counts_for_settings
from sidestep.semantics.waypoints import is_waypoint_gateway
from sidestep.semantics.workloads import Workloads

_SERVICE, _GATEWAY, _NAMESPACE = kinds.SERVICE.key, kinds.GATEWAY.key, kinds.NAMESPACE.key
_PARSED = {
    "_policies": kinds.AUTHORIZATION_POLICY.key,
    "_request_policies": kinds.REQUEST_AUTHENTICATION.key,
    "_peers": kinds.PEER_AUTHENTICATION.key,
}
_OF_PODS: tuple[kinds.Kind[Any], ...] = (
    *kinds.CONTROLLERS, kinds.CRON_JOB, kinds.AUTOSCALER, kinds.DISRUPTION_BUDGET,
)  # fmt: skip
_WORKLOADS = frozenset({PODS, *(kind.key for kind in _OF_PODS)})
_MADE_FROM: tuple[kinds.Kind[Any], ...] = (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET)
_TEMPLATES = frozenset(kind.key for kind in _MADE_FROM)
"""Kinds that say nothing of pods that are there: what they were made from is written in themselves."""
_TEMPLATE_KINDS = frozenset(kind.name for kind in _MADE_FROM)
_ROUTES = frozenset(
    kind.key for kind in (
        kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, kinds.SIDECAR, kinds.HTTP_ROUTE, kinds.GRPC_ROUTE,
        kinds.TCP_ROUTE, kinds.TLS_ROUTE, kinds.REFERENCE_GRANT,
    )
)  # fmt: skip
"""Kinds from which routing is found out and nothing else, wherever they are."""
_LABELS_OF_SERVICES = "labels of Services"
"""In place of Services where nothing else of them differs: who leads where, and how it is routed, is as it was."""
_WAYPOINTS = "waypoints that no route names"
"""In place of Gateways where only such are others: nothing is routed by them."""
_LABELS_OF_NAMESPACES = "labels of Namespaces that no Gateway asks for"
"""In place of Namespaces where no Gateway asks for any: nothing is routed otherwise."""
_OF_SERVICES = frozenset({_SERVICE, _LABELS_OF_SERVICES})
_GATEWAYS = frozenset({_GATEWAY, _WAYPOINTS})
_NAMESPACES = frozenset({_NAMESPACE, _LABELS_OF_NAMESPACES})
_NARROW = _WORKLOADS | _OF_SERVICES | _GATEWAYS | _NAMESPACES | frozenset(_PARSED.values())
_INSTANCES = _WORKLOADS | _NAMESPACES
_READ = {
    "inventory": _INSTANCES, "workloads": _INSTANCES, "pod_waypoints": _INSTANCES | _GATEWAYS,
    "services": _OF_SERVICES, "_hosts": {_SERVICE}, "network": _NAMESPACES,
    "routing": _ROUTES | _GATEWAYS | {_SERVICE, _NAMESPACE}, "_waypoints": _OF_SERVICES | _GATEWAYS | _NAMESPACES,
    "_endpoints": _INSTANCES | _OF_SERVICES, "_behind": _INSTANCES | {_SERVICE},
    **{name: {key} for name, key in _PARSED.items()}, "_compiled": frozenset(), "_granted": _NAMESPACES,
    "named_gateways": _ROUTES, "routed_alone": _ROUTES | {_SERVICE, _GATEWAY, _NAMESPACE},
}  # fmt: skip
"""Of which kinds that may have changed an index finds things out."""
ANYWHERE = ""
"""In place of a namespace, for what is found of Services that do not simply stand for pods of their own."""
ALWAYS_ASKED = (
    "workloads", "services", "routing", "network", "_endpoints", *_PARSED,
)  # fmt: skip
"""What everybody needs who decides, so that an index finds it out before it hands on what it knows."""


_KEYS = frozenset(kind.key for kind in kinds.KINDS)
_BESIDE = ("workloads", *_PARSED)
"""What is known by namespace."""


class Changes(Struct, frozen=True):
    """What differs between two meshes.

    Attributes:
        kinds: by `Kind.key`; `pods` for pods, and what stands for Services of which only labels differ.
        namespaces: of what differs, and those that do; routes apart, which count everywhere.
        objects: that only one of them has.
        settings: whether any of them may say how the whole mesh works.
    """

    kinds: frozenset[str]
    namespaces: frozenset[str]
    objects: tuple[Resource[Any], ...] = ()
    settings: bool = False


def changes(one: Mesh, other: Mesh, named: Collection[str]) -> Changes | None:
    """What differs; None where it may count for more than its namespace.

    Args:
        one: a mesh.
        other: another one.
        named: Gateways that routes of the first may name.
    """
    sources = [(mesh.source.kind, mesh.source.namespaces, _of_kinds(mesh)) for mesh in (one, other)]
    if sources[0] != sources[1] or any(other.apart_from(one, OTHERS)):
        return None
    found: set[str] = set()
    spaces: set[str] = set()
    objects: list[Resource[Any]] = []
    for key in one.resources.keys() | other.resources.keys():
        gone, new = other.apart_from(one, key)
        alone = [each for each in (*gone, *new) if configures(each)]
        if alone:
            found.add(_in_place_of(key, alone, other, named))
            objects += alone
        if key not in _ROUTES:
            spaces.update(each.meta.namespace or each.meta.name for each in alone)
    pods = [pod for side in other.apart_from(one, PODS) for pod in side]
    if pods:
        found.add(PODS)
        spaces.update(pod.namespace for pod in pods)
    if not found <= _NARROW | _ROUTES:
        return None
    counts = any(map(counts_for_settings, objects))
    return Changes(frozenset(found), frozenset(spaces), tuple(objects), counts)


def _of_kinds(mesh: Mesh) -> list[Gap]:
    """Kinds that could not be read; what a file lacks counts for what is told of the mesh, and for nothing else."""
    return [gap for gap in mesh.gaps if gap.resource in _KEYS]


def _in_place_of(key: str, alone: list[Resource[Any]], mesh: Mesh, named: Collection[str]) -> str:
    """A kind, or what stands for it where objects that are others leave most as it is."""
    if key == _SERVICE and differ_in_labels(alone):
        return _LABELS_OF_SERVICES
    if key == _GATEWAY and all(map(is_waypoint_gateway, alone)):
        may_be = any(each.meta.name in named for each in alone) or ANY_GATEWAY in named
        return key if may_be else _WAYPOINTS
    if key == _NAMESPACE and not any(b'elector"' in each.body for each in mesh.of(kinds.GATEWAY)):
        return _LABELS_OF_NAMESPACES
    return key


def differ_in_labels(alone: Iterable[Resource[Any]]) -> bool:
    """Whether every object that is another is there in both meshes, and says the same but for its own labels."""
    by_name = grouped(alone, lambda each: (each.meta.namespace, each.meta.name)).values()
    return all(len(both) == 2 and _but_for_labels(both[0]) == _but_for_labels(both[1]) for both in by_name)


def _but_for_labels(found: Resource[Any]) -> dict[str, Any]:
    tree = found.tree()
    own = tree.get("metadata") or {}
    return {**tree, "metadata": {name: value for name, value in own.items() if name != "labels"}}


def handed_on(known: Mapping[str, Any], changed: Changes, mesh: Mesh, root: str) -> dict[str, Any]:
    """What of an index holds for another mesh too, by name.

    Args:
        known: what the index has found out.
        changed: what differs in the other mesh.
        mesh: the other one.
        root: namespace whose policies count for every other.
    """
    found = {name: known[name] for name, read in _READ.items() if name in known and not read & changed.kinds}
    if "workloads" in known and _are_of_pods_there(changed, known["workloads"]):
        found["workloads"] = known["workloads"]
    found |= {
        name: known[name].beside(mesh, changed.namespaces) for name in _BESIDE if name in known and name not in found
    }
    if "services" in known and _SERVICE not in changed.kinds and "services" not in found:
        found["services"] = known["services"].relabelled(_there(changed, mesh, kinds.SERVICE))
    if "_endpoints" in known and "_endpoints" not in found and {"services", "workloads"} <= found.keys():
        pods = found["workloads"]
        found["_endpoints"] = known["_endpoints"].beside(
            found["services"], pods.by_namespace, pods.by_address, changed.namespaces
        )
    if "routing" in known and not changed.kinds & (_READ["routing"] - {_WAYPOINTS}) and "routing" not in found:
        names = {(each.meta.namespace, each.meta.name) for each in changed.objects if each.kind == kinds.GATEWAY.name}
        found["routing"] = known["routing"].beside(mesh, names)
    if root not in changed.namespaces and "services" in known:
        found |= {name: value for name, value in _elsewhere(known, changed) if name not in found}
    return found


def _are_of_pods_there(changed: Changes, workloads: Workloads) -> bool:
    """Whether nothing that pods come of is another but templates, and pods are there that were made of them before."""
    if not changed.kinds & _INSTANCES <= _TEMPLATES:
        return False
    held = (each for each in changed.objects if each.kind in _TEMPLATE_KINDS)
    return all(workloads.are_there(WorkloadRef(each.meta.namespace, each.kind, each.meta.name)) for each in held)


def _there(changed: Changes, mesh: Mesh, kind: kinds.Kind[Any]) -> list[Resource[Any]]:
    """Those of a kind that are others, as they are now."""
    near = (each for each in changed.objects if each.kind == kind.name)
    found = (mesh.find(kind, each.meta.namespace, each.meta.name) for each in near)
    return [each for each in found if each is not None]


def _elsewhere(known: Mapping[str, Any], changed: Changes) -> Iterator[tuple[str, ByPlace[Any, Any]]]:
    """What was found of pods and Services of namespaces in which nothing has changed."""
    places = changed.namespaces | {ANYWHERE}
    names = ["_behind", "_sets"]
    if not changed.kinds & (_GATEWAYS | _NAMESPACES):
        names += ["_waypoints", "_pods"]
    yield from ((name, known[name].without(places)) for name in names if name in known)
