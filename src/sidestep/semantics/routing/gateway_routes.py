"""Routes that gateways take: listeners of the port, hosts that both the listener and the object name, then rules.

Source: pilot/pkg/networking/core/gateway.go (buildGatewayHTTPRouteConfig): objects for one host are merged in order,
and what takes everything goes last.
"""

from collections.abc import Iterable, Iterator

from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.routing.bounds import Bounds
from sidestep.semantics.routing.gateway_tables import GatewayHost, GatewayStreams, GatewayTable
from sidestep.semantics.routing.hosts import bare_authority, is_wildcard, overlap, within
from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.outcome import NOT_FOUND, blocked, taken
from sidestep.semantics.routing.reach import Reach
from sidestep.semantics.routing.route import Answer, AnswerKind, Route, RouteSource
from sidestep.semantics.routing.rule import Bound, HttpEntry
from sidestep.semantics.routing.servers import Gateways, Server
from sidestep.semantics.routing.waypoint_routes import reachable


class GatewayRoutes:
    """The routes of all gateways."""

    def __init__(self, gateways: Gateways, bounds: Bounds) -> None:
        self._gateways = gateways
        self._bounds = bounds
        self._tables: dict[tuple[str, int], dict[str, list[HttpEntry]]] = {}

    def http(self, gateway: str, authority: str, port: int, http: HttpSeen, reach: Reach) -> Route:
        """Where a request to a gateway goes."""
        if gateway in self._gateways.broken:
            return Route(RouteSource.DEFAULT, unknown=self._gateways.broken[gateway])
        if gateway not in self._gateways.servers:
            return Route(RouteSource.DEFAULT, unknown=f"Gateway {gateway} was not read")
        servers = [server for server in self._gateways.servers[gateway] if server.port == port]
        if not servers:
            return blocked()
        if (told := self._to_https(servers, authority, http)) is not None:
            return told
        namespace = gateway.partition("/")[0]
        entries = self._entries(gateway, servers, authority)
        for entry in entries:
            vantage = _vantage(namespace, port, entry, servers)
            found = taken((entry,), vantage, http, reach)
            if found is not None:
                return found
        return Route(entries[0].rule.source if entries else RouteSource.DEFAULT, answer=NOT_FOUND)

    def tables(self, gateway: str, reach: Reach) -> Iterator[GatewayTable]:
        """Everything that a gateway may do, by port; nothing where it cannot be read."""
        namespace = gateway.partition("/")[0]
        every = self._gateways.servers.get(gateway, ())
        for port in sorted({server.port for server in every}):
            servers = [server for server in every if server.port == port]
            hosts = tuple(self._hosts(gateway, namespace, servers))
            streams = tuple(self._streams(namespace, each) for each in servers if not each.reads_http)
            yield GatewayTable(port, tuple(servers), hosts, streams, reach)

    def _hosts(self, gateway: str, namespace: str, servers: list[Server]) -> Iterator[GatewayHost]:
        reading = [server for server in servers if server.reads_http]
        if not reading:
            return
        port = reading[0].port
        table = self._table_of(gateway, reading)
        led_away = [host.rpartition("/")[2].lower() for server in reading if server.to_https for host in server.hosts]
        for host in dict.fromkeys((*table, *led_away)):
            entries = [(entry, _vantage(namespace, port, entry, reading)) for entry in table.get(host, ())]
            yield GatewayHost(host, tuple(entries), any(within(host, each) for each in led_away))

    def _streams(self, namespace: str, server: Server) -> GatewayStreams:
        """Those that pass TLS on are told apart by server names, others take the first rule."""
        vantage = Vantage(server.port, namespace, None, server.name)
        bounds = self._bounds.ranked(self._bounds.at_gateway(server.name), namespace, sidecar=False)
        bounds = [bound for bound in bounds if _shared(bound, server)]
        named = server.passes_on
        entries = [entry for bound in bounds for entry in (bound.tls if named else bound.tcp) if entry.offered(vantage)]
        return GatewayStreams(server, tuple((entry, vantage) for entry in (entries if named else entries[:1])))

    @staticmethod
    def _to_https(servers: list[Server], authority: str, http: HttpSeen) -> Route | None:
        name = bare_authority(authority)
        asked = any(
            server.to_https and any(within(name, host.rpartition("/")[2].lower()) for host in server.hosts)
            for server in servers
        )
        if not asked or http.header(":scheme") == "https":
            return None
        return Route(RouteSource.DEFAULT, answer=Answer(AnswerKind.REDIRECT, 301, f"https://{name}{http.path}"))

    def _entries(self, gateway: str, servers: list[Server], authority: str) -> list[HttpEntry]:
        """Rules of the virtual host with the most specific name that fits."""
        table = self._table_of(gateway, servers)
        name = bare_authority(authority)
        fitting = [host for host in table if within(name, host)]
        if not fitting:
            return []
        return table[min(fitting, key=lambda host: (is_wildcard(host), -len(host)))]

    def _table_of(self, gateway: str, servers: list[Server]) -> dict[str, list[HttpEntry]]:
        key = (gateway, servers[0].port)
        if key not in self._tables:
            self._tables[key] = self._table(gateway.partition("/")[0], servers)
        return self._tables[key]

    def _table(self, namespace: str, servers: Iterable[Server]) -> dict[str, list[HttpEntry]]:
        found: dict[str, list[HttpEntry]] = {}
        for server in servers:
            vantage = Vantage(server.port, namespace, None, server.name)
            for bound in self._bounds.ranked(self._bounds.at_gateway(server.name), namespace, sidecar=False):
                entries = list(reachable(bound.http or (), vantage))
                for host in _shared(bound, server):
                    table = found.setdefault(host, [])
                    table += [entry for entry in entries if entry not in table]
        return {host: sorted(entries, key=lambda each: each.match.takes_all) for host, entries in found.items()}


def _shared(bound: Bound, server: Server) -> list[str]:
    """Hosts that an object and a listener have in common: the narrower of each pair."""
    allowed = server.hosts_for(bound.namespace)
    pairs = [(own.lower(), host) for own in bound.hosts for host in allowed if overlap(own.lower(), host)]
    return list(dict.fromkeys(own if within(own, host) else host for own, host in pairs))


def _vantage(namespace: str, port: int, entry: HttpEntry, servers: list[Server]) -> Vantage:
    """Where a rule is read; its match may name the Gateway that it came by."""
    named = next((server.name for server in servers if server.name in entry.match.gateways), servers[0].name)
    return Vantage(port, namespace, None, named, claims=True, tls=any(server.tls for server in servers))
