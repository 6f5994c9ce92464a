"""What the index of one mesh hands on to that of another that shares most objects with it: states of a plan, mostly.

Objects of the kinds below count for their own namespace alone. So what an index has found out of other kinds it hands
on whole, and what it has found out of these by namespace, but for the namespaces in which something has changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import is_
from typing import Any

from msgspec import Struct

from sidestep.model import kinds
from sidestep.model.mesh import Mesh
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.mesh_config import configures
from sidestep.semantics.service_index import Service

_PODS = "pods"
_SERVICE, _GATEWAY, _NAMESPACE = kinds.SERVICE.key, kinds.GATEWAY.key, kinds.NAMESPACE.key
_PARSED = {
    "_policies": kinds.AUTHORIZATION_POLICY.key,
    "_request_policies": kinds.REQUEST_AUTHENTICATION.key,
    "_peers": kinds.PEER_AUTHENTICATION.key,
}
_OF_PODS: tuple[kinds.Kind[Any], ...] = (
    *kinds.CONTROLLERS, kinds.CRON_JOB, kinds.AUTOSCALER, kinds.DISRUPTION_BUDGET,
)  # fmt: skip
_WORKLOADS = frozenset({_PODS, *(kind.key for kind in _OF_PODS)})
_ROUTES = frozenset(
    kind.key for kind in (
        kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, kinds.SIDECAR, kinds.HTTP_ROUTE, kinds.GRPC_ROUTE,
        kinds.TCP_ROUTE, kinds.TLS_ROUTE, kinds.REFERENCE_GRANT,
    )
)  # fmt: skip
"""Kinds from which routing is found out and nothing else, wherever they are."""
_NARROW = _WORKLOADS | {_SERVICE, _GATEWAY, _NAMESPACE, *_PARSED.values()}
_INSTANCES = _WORKLOADS | {_NAMESPACE}
_READ = {
    "inventory": _INSTANCES, "workloads": _INSTANCES, "pod_waypoints": _INSTANCES | {_GATEWAY},
    "services": {_SERVICE}, "_hosts": {_SERVICE}, "network": {_NAMESPACE},
    "routing": _ROUTES | {_SERVICE, _GATEWAY, _NAMESPACE}, "_waypoints": {_SERVICE, _GATEWAY, _NAMESPACE},
    "_endpoints": _INSTANCES | {_SERVICE}, "_behind": _INSTANCES | {_SERVICE},
    **{name: {key} for name, key in _PARSED.items()}, "_compiled": frozenset(),
}  # fmt: skip
"""Of which kinds that may have changed an index finds things out."""
ALWAYS_ASKED = (
    "workloads", "services", "routing", "network", "_endpoints", *_PARSED,
)  # fmt: skip
"""What everybody needs who decides, so that an index finds it out before it hands on what it knows."""


_BESIDE = ("workloads", *_PARSED)
"""What is known by namespace."""


class Changes(Struct, frozen=True):
    """What differs between two meshes.

    Attributes:
        kinds: by `Kind.key`; `pods` for pods.
        namespaces: of what differs, and those that do; routes apart, which count everywhere.
    """

    kinds: frozenset[str]
    namespaces: frozenset[str]


def changes(one: Mesh, other: Mesh) -> Changes | None:
    """What differs; None where it may count for more than its namespace."""
    sources = [(mesh.source.kind, mesh.source.namespaces, mesh.gaps) for mesh in (one, other)]
    if sources[0] != sources[1] or not _shared(one.others, other.others):
        return None
    found: set[str] = set()
    spaces: set[str] = set()
    for key in one.resources.keys() | other.resources.keys():
        both = one.resources.get(key, ()), other.resources.get(key, ())
        if not _shared(*both):
            alone = [each for each in _alone(*both) if configures(each)]
            found.update((key,) if alone else ())
            if key not in _ROUTES:
                spaces.update(each.meta.namespace or each.meta.name for each in alone)
    if not _shared(one.pods, other.pods):
        found.add(_PODS)
        spaces.update(each.namespace for each in _alone(one.pods, other.pods))
    return Changes(frozenset(found), frozenset(spaces)) if found <= _NARROW | _ROUTES else None


def handed_on(known: Mapping[str, Any], changed: Changes, mesh: Mesh, root: str) -> dict[str, Any]:
    """What of an index holds for another mesh too, by name.

    Args:
        known: what the index has found out.
        changed: what differs in the other mesh.
        mesh: the other one.
        root: namespace whose policies count for every other.
    """
    found = {name: known[name] for name, read in _READ.items() if name in known and not read & changed.kinds}
    found |= {
        name: known[name].beside(mesh, changed.namespaces) for name in _BESIDE if name in known and name not in found
    }
    if root not in changed.namespaces and "services" in known:
        found |= {name: value for name, value in _elsewhere(known, changed) if name not in found}
    return found


def _elsewhere(known: Mapping[str, Any], changed: Changes) -> Iterator[tuple[str, Any]]:
    """What was found of pods and Services of namespaces in which nothing has changed."""
    spaces = changed.namespaces
    far = frozenset(_far(known["services"].services, spaces))
    behind = known.get("_behind", {}).items()
    yield "_behind", {host: pods for host, pods in behind if host in far}
    sets = known.get("_sets", {}).items()
    yield "_sets", {key: each for key, each in sets if key[0].namespace not in spaces and (not key[1] or key[1] in far)}
    if not changed.kinds & {_GATEWAY, _NAMESPACE}:
        bound = known.get("_waypoints", {}).items()
        yield "_waypoints", {host: each for host, each in bound if host in far}
        pods = known.get("_pods", {}).items()
        yield "_pods", {key: each for key, each in pods if each.instances.namespace not in spaces}


def _far(services: Iterable[Service], spaces: frozenset[str]) -> Iterator[str]:
    """Hosts of other namespaces that select pods of their own, and that nobody else declares."""
    by_host = grouped(services, lambda service: service.host)
    for host, own in by_host.items():
        if len(own) == 1 and own[0].selector is not None and own[0].namespace not in spaces:
            yield host


def _shared(one: Sequence[object], other: Sequence[object]) -> bool:
    return one is other or (len(one) == len(other) and all(map(is_, one, other)))


def _alone(one: Iterable[Any], other: Iterable[Any]) -> Iterator[Any]:
    """What only one of two groups has."""
    left, right = {id(each): each for each in one}, {id(each): each for each in other}
    yield from (left[key] for key in left.keys() - right.keys())
    yield from (right[key] for key in right.keys() - left.keys())
