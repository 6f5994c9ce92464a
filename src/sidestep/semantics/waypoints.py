"""Which waypoint an object is bound to, and whether the binding holds.

Source: istio-semantics.md §2.2 (pilot/pkg/serviceregistry/ambient/waypoints.go). An object's own label that cannot
be satisfied does not fall back to the namespace's: traffic then goes direct, past every layer-7 policy. istiod asks
neither for the Gateway's class nor whether anything listens on 15008; it accepts every Gateway that has an address.
"""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.kinds import GATEWAY, GATEWAY_CLASS, NAMESPACE
from sidestep.model.mesh import Mesh, SourceKind
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.apps import LabelSelector
from sidestep.model.views.core import Spec
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.proxies import MANAGED
from sidestep.semantics.selectors import selects

USE_WAYPOINT = "istio.io/use-waypoint"
USE_WAYPOINT_NAMESPACE = "istio.io/use-waypoint-namespace"
WAYPOINT_FOR = "istio.io/waypoint-for"
CLASSES = frozenset({"istio-waypoint", "istio-agentgateway-waypoint"})
HBONE_PORT = 15008
SERVICE_ACCOUNT = "gateway.istio.io/service-account"
INBOUND_BINDING = "ambient.istio.io/waypoint-inbound-binding"

_NEVER_BOUND = ("istio.io-mesh-controller", "istio.io-eastwest-controller")
_INGRESS_CLASSES = ("istio", "istio-remote")
_SANDWICH = "istio.io/PROXY"


class BindingState(StrEnum):
    """What became of a `use-waypoint` label; the values are Istio's condition reasons where it has one.

    `UNDECIDED`: what decides was not read, or a manifest cannot tell (readiness stands in the status alone).
    """

    ACCEPTED = "WaypointAccepted"
    ABSENT = "WaypointAbsent"
    NOT_A_WAYPOINT = "NotAWaypoint"
    NOT_READY = "WaypointIsNotReady"
    ATTACHMENT_DENIED = "AttachmentDenied"
    UNSUPPORTED_TRAFFIC = "UnsupportedTrafficType"
    UNDECIDED = "Undecided"


class Binding(Struct, frozen=True):
    """A label that names a waypoint, and what became of it."""

    namespace: str
    name: str
    state: BindingState
    gateway: Resource[Spec] | None = None

    @property
    def account(self) -> str:
        """Under which service account the waypoint runs."""
        return account_of(self.gateway) if self.gateway is not None else self.name


def is_waypoint_gateway(gateway: Resource[Spec]) -> bool:
    """Whether a Gateway is of a waypoint class."""
    return str((gateway.view.spec or {}).get("gatewayClassName")) in CLASSES


def account_of(gateway: Resource[Spec]) -> str:
    """Under which service account a Gateway's pods run: one of its name, unless an annotation names another."""
    return gateway.meta.annotations.get(SERVICE_ACCOUNT) or gateway.meta.name


def binding(mesh: Mesh, labels: Labels, namespace: str, traffic: str) -> Binding | None:
    """The binding that labels of one object ask for; None when they ask for none.

    Args:
        mesh: where Gateways and namespaces are looked up.
        labels: of the Service, ServiceEntry, Pod, WorkloadEntry or Namespace.
        namespace: the object's own, or the namespace itself.
        traffic: `service`, `workload`, or `any` for a namespace, which is silent about the type.
    """
    name = labels.get(USE_WAYPOINT, "none")
    if name == "none" or (traffic == "service" and labels.get(MANAGED) in _NEVER_BOUND):
        return None
    target = labels.get(USE_WAYPOINT_NAMESPACE) or namespace
    gateway = mesh.find(GATEWAY, target, name)
    if gateway is None:
        broken = any(each.meta.name == name and each.meta.namespace == target for each in mesh.unreadable(GATEWAY))
        unread = broken or mesh.lacks(GATEWAY) or not mesh.covers(target)
        return Binding(target, name, BindingState.UNDECIDED if unread else BindingState.ABSENT)
    return Binding(target, name, _state(mesh, gateway, namespace, traffic), gateway)


