"""Routes of a waypoint: by what tunnels name, by what was dialled, and of connections without HTTP."""

from collections.abc import Iterable, Iterator, Mapping

from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration
from envoy.extensions.filters.http.header_mutation.v3.header_mutation_pb2 import HeaderMutationPerRoute

from sidestep.controlplane.generators.http.authorization import Place
from sidestep.controlplane.generators.http.filters import Enforced, enforced
from sidestep.controlplane.generators.http.routes import not_found, routes
from sidestep.controlplane.generators.node.messages import packed
from sidestep.controlplane.generators.node.tunnels import connects
from sidestep.controlplane.generators.waypoint.managers import HEADERS
from sidestep.controlplane.generators.waypoint.names import (
    CHAIN,
    CONNECT,
    MAIN,
    PLAIN_PODS,
    PODS,
    SNIFF,
    STREAMS,
    WAIT,
)
from sidestep.controlplane.generators.waypoint.plan import Authorities, Requests, Stream, Streams
from sidestep.controlplane.generators.waypoint.served import Reading
from sidestep.semantics.routing.http_match import HttpMatch, Vantage
from sidestep.semantics.routing.route import RouteSource
from sidestep.semantics.routing.rule import HttpEntry, HttpRule, Target
from sidestep.semantics.service_index import Service

_TO = {Reading.HTTP: MAIN, Reading.SNIFFED: SNIFF, Reading.WAITED: WAIT}


def authorities(told: Authorities) -> RouteConfiguration:
    """Where a tunnel leads; what is not served is answered with 404."""
    hosts = [_host(each.chain, each.chain, each.reading, each.names, each.view) for each in told.rows]
    for chain, addresses in ((PODS, told.meshed), (PLAIN_PODS, told.plain)):
        if addresses:
            names = tuple(f"[{each}]:*" if ":" in each else f"{each}:*" for each in addresses)
            hosts.append(_host(chain, chain, Reading.SNIFFED, names))
    layered = enforced(Enforced(told.layered), Place.SIDECAR, {}, several=False)
    return RouteConfiguration(name=CONNECT, virtual_hosts=hosts, typed_per_filter_config=layered)


def _host(name: str, chain: str, reading: Reading, domains: Iterable[str], view: str = "") -> VirtualHost:
    if reading is Reading.BYTES:
        return VirtualHost(name=name, domains=domains, routes=[_handed_on()])
    mutation = {"append": {"header": {"key": CHAIN, "value": chain}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    named = HeaderMutationPerRoute(mutations={"request_mutations": [mutation]})
    found = VirtualHost(
        name=name, domains=domains, routes=[connects(_TO[reading] + (view if reading is not Reading.WAITED else ""))]
    )
    found.typed_per_filter_config[HEADERS].CopyFrom(packed(named))
    return found


def _handed_on() -> Route:
    """A CONNECT goes on as it is, so that it is refused as such."""
    route = connects(STREAMS)
    route.route.upgrade_configs[0].ClearField("connect_config")
    return route


def streams(told: Streams) -> RouteConfiguration:
    """Where connections without HTTP lead, by what was dialled."""
    return RouteConfiguration(name=STREAMS, virtual_hosts=[_stream(each) for each in told.rows])


def _stream(told: Stream) -> VirtualHost:
    route = connects("")
    route.route.ClearField("cluster")
    if not told.shares:
        route = Route(match=route.match, direct_response={"status": 503})
    elif len(told.shares) == 1:
        route.route.cluster = told.shares[0][0]
    else:
        for name, weight in told.shares:
            route.route.weighted_clusters.clusters.add(name=name, weight={"value": weight})
    found = VirtualHost(name=told.chain, domains=told.authorities, routes=[route])
    judged = enforced(Enforced(told.policies), Place.WAYPOINT, told.authorizers, several=told.several)
    for name, message in judged.items():
        found.typed_per_filter_config[name].CopyFrom(message)
    return found


def chains(part: str, told: Requests) -> tuple[str, ...]:
    """Names of what requests of a part are judged by."""
    return (PODS, PLAIN_PODS) if told.service is None else (part.partition("/")[2],)


def requests(chain: str, told: Requests) -> ScopedRouteConfiguration:
    """How requests to a port of a service are judged and routed."""
    host = VirtualHost(name=chain, domains=["*"], routes=_routes(chain, told))
    judged = enforced(told.enforced, Place.WAYPOINT, told.authorizers, several=told.several)
    for name, message in judged.items():
        host.typed_per_filter_config[name].CopyFrom(message)
    return ScopedRouteConfiguration(
        name=chain,
        key={"fragments": [{"string_key": chain}]},
        route_configuration={
            "name": chain,
            "virtual_hosts": [host],
            "validate_clusters": {"value": False},
            "request_headers_to_remove": [CHAIN],
            "ignore_port_in_host_matching": True,
        },
    )


def _routes(chain: str, told: Requests) -> Iterator[Route]:
    if told.service is None:
        yield Route(match={"prefix": "/"}, route={"cluster": chain, "timeout": {}})
        return
    vantage = Vantage(told.port, told.namespace, None, waypoint=True, claims=True)
    known: Mapping[Target, str] = {target: to.name for target, to in told.clusters.items()}
    settings = {target: to.settings for target, to in told.clusters.items()}
    entries = told.entries or (_unrouted(told.service),)
    yield from routes(entries, vantage, known.get, told.retries, lambda target: settings.get(target, {}))
    yield not_found()


def _unrouted(service: Service) -> HttpEntry:
    """Requests of which no rule speaks go to the service."""
    rule = HttpRule(RouteSource.DEFAULT, service.resource.id, "default", (Target(service.host),))
    return HttpEntry(rule, HttpMatch(""))
