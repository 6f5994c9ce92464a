"""Where requests go: the routes of sidecars, waypoints and gateways, compiled once for a mesh.

Source: istio-semantics.md §3.9 B and C, §4.3, §4.4, §5.2, §5.3.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from typing import Any, Self

from msgspec.structs import replace

from sidestep.model.kinds import (
    DESTINATION_RULE,
    GATEWAY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    ISTIO_GATEWAY,
    SIDECAR,
    TCP_ROUTE,
    TLS_ROUTE,
    VIRTUAL_SERVICE,
    Kind,
)
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, ObjectId
from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.routing.bounds import Bounds
from sidestep.semantics.routing.defaults import ISTIO_DEFAULTS, MeshDefaults
from sidestep.semantics.routing.destination_rules import DestinationRules, MergedRule, chosen, without_selection
from sidestep.semantics.routing.exports import exports
from sidestep.semantics.routing.gateway_api import GatewayApi
from sidestep.semantics.routing.gateway_routes import GatewayRoutes
from sidestep.semantics.routing.gateway_tables import GatewayTable
from sidestep.semantics.routing.hosts import Client, Host, HostPort
from sidestep.semantics.routing.http_match import HttpMatch, Vantage
from sidestep.semantics.routing.reach import Reach, lacking
from sidestep.semantics.routing.retry_policy import INBOUND, NO_RETRIES, default_retries, retries
from sidestep.semantics.routing.route import Retries, Route, RouteSource
from sidestep.semantics.routing.rule import Bound, HttpRule
from sidestep.semantics.routing.servers import Server, gateways_beside, gateways_of
from sidestep.semantics.routing.sidecar_routes import SidecarRoutes
from sidestep.semantics.routing.sidecar_tables import SidecarTable, table
from sidestep.semantics.routing.sidecars import Listener, Scope, Sidecars
from sidestep.semantics.routing.view import Registry, View
from sidestep.semantics.routing.virtual_services import undelegated, virtual_services
from sidestep.semantics.routing.waypoint_routes import WaypointRoutes, WaypointRules
from sidestep.semantics.trees import MalformedError
from sidestep.semantics.versions import IstioVersion

_MESHED: tuple[Kind[Any], ...] = (
    VIRTUAL_SERVICE, HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE, TLS_ROUTE, DESTINATION_RULE,
)  # fmt: skip
_ANY_NAMESPACE = ""


class Routing:
    """All routes of a mesh. Build it once, ask it often: answers about hosts are kept."""

    def __init__(
        self,
        mesh: Mesh,
        hosts: Mapping[str, Host],
        root_namespace: str,
        version: IstioVersion,
        defaults: MeshDefaults = ISTIO_DEFAULTS,
    ) -> None:
        self._mesh = mesh
        self._hosts = hosts
        self._version = version
        self._defaults = defaults
        exported = {
            name: exports(host.export_to, defaults.service_export_to, host.namespace) for name, host in hosts.items()
        }
        self._registry = Registry(hosts, exported, defaults.domain)
        gateways = self._read = gateways_of(mesh)
        routes = GatewayApi(mesh, hosts, gateways.servers, defaults, version).bounds()
        self._bounds = Bounds([*virtual_services(mesh, defaults, version), *routes], version)
        self._gateways = GatewayRoutes(gateways, self._bounds)
        self._listeners = gateways.servers
        self._sidecars = Sidecars(mesh, root_namespace, version, ends_tls=defaults.ends_tls)
        self._rules = DestinationRules(mesh, defaults, root_namespace)
        self._default_retries, retries_unknown = _mesh_retries(defaults, version)
        self._doubt = (
            defaults.unknown
            or retries_unknown
            or _unread(mesh, _MESHED)
            or self._bounds.unreadable
            or self._rules.unreadable
        )
        self._scopes_unread = _unread(mesh, (SIDECAR,))
        self._gateways_unread = _unread(mesh, (ISTIO_GATEWAY, GATEWAY))
        self._views: dict[tuple[int, int, str], View] = {}
        self._waypoints: dict[str, WaypointRoutes] = {}
        self._reaches: dict[str, Reach] = {}
        self._waypoint_reaches: dict[tuple[str, Retries], Reach] = {}
        self._spoken: dict[tuple[str, str], list[MergedRule]] = {}

    @classmethod
    def of(
        cls,
        mesh: Mesh,
        hosts: Mapping[str, Host],
        root_namespace: str,
        version: IstioVersion,
        defaults: MeshDefaults = ISTIO_DEFAULTS,
    ) -> "Routing":
        """Compile the routes of a mesh.

        Args:
            mesh: with VirtualServices, DestinationRules, Sidecars, Gateways, Gateway API routes.
            hosts: all services by full name, one for each name.
            root_namespace: of mesh-wide objects.
            version: of Istio.
            defaults: what the mesh-wide configuration says (`mesh_defaults`).
        """
        return cls(mesh, hosts, root_namespace, version, defaults)

    def beside(self, mesh: Mesh, gateways: Collection[tuple[str, str]]) -> Self:
        """The same of a mesh in which some Gateways are others, by namespace and name, that no route names."""
        made, found = copy(self), gateways_beside(self._read, mesh, gateways)
        vars(made).update(
            _mesh=mesh, _read=found, _gateways=GatewayRoutes(found, self._bounds), _listeners=found.servers
        )
        return made

    def sidecar_http(self, client: Client, host: Host | None, dialled_host: str, port: int, http: HttpSeen) -> Route:
        """Where a client's sidecar sends a request.

        Args:
            client: who sends it.
            host: the service whose address was dialled; None for an address of no service.
            dialled_host: the authority, which picks the virtual host wherever the port's services declare HTTP.
            port: that was dialled.
            http: the request.
        """
        scope = self.scope(client)
        if scope.broken:
            return _undecided(scope)
        authority = dialled_host or http.authority or (host.name if host else "")
        route = self._sidecar(client, scope, port).http(host, authority, port, http)
        return self._told(route, client.namespace, host, sidecar=True)

    def sidecar_tcp(self, client: Client, host: Host, port: int, sni: str = "") -> Route:
        """Where a client's sidecar sends a connection in which it reads no HTTP."""
        scope = self.scope(client)
        if scope.broken:
            return _undecided(scope)
        route = self._sidecar(client, scope, port).stream(host, port, sni)
        return self._told(route, client.namespace, host, sidecar=True)

    def scope(self, client: Client) -> Scope:
        """What the Sidecar of a client lets it know."""
        return self._sidecars.speaking(client.namespace, client.labels)

    def sidecar_tables(self, client: Client) -> Iterator[SidecarTable]:
        """Everything that a client's sidecar may do with what is sent, by port; nothing where its scope is broken."""
        scope = self.scope(client)
        ports = {port.number for host in self._hosts.values() for port in host.ports}
        for port in sorted(ports) if not scope.broken else ():
            routes = self._sidecar(client, scope, port)
            if routes.view is not None:
                yield table(routes, routes.view, port, Vantage(port, client.namespace, client.labels))

    def _sidecar(self, client: Client, scope: Scope, port: int) -> SidecarRoutes:
        listener = scope.listener(port)
        view = None if listener is None else self._view(scope, listener, client.namespace)
        reach = self._reach(client.namespace, client.labels)
        return SidecarRoutes(view, client, scope, reach, self._defaults.outbound, self._version.since(1, 27))

    def _view(self, scope: Scope, listener: Listener, namespace: str) -> View:
        key = (id(scope), id(listener), namespace)
        if key not in self._views:
            self._views[key] = View(self._registry, self._bounds, scope, listener, namespace)
        return self._views[key]

    def reach(self, client: Client) -> Reach:
        """What a client's proxy reaches on its own account: its Sidecar object hides nothing from it."""
        return self._reach(client.namespace, client.labels)

    def _reach(self, namespace: str, labels: Labels | None) -> Reach:
        """What a proxy reaches; proxies share it, unless DestinationRules tell them or their namespaces apart."""
        if self._rules.selective:
            return self._new_reach(namespace, labels, kept=False)
        if namespace not in self._reaches:
            apart = not self._registry.public or self._rules.speak_apart_to(namespace)
            common = None if apart else self._reaches.get(_ANY_NAMESPACE)
            found = self._reaches[namespace] = common or self._new_reach(namespace, None, kept=True)
            if not apart:
                self._reaches[_ANY_NAMESPACE] = found
        return self._reaches[namespace]

    def _new_reach(self, namespace: str, labels: Labels | None, *, kept: bool) -> Reach:
        def known(name: str) -> Host | None:
            host = self._hosts.get(name)
            seen = host is not None and (host.namespace == namespace or self._registry.exported_to(host, namespace))
            return host if seen else None

        def speaker(host: Host) -> MergedRule | None:
            return chosen(self._speaking(namespace, host), namespace, labels)

        own = self._default_retries
        return Reach(known, speaker, own, own, kept={} if kept else None)

    def _speaking(self, namespace: str, host: Host) -> list[MergedRule]:
        key = (namespace, host.name)
        if key not in self._spoken:
            self._spoken[key] = self._rules.speaking(namespace, host)
        return self._spoken[key]

    def waypoint_http(self, waypoint_namespace: str, host: Host, port: int, http: HttpSeen) -> Route:
        """Where a waypoint sends a request that was dialled to a service of its own."""
        reach = self._waypoint_reach(waypoint_namespace, host.port(port))
        route = self._waypoint(waypoint_namespace).http(host, port, http, reach)
        return self._told(route, waypoint_namespace, host)

    def waypoint_tcp(self, waypoint_namespace: str, host: Host, port: int, sni: str = "") -> Route:
        """Where a waypoint sends a connection in which it reads no HTTP; it does not look at server names."""
        del sni
        reach = self._waypoint_reach(waypoint_namespace, host.port(port))
        route = self._waypoint(waypoint_namespace).stream(host, port, reach)
        return self._told(route, waypoint_namespace, host)

    def waypoint_rules(self, waypoint_namespace: str, host: Host, port: int) -> WaypointRules:
        """Everything that a waypoint may do with what was dialled at a port of a service."""
        reach = self._waypoint_reach(waypoint_namespace, host.port(port))
        return self._waypoint(waypoint_namespace).rules(host, port, reach)

    def _waypoint(self, namespace: str) -> WaypointRoutes:
        if namespace not in self._waypoints:
            self._waypoints[namespace] = WaypointRoutes(namespace, self._bounds, self._version)
        return self._waypoints[namespace]

    def _waypoint_reach(self, namespace: str, port: HostPort | None) -> Reach:
        """Rules that select clients by label speak to no waypoint: their subsets and limits are of inbound clusters."""
        key = (namespace, self._unrouted(port))
        if key not in self._waypoint_reaches:
            self._waypoint_reaches[key] = self._new_waypoint_reach(*key)
        return self._waypoint_reaches[key]

    def _new_waypoint_reach(self, namespace: str, unrouted: Retries) -> Reach:
        def speaker(host: Host) -> MergedRule | None:
            return without_selection(self._speaking(namespace, host))

        known = self._new_reach(namespace, None, kept=False).known
        return Reach(known, speaker, self._default_retries, unrouted, waypoint=True, kept={})

    def _unrouted(self, port: HostPort | None) -> Retries:
        """Of requests that no route of a waypoint speaks about (release notes of 1.24 and 1.31)."""
        if self._version.since(1, 31):
            return self._default_retries
        streams = port is not None and port.is_grpc and self._version.since(1, 26)
        return INBOUND if self._version.since(1, 24) and not streams else NO_RETRIES

    def gateway_http(self, gateway: str, host_header: str, port: int, http: HttpSeen) -> Route:
        """Where a gateway sends a request.

        Args:
            gateway: `namespace/name` of a Gateway of either API; its pods are taken to run in its namespace.
            host_header: the authority.
            port: of the listener.
            http: the request.
        """
        namespace = gateway.partition("/")[0]
        reach = self._reach(namespace, None)
        route = self._gateways.http(gateway, host_header or http.authority, port, http, reach)
        doubt = self._gateways_unread
        return self._told(replace(route, unknown=doubt) if doubt and not route.unknown else route, namespace, None)

    def gateway_tables(self, gateway: str) -> Iterator[GatewayTable]:
        """Everything that a gateway (`namespace/name`) may do with what comes in, by port."""
        yield from self._gateways.tables(gateway, self._reach(gateway.partition("/")[0], None))

    def bounds(self, host: Host) -> tuple[Bound, ...]:
        """Every route object that may speak about a host, for who reasons about all requests at once."""
        return self.bounds_of(host.name)

    def bounds_of(self, name: str) -> tuple[Bound, ...]:
        """The same of a host by its full name, which no service need have."""
        return tuple({bound.order: bound for bound in self._bounds.meeting(name)}.values())

    def names(self) -> Iterable[str]:
        """Hosts, wildcards among them, that route objects of the mesh are about."""
        return self._bounds.names()

    def named_gateways(self) -> Iterator[tuple[str, tuple[Server, ...]]]:
        """Gateways (`namespace/name`) that routes name, by themselves or by a listener, with their listeners."""
        for name, servers in self.servers.items() if self._bounds.names_gateways else ():
            if self._bounds.at_gateway(name) or any(self._bounds.at_gateway(each.name) for each in servers):
                yield name, servers

    def gateway_bounds(self, gateway: str) -> tuple[Bound, ...]:
        """Every route object that names a gateway (`namespace/name`) or a listener of it."""
        names = {gateway, *(server.name for server in self.servers.get(gateway, ()))}
        return tuple(bound for name in sorted(names) for bound in self._bounds.at_gateway(name))

    @property
    def servers(self) -> Mapping[str, tuple[Server, ...]]:
        """Listeners of all gateways, by `namespace/name`."""
        return self._listeners

    def lacking(self) -> Iterator[tuple[HttpRule, str]]:
        """Rules on HTTP with a destination that is not there, and what of it is not."""
        for bound in self._bounds.all:
            reach = self._reach(bound.namespace, None)
            for rule in dict.fromkeys(entry.rule for entry in bound.http or ()):
                told = dict.fromkeys(lacking(target, reach) for target in rule.targets)
                yield from ((rule, why) for why in told if why)

    def refused(self) -> Iterator[tuple[ObjectId, str]]:
        """Routes of the Gateway API that count for nothing, because Istio does not carry out a field; and which."""
        return GatewayApi(self._mesh, self._hosts, self._listeners, self._defaults, self._version).refused()

    def uncopied(self) -> Iterator[tuple[HttpRule, str]]:
        """Rules on HTTP that send copies to what is not there, and what of it is not."""
        for bound in self._bounds.all:
            reach = self._reach(bound.namespace, None)
            for rule in dict.fromkeys(entry.rule for entry in bound.http or ()):
                told = dict.fromkeys(lacking(each.target, reach) for each in rule.mirrors)
                yield from ((rule, why) for why in told if why)

    def undelegated(self) -> Iterator[tuple[ObjectId, str, str]]:
        """Rules that are left to a delegate which does not count: the object, the field, and which is not there."""
        return undelegated(self._mesh, self._defaults)

    def conditions(self, host: Host) -> tuple[HttpMatch, ...]:
        """Every condition on HTTP by which any route object tells requests for a host apart."""
        return tuple(entry.match for bound in self.bounds(host) for entry in bound.http or ())

    def sees(self, client: Client, host: Host) -> bool | None:
        """Whether a client's sidecar knows a host: exported to its namespace, and imported by its Sidecar's egress.

        None where that cannot be told.
        """
        scope = self.scope(client)
        if not self._registry.exported_to(host, client.namespace):
            return False
        if scope.broken or self._scopes_unread:
            return None
        if scope.imports_all:
            return True
        return any(self._view(scope, each, client.namespace).sees(host) for each in scope.listeners)

    @property
    def places(self) -> Mapping[str, Any]:
        """What the mesh configuration says of places to prefer (`localityLbSetting`)."""
        return self._defaults.places

    def outbound_policy(self, client: Client) -> tuple[str, ObjectId | None]:
        """What a client's sidecar does with unknown hosts, and which object says so; None for Istio's default.

        An empty text where a Sidecar speaks that cannot be read.
        """
        scope = self.scope(client)
        if scope.broken:
            return "", scope.object
        if scope.outbound:
            return scope.outbound, scope.object
        return self._defaults.outbound, self._defaults.outbound_object

    def _told(self, route: Route, namespace: str, host: Host | None, *, sidecar: bool = False) -> Route:
        """The route, with what is doubtful about every one of its proxy and service."""
        doubt = self._doubt or (self._scopes_unread if sidecar else "")
        if not doubt and self._mesh.source.namespaces:
            asked = (namespace, host.namespace if host is not None else namespace)
            doubt = next((f"namespace {each} was not read" for each in asked if not self._mesh.covers(each)), "")
        return replace(route, unknown=doubt) if doubt and not route.unknown else route


def _undecided(scope: Scope) -> Route:
    return Route(RouteSource.DEFAULT, scope.object, unknown=scope.broken)


def _mesh_retries(defaults: MeshDefaults, version: IstioVersion) -> tuple[Retries, str]:
    own = default_retries(version)
    try:
        return retries(defaults.retries, "defaultHttpRetryPolicy", version) or own, ""
    except MalformedError as error:
        return own, f"{defaults.object or 'mesh configuration'}: {error}"


def _unread(mesh: Mesh, kinds: tuple[Kind[Any], ...]) -> str:
    missing = [kind.plural for kind in kinds if mesh.lacks(kind)]
    return f"not everything was read of {', '.join(missing)}" if missing else ""
