"""Rules of a service as Envoy's routes, in the order in which the first that takes a request wins."""

from collections.abc import Iterable, Iterator

from envoy.config.route.v3.route_components_pb2 import Route

from sidestep.controlplane.generators.http.actions import ClusterOf, Means, act
from sidestep.controlplane.generators.http.hashing import SettingsOf, nothing
from sidestep.controlplane.generators.http.matches import matched, readable
from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.route import Retries
from sidestep.semantics.routing.rule import HttpEntry


def routes(
    entries: Iterable[HttpEntry],
    vantage: Vantage,
    cluster: ClusterOf,
    retries: Retries,
    settings: SettingsOf = nothing,
) -> Iterator[Route]:
    """Routes of the entries that a proxy has.

    Args:
        entries: in the order of precedence.
        vantage: of the proxy.
        cluster: of destinations.
        retries: where a rule says nothing.
        settings: of destinations, as DestinationRules have them.
    """
    means = Means(cluster, retries, vantage.port, settings, vantage.tls)
    for entry in entries:
        if entry.rule.broken or not readable(entry.match) or not entry.match.offered(vantage):
            continue
        route = Route(name=f"{entry.rule.object.namespace}/{entry.rule.object.name}/{entry.rule.place}")
        route.match.CopyFrom(matched(entry.match))
        act(route, entry.rule, entry.match.path, means)
        yield route


def not_found() -> Route:
    """The last route of a host: a request that no other takes is judged as any, and answered as without a route."""
    return Route(name="mesh.not-found", match={"prefix": "/"}, direct_response={"status": 404})
