"""Which waypoint an object is bound to, and whether the binding holds.

Source: istio-semantics.md §2.2 (pilot/pkg/serviceregistry/ambient/waypoints.go). An object's own label that cannot
be satisfied does not fall back to the namespace's: traffic then goes direct, past every layer-7 policy.
"""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.kinds import GATEWAY, GATEWAY_CLASS
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.apps import LabelSelector
from sidestep.model.views.core import Spec
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.selectors import selects

USE_WAYPOINT = "istio.io/use-waypoint"
USE_WAYPOINT_NAMESPACE = "istio.io/use-waypoint-namespace"
WAYPOINT_FOR = "istio.io/waypoint-for"
CLASSES = frozenset({"istio-waypoint", "istio-agentgateway-waypoint"})
HBONE_PORT = 15008


class BindingState(StrEnum):
    """What became of a `use-waypoint` label; the values are Istio's condition reasons where it has one."""

    ACCEPTED = "WaypointAccepted"
    ABSENT = "WaypointAbsent"
    NOT_A_WAYPOINT = "NotAWaypoint"
    NOT_READY = "WaypointIsNotReady"
    ATTACHMENT_DENIED = "AttachmentDenied"
    UNSUPPORTED_TRAFFIC = "UnsupportedTrafficType"


class Binding(Struct, frozen=True):
    """A label that names a waypoint, and what became of it."""

    namespace: str
    name: str
    state: BindingState
    gateway: Resource[Spec] | None = None


def is_waypoint_gateway(gateway: Resource[Spec]) -> bool:
    """Whether a Gateway is of a waypoint class."""
    return (gateway.view.spec or {}).get("gatewayClassName") in CLASSES


def binding(mesh: Mesh, labels: Labels, namespace: str, traffic: str) -> Binding | None:
    """The binding that labels of one object ask for; None when they ask for none.

    Args:
        mesh: where Gateways and namespaces are looked up.
        labels: of the Service, ServiceEntry, Pod, WorkloadEntry or Namespace.
        namespace: the object's own, or the namespace itself.
        traffic: `service`, `workload`, or `any` for a namespace, which is silent about the type.
    """
    name = labels.get(USE_WAYPOINT)
    if not name or name == "none":
        return None
    target = labels.get(USE_WAYPOINT_NAMESPACE) or namespace
    gateway = mesh.find(GATEWAY, target, name)
    if gateway is None:
        return Binding(target, name, BindingState.ABSENT)
    return Binding(target, name, _state(mesh, gateway, namespace, traffic), gateway)


def _state(mesh: Mesh, gateway: Resource[Spec], namespace: str, traffic: str) -> BindingState:
    if not is_waypoint_gateway(gateway):
        return BindingState.NOT_A_WAYPOINT
    if not (gateway.view.status or {}).get("addresses"):
        return BindingState.NOT_READY
    if not _admits(mesh, gateway, namespace):
        return BindingState.ATTACHMENT_DENIED
    if traffic != "any" and traffic_type(mesh, gateway) not in (traffic, "all"):
        return BindingState.UNSUPPORTED_TRAFFIC
    return BindingState.ACCEPTED


def traffic_type(mesh: Mesh, gateway: Resource[Spec]) -> str:
    """What a waypoint serves: `service`, `workload`, `all` or `none`."""
    own = gateway.meta.labels.get(WAYPOINT_FOR)
    if own:
        return own
    gateway_class = mesh.find(GATEWAY_CLASS, "", str((gateway.view.spec or {}).get("gatewayClassName")))
    return (gateway_class.meta.labels.get(WAYPOINT_FOR) if gateway_class else None) or "service"


def _admits(mesh: Mesh, gateway: Resource[Spec], namespace: str) -> bool:
    allowed = _allowed_namespaces(gateway)
    match allowed.get("from", "Same"):
        case "All":
            return True
        case "Selector":
            labels = {NAMESPACE_NAME: namespace, **mesh.namespace_labels(namespace)}
            return selects(_selector(allowed.get("selector")), labels)
        case _:
            return namespace == gateway.meta.namespace


def _allowed_namespaces(gateway: Resource[Spec]) -> dict[str, Any]:
    """`allowedRoutes.namespaces` of the HBONE listener."""
    listeners = (gateway.view.spec or {}).get("listeners") or ()
    for listener in listeners:
        if isinstance(listener, dict) and listener.get("port") == HBONE_PORT:
            allowed = (listener.get("allowedRoutes") or {}).get("namespaces")
            return allowed if isinstance(allowed, dict) else {}
    return {}


def _selector(value: object) -> LabelSelector | None:
    try:
        return msgspec.convert(value, LabelSelector | None)
    except msgspec.ValidationError:
        return None
