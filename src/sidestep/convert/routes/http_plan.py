"""The HTTPRoutes and GRPCRoutes that say for each service what a VirtualService says.

Rules hang on the port that was dialled, so ports with the same rules share a route, and a route names its ports as soon
as there are several.
"""

from collections.abc import Sequence

from msgspec import Struct

from sidestep.convert.rewrite import Tree, Waypoint
from sidestep.convert.routes.authorities import names_of
from sidestep.convert.routes.bodies import Body, body
from sidestep.convert.routes.cases import Case, cases
from sidestep.convert.routes.destinations import Place
from sidestep.convert.routes.flat import FlatRule, flat_rules
from sidestep.convert.routes.grpc_rules import grpc_rules
from sidestep.convert.routes.http_rules import http_rules, lose_names
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.convert.routes.naming import RouteMaker
from sidestep.convert.routes.retries import Defaults
from sidestep.convert.routes.subsets import subset_service
from sidestep.convert.routes.survey import Survey
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.routing.hosts import HostPort
from sidestep.semantics.service_index import Service

CODE = "SID330"
_VERSION = "gateway.networking.k8s.io/v1"
_SAY = "add a rule for that port"
_EVERY = {"path": {"type": "PathPrefix", "value": "/"}}

Objects = list[list[Tree]]
"""Rules of one object each."""


class _Source(Struct, frozen=True):
    """The rules of a VirtualService with all that they are read by."""

    found: Survey
    rules: list[FlatRule]
    cases: list[Case]
    defaults: Defaults
    ledger: Ledger


def http_routes(
    found: Survey, resource: Resource[Spec], chosen: Sequence[tuple[Service, Waypoint]], ledger: Ledger
) -> list[Tree]:
    """The routes, in order; what stands against them is in the ledger.

    Raises:
        MalformedError: a field has a wrong type.
    """
    spec = resource.view.spec or {}
    if not spec.get("http"):
        return []
    ledger.unknown_fields(spec, frozenset({"hosts", "gateways", "http", "tls", "tcp", "exportTo"}), "spec")
    rules = list(flat_rules(resource, found.delegates, found.defaults))
    defaults = Defaults(found.retries, found.index.settings.version, found.served)
    source = _Source(found, rules, cases(rules, names_of(found, resource), ledger), defaults, ledger)
    routes: list[Tree] = []
    for service, waypoint in chosen:
        whole_entry(found, service, chosen, ledger)
        maker = RouteMaker(found, service, resource.id, CODE)
        routes += _of_service(source, service, waypoint, maker)
    return routes


def whole_entry(found: Survey, service: Service, chosen: Sequence[tuple[Service, Waypoint]], ledger: Ledger) -> None:
    """A route is bound to a ServiceEntry with all its hosts, or not at all."""
    if service.resource.kind != "ServiceEntry":
        return
    hosts = {each.host for each in found.index.services.services if each.resource.id == service.resource.id}
    if not hosts <= {each.host for each, _ in chosen} or len(hosts) > 1:
        why = f"a route is bound to {service.resource.id} with all its hosts"
        ledger.keep("spec.hosts", f"routes requests to {service.host}", why, "give the host a ServiceEntry of its own")


def _of_service(source: _Source, service: Service, waypoint: Waypoint, maker: RouteMaker) -> list[Tree]:
    ports = [port for port in source.found.host(service).ports if port.may_be_http]
    by_rules: list[tuple[list[HostPort], Objects]] = []
    for port in ports:
        said = _on_port(source, service, waypoint, port)
        alike = next((entry for entry in by_rules if entry[1] == said), None)
        if alike is None:
            by_rules.append(([port], said))
        else:
            alike[0].append(port)
    if len(by_rules) > 1 and not source.found.context.target.since(1, 30):
        why = "before 1.30 a waypoint reads the routes of one port of a service only"
        source.ledger.keep("spec.http", f"routes each port of {service.host} otherwise", why, AS_IT_IS)
    if source.ledger.obstacles:
        return []
    routes = []
    for on, said in by_rules:
        numbers = [] if len(by_rules) == 1 else [port.number for port in on]
        routes += [_route(maker, on, numbers, rules) for rules in said]
    return routes


def _route(maker: RouteMaker, ports: Sequence[HostPort], numbers: Sequence[int], rules: list[Tree]) -> Tree:
    calls = grpc_rules(rules) if all(port.is_grpc for port in ports) else None
    kind = "HTTPRoute" if calls is None else "GRPCRoute"
    return maker.route(kind, _VERSION, numbers, {"rules": rules if calls is None else calls})


def _on_port(source: _Source, service: Service, waypoint: Waypoint, port: HostPort) -> Objects:
    """Rules on one port."""
    found, ledger = source.found, source.ledger
    offered = {case.rule for case in source.cases}
    bodies = []
    for at, rule in enumerate(source.rules):
        place = place_of(found, service, waypoint, rule.namespace, port.number)
        bodies.append(body(rule, place, source.defaults, ledger) if at in offered else Body())
    lose_names([(rule.field, each) for rule, each in zip(source.rules, bodies, strict=True)], found.served, ledger)
    said = http_rules(source.cases, bodies, port.number, found.served, ledger)
    spoken = any(case.port in (0, port.number) for case in source.cases)
    if spoken or found.context.target.since(1, 31):
        return said
    why = "before 1.31 a waypoint tries less again where no route speaks (D43)"
    ledger.lose_if_kept("spec.http", f"leaves port {port.number} to the default, retries included", why, _SAY)
    return [[_plain(service, port.number)]]


def place_of(found: Survey, service: Service, waypoint: Waypoint, space: str, port: int) -> Place:
    """From where the destinations of a service's rules are seen."""
    return Place(
        service.namespace,
        space,
        found.defaults.domain,
        port,
        lambda name: found.reaches(waypoint, name),
        lambda parent, subset: subset_service(found, parent, subset),
        found.served,
    )


def _plain(service: Service, port: int) -> Tree:
    """The service itself: before 1.31 a waypoint tries less again where no route speaks (D43)."""
    if service.resource.kind == "Service":
        ref: Tree = {"group": "", "kind": "Service", "name": service.name, "port": port, "weight": 1}
    else:
        ref = {"group": "networking.istio.io", "kind": "Hostname", "name": service.host, "port": port, "weight": 1}
    return {"matches": [_EVERY], "backendRefs": [ref]}
