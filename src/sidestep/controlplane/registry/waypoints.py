"""Which waypoint an object's traffic goes through; whether the binding holds is said by `semantics.waypoints`."""

from collections.abc import Iterable

import msgspec

from sidestep.controlplane.records import HBONE_PORT, ServiceKey, WaypointAddress
from sidestep.controlplane.registry.objects import Labels, Tree
from sidestep.model.build import known_kind, typed
from sidestep.model.kinds import GATEWAY
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.model.origin import ClusterOrigin
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.ztunnel import Authorization, allowed_waypoint
from sidestep.semantics.identity import principal_of
from sidestep.semantics.loose import as_dicts, as_text
from sidestep.semantics.settings import settings
from sidestep.semantics.waypoints import (
    USE_WAYPOINT,
    USE_WAYPOINT_NAMESPACE,
    Binding,
    BindingState,
    account_of,
    binding,
)

_SOURCE = SourceInfo(SourceKind.CLUSTER, "lab")
_ORIGIN = ClusterOrigin("lab")


def asked(own: Labels, inherited: Labels) -> dict[str, str]:
    """The labels that name a waypoint: an object's own or else its namespace's."""
    chosen = own if USE_WAYPOINT in own else inherited
    return {key: chosen[key] for key in (USE_WAYPOINT, USE_WAYPOINT_NAMESPACE) if key in chosen}


def gateway_named(labels: Labels, namespace: str) -> tuple[str, str] | None:
    """Namespace and name of the Gateway that labels ask for."""
    name = labels.get(USE_WAYPOINT, "none")
    return None if name == "none" else (labels.get(USE_WAYPOINT_NAMESPACE) or namespace, name)


def bound(labels: Labels, namespace: str, traffic: str, near: Iterable[Tree]) -> Binding | None:
    """The waypoint that labels bind to; None where they bind to none, or the binding does not hold.

    Args:
        labels: of the object, those that it inherits included.
        namespace: its own.
        traffic: `service` or `workload`.
        near: the Gateway, its class, and the namespace.
    """
    found = binding(_mesh(near), dict(labels), namespace, traffic)
    return found if found is not None and found.state is BindingState.ACCEPTED else None


def address(found: Binding) -> WaypointAddress | None:
    """Where a waypoint is reached, as its Gateway's status says."""
    if found.gateway is None:
        return None
    addresses = as_dicts((found.gateway.view.status or {}).get("addresses"))
    names = [each for each in addresses if each.get("type") == "Hostname"]
    if names:
        return WaypointAddress(ServiceKey(f"{found.namespace}/{as_text(names[0].get('value'))}"), port=HBONE_PORT)
    return WaypointAddress(address=as_text(addresses[0].get("value")), port=HBONE_PORT)


def gateways(near: Iterable[Tree]) -> tuple[Resource[Spec], ...]:
    """Gateways among objects."""
    return tuple(_mesh(near).of(GATEWAY))


def admission(gateway: Resource[Spec], trust_domain: str) -> Authorization:
    """What istiod adds for whom a waypoint serves, where a flag asks for it (D23)."""
    meta = gateway.meta
    return allowed_waypoint(meta.namespace, meta.name, principal_of(trust_domain, meta.namespace, account_of(gateway)))


def admits_waypoints(deployments: Iterable[Tree]) -> bool:
    """Whether istiod is asked for that by the environment of its Deployments; one that cannot be read asks nothing."""
    try:
        return settings(_mesh(deployments)).admits_waypoints
    except msgspec.MsgspecError:
        return False


def _mesh(near: Iterable[Tree]) -> Mesh:
    resources: dict[str, tuple[Resource[object], ...]] = {}
    for tree in near:
        kind = known_kind(as_text(tree.get("apiVersion")), as_text(tree.get("kind")))
        if kind is not None:
            resource = typed(kind, msgspec.json.encode(tree), kind.api_version(), kind.name, _ORIGIN)
            resources[kind.key] = (*resources.get(kind.key, ()), resource)
    return Mesh(_SOURCE, resources=resources)
