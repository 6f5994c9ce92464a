"""Which Services gateways send to from outside the mesh.

Source: istio-semantics.md §2.2 (ingress), D52: Gateway API routes with a Gateway parent, and VirtualServices bound to
gateways.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.model.kinds import GATEWAY, GRPC_ROUTE, HTTP_ROUTE, SERVICE, TCP_ROUTE, TLS_ROUTE, VIRTUAL_SERVICE
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dicts, as_text
from sidestep.semantics.services import service_named
from sidestep.semantics.virtual_services import at_gateways, destinations
from sidestep.semantics.waypoints import is_waypoint_gateway

_ROUTES = (HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, TCP_ROUTE)


def exposed(mesh: Mesh) -> Mapping[tuple[str, str], str]:
    """By namespace and name of a Service, one route through which a gateway sends to it."""
    found: dict[tuple[str, str], str] = {}
    for route, key in (*_routed(mesh), *_virtual(mesh)):
        found.setdefault(key, str(route.id))
    return found


def _routed(mesh: Mesh) -> Iterator[tuple[Resource[Any], tuple[str, str]]]:
    for kind in _ROUTES:
        for route in mesh.of(kind):
            spec = route.view.spec or {}
            if any(_is_ingress(mesh, route, parent) for parent in as_dicts(spec.get("parentRefs"))):
                for backend in _backends(spec):
                    space = as_text(backend.get("namespace")) or route.meta.namespace
                    yield route, (space, as_text(backend.get("name")))


def _is_ingress(mesh: Mesh, route: Resource[Any], parent: dict[str, Any]) -> bool:
    """Whether a parent is a Gateway that is known and no waypoint."""
    if parent.get("kind", GATEWAY.name) != GATEWAY.name:
        return False
    space = as_text(parent.get("namespace")) or route.meta.namespace
    gateway = mesh.find(GATEWAY, space, as_text(parent.get("name")))
    return gateway is not None and not is_waypoint_gateway(gateway)


def _backends(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for rule in as_dicts(spec.get("rules")):
        for backend in as_dicts(rule.get("backendRefs")):
            if backend.get("kind", SERVICE.name) == SERVICE.name:
                yield backend


def _virtual(mesh: Mesh) -> Iterator[tuple[Resource[Any], tuple[str, str]]]:
    for route in mesh.of(VIRTUAL_SERVICE):
        for host in destinations(route.view.spec) if at_gateways(route.view.spec) else ():
            service = service_named(mesh, host, route.meta.namespace)
            if service is not None:
                yield route, (service.meta.namespace, service.meta.name)
