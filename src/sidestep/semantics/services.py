"""Services: which pods stand behind them, which waypoint they are bound to, and which of them a host names.

Source: istio-semantics.md §2.2 (binding), §6.1 (k) headless, §4.3 (short names are the namespace's own).
"""

from typing import Any

from msgspec import Struct

from sidestep.model.kinds import NAMESPACE, SERVICE, SERVICE_ENTRY, Kind
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.core import Service
from sidestep.semantics.loose import as_strings
from sidestep.semantics.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE, Binding, BindingState, binding

INGRESS_USE_WAYPOINT = "istio.io/ingress-use-waypoint"
_HOLDS = (BindingState.ACCEPTED, BindingState.UNDECIDED)


class BoundService(Struct, frozen=True):
    """A Service or ServiceEntry and the waypoint that serves it."""

    resource: Resource[Any]
    binding: Binding


def stands_behind(service: Resource[Service], labels: Labels) -> bool:
    """Whether a Service of the same namespace selects pods with these labels; one without selector selects none."""
    selector = service.view.spec.selector
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())


def services_of(mesh: Mesh, namespace: str, labels: Labels) -> tuple[Resource[Service], ...]:
    """All Services in front of pods with these labels."""
    return tuple(service for service in mesh.in_namespace(SERVICE, namespace) if stands_behind(service, labels))


def is_headless(service: Resource[Service]) -> bool:
    """Whether clients dial the pods themselves, for want of a virtual address."""
    return service.view.spec.cluster_ip == "None"


def waypoint_of(mesh: Mesh, resource: Resource[Any]) -> Binding | None:
    """The waypoint that a Service or ServiceEntry asks for, by its own label or else by its namespace's."""
    labels = resource.meta.labels
    if USE_WAYPOINT not in labels:
        inherited = mesh.namespace_labels(resource.meta.namespace)
        keys = (USE_WAYPOINT, USE_WAYPOINT_NAMESPACE)
        labels = {**labels, **{key: inherited[key] for key in keys if key in inherited}}
    return binding(mesh, labels, resource.meta.namespace, "service")


def is_served(mesh: Mesh, resource: Resource[Any]) -> bool:
    """Whether a waypoint serves a Service or ServiceEntry, or may, where that cannot be told."""
    found = waypoint_of(mesh, resource)
    return found is not None and found.state in _HOLDS


def is_unbound(mesh: Mesh, resource: Resource[Any]) -> bool:
    """Whether certainly no label asks for a waypoint: the namespace's labels must have been read."""
    if USE_WAYPOINT not in resource.meta.labels and mesh.find(NAMESPACE, "", resource.meta.namespace) is None:
        return False
    return waypoint_of(mesh, resource) is None


def bound_services(mesh: Mesh) -> tuple[BoundService, ...]:
    """Everything that a waypoint serves; headless Services are none of it, because nobody dials their address."""
    found = []
    for kind in (SERVICE, SERVICE_ENTRY):
        for resource in mesh.of(_untyped(kind)):
            if kind is SERVICE and is_headless(resource):
                continue
            asked = waypoint_of(mesh, resource)
            if asked is not None and asked.state in _HOLDS:
                found.append(BoundService(resource, asked))
    return tuple(found)


def ingress_uses_waypoint(mesh: Mesh, service: Resource[Service]) -> bool:
    """Whether gateways are told to pass the waypoint; a Service's own label beats its namespace's, whatever it says."""
    inherited = mesh.namespace_labels(service.meta.namespace).get(INGRESS_USE_WAYPOINT)
    return service.meta.labels.get(INGRESS_USE_WAYPOINT, inherited) == "true"


def service_named(mesh: Mesh, host: str, namespace: str) -> Resource[Service] | None:
    """The Service that a host means: `name` in the namespace of who says so, `name.namespace`, or the full name."""
    parts = host.split(".")
    if len(parts) > 2 and parts[2] != "svc":
        return None
    return mesh.find(SERVICE, parts[1] if len(parts) > 1 else namespace, parts[0])


def entries_for(mesh: Mesh, host: str) -> tuple[Resource[Any], ...]:
    """ServiceEntries that declare a host, by its name or under a wildcard; a wildcard also covers what lies below."""
    return tuple(
        entry
        for entry in mesh.of(SERVICE_ENTRY)
        if any(covers_host(declared, host) for declared in as_strings((entry.view.spec or {}).get("hosts")))
    )


def covers_host(pattern: str, host: str) -> bool:
    """Whether two hosts meet, either of which may open with `*`."""
    if pattern == host:
        return True
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    return host.startswith("*") and pattern.endswith(host[1:])


def _untyped(kind: Kind[Any]) -> Kind[Any]:
    return kind
