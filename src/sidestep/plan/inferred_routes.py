"""Calls that routes declare: from gateways to services, and inside the mesh from one host to another.

VirtualServices name gateways and `mesh`; without either they bind to the mesh. Routes of the Gateway API name their
parents, a Gateway or a Service. A Gateway that listens on nothing but HBONE is a waypoint, which nobody enters by.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from msgspec import Struct

from sidestep.model import kinds
from sidestep.model.call_graph import Callee, Caller, CallerRole, Edge
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.plan.addressees import Addressee, Addressees
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text

_MESH = "mesh"
_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
_ROUTES = (kinds.HTTP_ROUTE, kinds.GRPC_ROUTE, kinds.TLS_ROUTE, kinds.TCP_ROUTE)
_SPOKEN = {"HTTPRoute": "http", "GRPCRoute": "grpc", "TLSRoute": "tls", "TCPRoute": "tcp"}
_VIRTUAL = ("http", "tls", "tcp")
_ServiceKey = tuple[str, str, str]


class Target(Struct, frozen=True):
    """Where a route sends: a host as seen from a namespace, a port where it says one, and the field that says so."""

    host: str
    namespace: str
    port: int | None
    protocol: str
    proof: str


class Beyond(Struct, frozen=True):
    """Who else answers to a host because a route sends its calls there."""

    addressee: Addressee
    proof: str


class MeshRoutes:
    """Routes that sidecars and waypoints apply, by the service that was called.

    Args:
        mesh: where the routes are.
        book: who answers to their hosts.
    """

    def __init__(self, mesh: Mesh, book: Addressees) -> None:
        self._book = book
        self._targets: dict[_ServiceKey, list[Target]] = {}
        for host, namespace, target in chain(_virtual_mesh(mesh), _service_routes(mesh)):
            called = self._book.host(host, namespace)
            for key in {_service_key(callee) for callee in called.callees} if called else ():
                self._targets.setdefault(key, []).append(target)

    def beyond(self, callees: Iterable[Callee]) -> Iterator[Beyond]:
        """Who is reached by calling these services, other than they themselves."""
        called = {_service_key(callee) for callee in callees}
        for key in sorted(called):
            for target in self._targets.get(key, ()):
                found = _addressed(self._book, target)
                others = tuple(each for each in found.callees if _service_key(each) not in called)
                if others:
                    yield Beyond(Addressee(others, found.protocol), target.proof)

    def declared(self) -> Iterator[Beyond]:
        """Everybody to whom these routes lead: somebody in the mesh is meant to call them."""
        for key in sorted(self._targets):
            for target in self._targets[key]:
                yield Beyond(_addressed(self._book, target), target.proof)


def edges_of_routes(mesh: Mesh, book: Addressees) -> Iterator[Edge]:
    """Calls of gateways."""
    for callers, target in chain(_virtual_gateways(mesh, book), _gateway_routes(mesh, book)):
        addressee = _addressed(book, target)
        for caller in callers:
            for callee in addressee.callees:
                yield Edge(caller, callee, protocol=addressee.protocol, proofs=(target.proof,))


def _addressed(book: Addressees, target: Target) -> Addressee:
    """Who a route sends to; a host that nobody has is told as it stands."""
    found = book.host(target.host.lower(), target.namespace, target.port)
    if found is None:
        return Addressee((Callee(host=target.host),), target.protocol)
    return Addressee(found.callees, found.protocol or target.protocol)


def _virtual_gateways(mesh: Mesh, book: Addressees) -> Iterator[tuple[tuple[Caller, ...], Target]]:
    for virtual in mesh.of(kinds.VIRTUAL_SERVICE):
        gateways = [name for name in as_strings(as_dict(virtual.view.spec).get("gateways")) if name not in ("", _MESH)]
        if not gateways:
            continue
        callers = tuple(sorted({each for name in gateways for each in _entered_by(mesh, book, virtual, name)}))
        for target in _sends(mesh, virtual):
            yield callers, target


def _entered_by(mesh: Mesh, book: Addressees, virtual: Resource[Any], name: str) -> tuple[Caller, ...]:
    """The workloads of a Gateway named by a VirtualService; the Gateway by its own name where it has none here."""
    space, slash, plain = name.rpartition("/")
    space = space if slash else virtual.meta.namespace
    gateway = mesh.find(kinds.ISTIO_GATEWAY, space, plain)
    selector = as_dict(as_dict(gateway.view.spec).get("selector")) if gateway else {}
    return _callers(book, _labels(selector), None, space, plain)


def _callers(book: Addressees, labels: Labels, inside: str | None, space: str, name: str) -> tuple[Caller, ...]:
    refs = book.selected(labels, inside)
    found = tuple(Caller(CallerRole.GATEWAY, ref.namespace, ref.kind, ref.name) for ref in refs)
    return found or (Caller(CallerRole.GATEWAY, space, "Gateway", name),)


def _virtual_mesh(mesh: Mesh) -> Iterator[tuple[str, str, Target]]:
    """Hosts called in the mesh, the namespace they are named in, and where VirtualServices send them."""
    for virtual in mesh.of(kinds.VIRTUAL_SERVICE):
        spec = as_dict(virtual.view.spec)
        if _MESH in (as_strings(spec.get("gateways")) or (_MESH,)):
            for target in _sends(mesh, virtual):
                for host in as_strings(spec.get("hosts")):
                    yield host.lower(), virtual.meta.namespace, target


def _sends(mesh: Mesh, virtual: Resource[Any]) -> Iterator[Target]:
    """Destinations and mirrors of a VirtualService and of those to which it delegates."""
    yield from _destinations(virtual)
    for rule in as_dicts(as_dict(virtual.view.spec).get("http")):
        delegate = as_dict(rule.get("delegate"))
        space = as_text(delegate.get("namespace")) or virtual.meta.namespace
        other = mesh.find(kinds.VIRTUAL_SERVICE, space, as_text(delegate.get("name"))) if delegate else None
        if other is not None:
            yield from _destinations(other)


def _destinations(virtual: Resource[Any]) -> Iterator[Target]:
    spec = as_dict(virtual.view.spec)
    for part in _VIRTUAL:
        for index, rule in enumerate(as_dicts(spec.get(part))):
            found = [
                as_dict(each.get("destination")) for each in as_dicts(rule.get("route")) + as_dicts(rule.get("mirrors"))
            ]
            for destination in (*found, as_dict(rule.get("mirror"))):
                host, port = as_text(destination.get("host")), _number(as_dict(destination.get("port")).get("number"))
                if host:
                    proof = f"{virtual.id}: spec.{part}[{index}]"
                    yield Target(host, virtual.meta.namespace, port, part, proof)


def _gateway_routes(mesh: Mesh, book: Addressees) -> Iterator[tuple[tuple[Caller, ...], Target]]:
    for route, parent in _parents(mesh):
        space, name = as_text(parent.get("namespace")) or route.meta.namespace, as_text(parent.get("name"))
        of_gateway = name and as_text(parent.get("kind")) in ("", "Gateway")
        if not of_gateway or _is_waypoint(mesh.find(kinds.GATEWAY, space, name)):
            continue
        callers = _callers(book, {_GATEWAY_NAME: name}, space, space, name)
        for target in _backends(route):
            yield callers, target


def _service_routes(mesh: Mesh) -> Iterator[tuple[str, str, Target]]:
    for route, parent in _parents(mesh):
        if as_text(parent.get("kind")) == "Service":
            space = as_text(parent.get("namespace")) or route.meta.namespace
            for target in _backends(route):
                yield as_text(parent.get("name")), space, target


def _parents(mesh: Mesh) -> Iterator[tuple[Resource[Any], dict[str, Any]]]:
    for kind in _ROUTES:
        for route in mesh.of(kind):
            for parent in as_dicts(as_dict(route.view.spec).get("parentRefs")):
                yield route, parent


def _backends(route: Resource[Any]) -> Iterator[Target]:
    for index, rule in enumerate(as_dicts(as_dict(route.view.spec).get("rules"))):
        mirrors = [
            as_dict(as_dict(each.get("requestMirror")).get("backendRef")) for each in as_dicts(rule.get("filters"))
        ]
        for backend in (*as_dicts(rule.get("backendRefs")), *mirrors):
            name, space = as_text(backend.get("name")), as_text(backend.get("namespace")) or route.meta.namespace
            if not name or as_text(backend.get("kind")) not in ("", "Service", "Hostname"):
                continue
            proof = f"{route.id}: spec.rules[{index}]"
            yield Target(name, space, _number(backend.get("port")), _SPOKEN.get(route.kind, ""), proof)


def _is_waypoint(gateway: Resource[Any] | None) -> bool:
    spoken = {each.get("protocol") for each in as_dicts(as_dict(gateway.view.spec).get("listeners"))} if gateway else ()
    return spoken == {"HBONE"}


def _labels(selector: dict[str, Any]) -> Labels:
    return {key: value for key, value in selector.items() if isinstance(value, str)}


def _service_key(callee: Callee) -> _ServiceKey:
    return callee.service_namespace, callee.service, callee.host


def _number(value: object) -> int | None:
    """A whole number; nothing for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