def _state(mesh: Mesh, gateway: Resource[Spec], namespace: str, traffic: str) -> BindingState:
    """Readiness last, because a manifest cannot tell it and the rest can be told all the same."""
    if not _listens(mesh, gateway):
        return BindingState.NOT_A_WAYPOINT
    admitted = _admits(mesh, gateway, namespace)
    if admitted is False:
        return BindingState.ATTACHMENT_DENIED
    if not _serves(traffic_type(mesh, gateway), traffic):
        return BindingState.UNSUPPORTED_TRAFFIC
    if not (gateway.view.status or {}).get("addresses"):
        declared = mesh.source.kind is SourceKind.FILES and not gateway.view.status
        return BindingState.UNDECIDED if declared else BindingState.NOT_READY
    return BindingState.UNDECIDED if admitted is None else BindingState.ACCEPTED


def _listens(mesh: Mesh, gateway: Resource[Spec]) -> bool:
    """Whether anything answers on the Gateway's HBONE port: of another vendor's class too, if it says so."""
    if is_waypoint_gateway(gateway) or _inbound_binding(mesh, gateway) is not None:
        return True
    declared = any(listener.get("protocol") == "HBONE" for listener in _listeners(gateway))
    return declared and str((gateway.view.spec or {}).get("gatewayClassName")) not in _INGRESS_CLASSES


def _serves(served: str, traffic: str) -> bool:
    return served != "none" if traffic == "any" else served in (traffic, "all")


def traffic_type(mesh: Mesh, gateway: Resource[Spec]) -> str:
    """What a waypoint serves: `service`, `workload`, `all` or `none`."""
    gateway_class = _class_of(mesh, gateway)
    inherited = gateway_class.meta.labels.get(WAYPOINT_FOR) if gateway_class else None
    return gateway.meta.labels.get(WAYPOINT_FOR) or inherited or "service"


def _class_of(mesh: Mesh, gateway: Resource[Spec]) -> Resource[Spec] | None:
    return mesh.find(GATEWAY_CLASS, "", str((gateway.view.spec or {}).get("gatewayClassName")))


def _inbound_binding(mesh: Mesh, gateway: Resource[Spec]) -> str | None:
    """How a waypoint behind a ztunnel of its own is reached, e.g. `PROXY/15088`: the Gateway's word, or its class's."""
    gateway_class = _class_of(mesh, gateway)
    inherited = gateway_class.meta.annotations.get(INBOUND_BINDING) if gateway_class else None
    return gateway.meta.annotations.get(INBOUND_BINDING, inherited)


def _admits(mesh: Mesh, gateway: Resource[Spec], namespace: str) -> bool | None:
    """Whether the listener takes bindings from a namespace; None when that namespace's labels were not read."""
    allowed = _allowed_namespaces(mesh, gateway)
    match allowed.get("from", "Same"):
        case "All":
            return True
        case "Selector":
            if mesh.find(NAMESPACE, "", namespace) is None:
                return None
            labels = {NAMESPACE_NAME: namespace, **mesh.namespace_labels(namespace)}
            return selects(_selector(allowed.get("selector")), labels)
        case _:
            return namespace == gateway.meta.namespace


def _allowed_namespaces(mesh: Mesh, gateway: Resource[Spec]) -> dict[str, Any]:
    """`allowedRoutes.namespaces` of the listener that takes HBONE, or of the one it is handed on to."""
    listeners = _listeners(gateway)
    inner, _, port = (_inbound_binding(mesh, gateway) or "").partition("/")
    bound = [each for each in listeners if port and str(each.get("port")) == port]
    if inner == "PROXY" and not port:
        bound = [each for each in listeners if each.get("protocol") == _SANDWICH]
    hbone = [each for each in listeners if each.get("protocol") == "HBONE" and each.get("port") == HBONE_PORT]
    routes = next((each.get("allowedRoutes") for each in (*bound, *hbone)), None)
    allowed = routes.get("namespaces") if isinstance(routes, dict) else None
    return allowed if isinstance(allowed, dict) else {}


def _listeners(gateway: Resource[Spec]) -> list[dict[str, Any]]:
    found = (gateway.view.spec or {}).get("listeners")
    return [listener for listener in found if isinstance(listener, dict)] if isinstance(found, list) else []


def _selector(value: object) -> LabelSelector | None:
    try:
        return msgspec.convert(value, LabelSelector | None)
    except msgspec.ValidationError:
        return None
