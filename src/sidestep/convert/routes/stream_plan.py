"""The TCPRoutes and TLSRoutes that say for each service what a VirtualService says of connections."""

from collections.abc import Sequence
from functools import partial

from sidestep.convert.rewrite import Tree, Waypoint
from sidestep.convert.routes.http_plan import place_of, whole_entry
from sidestep.convert.routes.ledger import Ledger
from sidestep.convert.routes.naming import RouteMaker
from sidestep.convert.routes.served import Served
from sidestep.convert.routes.stream_rules import StreamRule, stream_rules
from sidestep.convert.routes.survey import Survey
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.routing.rule import Bound, StreamKind
from sidestep.semantics.service_index import Service

CODE = "SID331"
_GROUP = "gateway.networking.k8s.io"


def stream_routes(
    found: Survey,
    resource: Resource[Spec],
    bound: Bound,
    chosen: Sequence[tuple[Service, Waypoint]],
    ledger: Ledger,
) -> list[Tree]:
    """The routes, in order; what stands against them is in the ledger.

    Raises:
        MalformedError: a field has a wrong type.
    """
    if not (bound.tcp or bound.tls):
        return []
    spec = resource.view.spec or {}
    routes: list[Tree] = []
    for service, waypoint in chosen:
        whole_entry(found, service, chosen, ledger)

        place = partial(place_of, found, service, waypoint, resource.meta.namespace)
        said = stream_rules(bound, spec, found.host(service), place, ledger)
        maker = RouteMaker(found, service, resource.id, CODE)
        routes += _routes(service, said, maker, found.served)
    return routes


def _routes(service: Service, said: Sequence[StreamRule], maker: RouteMaker, served: Served) -> list[Tree]:
    """Ports with the same rule share a route."""
    groups: list[tuple[list[int], StreamRule]] = []
    for each in said:
        alike = next((ports for ports, other in groups if (other.kind, other.rule) == (each.kind, each.rule)), None)
        if alike is None:
            groups.append(([each.port], each))
        else:
            alike.append(each.port)
    return [_route(service, ports, each, maker, served) for ports, each in groups]


def _route(service: Service, ports: Sequence[int], each: StreamRule, maker: RouteMaker, served: Served) -> Tree:
    names = {"hostnames": [service.host]} if each.kind is StreamKind.TLS else {}
    kind = f"{each.kind.value.upper()}Route"
    stable = served.since(1, 5) if each.kind is StreamKind.TLS else served.since(1, 6)
    return maker.route(kind, f"{_GROUP}/{'v1' if stable else 'v1alpha2'}", ports, {**names, "rules": [each.rule]})
