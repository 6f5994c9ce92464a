"""Routes that waypoints take: the service is the one whose address was dialled, whatever the request calls it.

Source: pilot/pkg/networking/core/listener_waypoint.go at each release: only objects of the service's or the waypoint's
namespace count (before 1.24 the waypoint's alone); all of them together since 1.30, before that the first.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.routing.bounds import Bounds
from sidestep.semantics.routing.hosts import Host
from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.outcome import (
    blocked,
    default_http,
    default_stream,
    not_taken,
    stream_route,
    taken,
)
from sidestep.semantics.routing.reach import Reach
from sidestep.semantics.routing.route import Route
from sidestep.semantics.routing.rule import Bound, HttpEntry, StreamEntry
from sidestep.semantics.versions import IstioVersion

_HASH = "loadBalancer.consistentHash"


class WaypointRules(Struct, frozen=True):
    """What a waypoint does with what was dialled at a port of a service, whatever is asked.

    Attributes:
        http: rules on requests in the order in which they are tried; none where requests go to the service itself.
        stream: the rule on connections in which no HTTP is read; None where they go to the service itself.
        vantage: from where rules are read.
        reach: what destinations it has.
    """

    http: tuple[HttpEntry, ...]
    stream: StreamEntry | None
    vantage: Vantage
    reach: Reach


class WaypointRoutes:
    """The routes of the waypoints of one namespace."""

    def __init__(self, namespace: str, bounds: Bounds, version: IstioVersion) -> None:
        self._namespace = namespace
        self._bounds = bounds
        self._version = version
        self._found: dict[str, list[Bound]] = {}

    def http(self, host: Host, port: int, http: HttpSeen, reach: Reach) -> Route:
        """Where a request to a service goes."""
        own = host.port(port)
        if own is None:
            return blocked()
        if not own.may_be_http:
            return self.stream(host, port, reach)
        vantage = self._vantage(port)
        entries = self._entries(host, vantage)
        if not entries:
            return self._unrouted(default_http(host.name, port, reach))
        return taken(entries, vantage, http, reach) or not_taken(entries, vantage)

    def rules(self, host: Host, port: int, reach: Reach) -> WaypointRules:
        """Every rule for a port of a service."""
        vantage = self._vantage(port)
        return WaypointRules(tuple(self._entries(host, vantage)), self._stream(host, port), vantage, reach)

    def _unrouted(self, route: Route) -> Route:
        """Before 1.31 such requests went to random endpoints whatever hash a rule asks for (pull request 61045)."""
        if self._version.since(1, 31):
            return route
        kept = tuple(word for word in route.traffic_policy if not word.startswith(_HASH))
        return replace(route, traffic_policy=kept)

    def _entries(self, host: Host, vantage: Vantage) -> list[HttpEntry]:
        """Rules that the waypoint has: of every object up to its first that takes everything."""
        bounds = self._speaking(host)
        if not self._version.since(1, 26):
            bounds = bounds[:1]
        else:
            bounds = [bound for bound in bounds if bound.http is not None]
            bounds = bounds if self._version.since(1, 30) else bounds[:1]
        return [entry for bound in bounds for entry in reachable(bound.http or (), vantage)]

    def stream(self, host: Host, port: int, reach: Reach) -> Route:
        """Where a connection to a service goes: rules by name before rules on connections, since 1.26."""
        if host.port(port) is None:
            return blocked()
        entry = self._stream(host, port)
        return default_stream(host.name, port, reach) if entry is None else stream_route(entry, port, reach)

    def _stream(self, host: Host, port: int) -> StreamEntry | None:
        bounds = self._speaking(host) if self._version.since(1, 26) else []
        vantage = Vantage(port, "", {}, waypoint=True)
        tls = [
            entry for bound in bounds for entry in bound.tls if not entry.match or entry.server_names == (host.name,)
        ]
        tcp = [entry for bound in bounds for entry in bound.tcp]
        return next(_offered([*tls, *tcp], vantage), None)

    def _speaking(self, host: Host) -> list[Bound]:
        if host.name not in self._found:
            allowed = {self._namespace, host.namespace} if self._version.since(1, 24) else {self._namespace}
            meeting = [bound for bound in self._bounds.meeting(host.name) if bound.namespace in allowed]
            self._found[host.name] = self._bounds.ranked(meeting, self._namespace, sidecar=False)
        return self._found[host.name]

    def _vantage(self, port: int) -> Vantage:
        """Before 1.25 source labels were compared with the waypoint's own, which are not known here."""
        dropped = self._version.since(1, 25)
        return Vantage(port, self._namespace, None, waypoint=dropped, claims=True)


def reachable(entries: Iterable[HttpEntry], vantage: Vantage) -> Iterator[HttpEntry]:
    """Rules that a proxy has, up to the first that takes everything: Istio drops what stands behind it."""
    for entry in entries:
        offered = entry.match.offered(vantage)
        if offered is not False:
            yield entry
        if offered and entry.match.takes_all and not entry.rule.broken:
            return


def _offered(entries: list[StreamEntry], vantage: Vantage) -> Iterator[StreamEntry]:
    return (entry for entry in entries if entry.broken or entry.offered(vantage))
