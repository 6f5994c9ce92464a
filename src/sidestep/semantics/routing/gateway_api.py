"""Routes of the Gateway API as Istio binds them: to Services and ServiceEntries in the mesh, and to Gateways.

Source: pilot/pkg/config/kube/gateway/route_collections.go: all routes of one namespace for one host (and port of the
parent, where one is named) are one object, sorted by specificity; before 1.30, and since 1.26, HTTPRoutes and
GRPCRoutes apart. TCPRoutes are read since 1.31 and TLSRoutes since 1.30, before only where istiod is told to.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import GRPC_ROUTE, HTTP_ROUTE, SERVICE_ENTRY, TCP_ROUTE, TLS_ROUTE, Kind
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.routing.age import created
from sidestep.semantics.routing.defaults import MeshDefaults
from sidestep.semantics.routing.exports import exports
from sidestep.semantics.routing.gateway_api_backends import RouteContext, grants_of
from sidestep.semantics.routing.gateway_api_http import RankedEntry, refusal, route_entries
from sidestep.semantics.routing.gateway_api_match import on_port
from sidestep.semantics.routing.gateway_api_streams import ALPHA_SINCE, stream_entries, unread_entry
from sidestep.semantics.routing.hosts import MESH, Host, service_host
from sidestep.semantics.routing.rule import Bound, HttpEntry, StreamKind
from sidestep.semantics.routing.servers import Server, allowed_hosts
from sidestep.semantics.trees import MalformedError, mappings, strings, text, whole
from sidestep.semantics.versions import IstioVersion

_GATEWAY_API = "gateway.networking.k8s.io"
_ISTIO = "networking.istio.io"

_Key = tuple[str, str, int, str, str]
"""Kind (where kinds stay apart), namespace, port of the parent, gateway, host."""


class _Parent(Struct, frozen=True):
    """One thing that a route is bound to.

    Attributes:
        gateway: `mesh`, or the name of a Gateway's listener.
        hosts: on it.
        port: of a Service, where one is named; 0 for all.
    """

    gateway: str
    hosts: tuple[str, ...]
    port: int = 0


class _Part(Struct, frozen=True):
    """What one route object adds to an object in force."""

    age: tuple[str, str, str, str]
    object: ObjectId
    entries: tuple[RankedEntry, ...]


class _Same:
    """Stands for an object in the key of what is kept: only the very same object is equal."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.thing is other.thing


@lru_cache(maxsize=8192)
def _read_once(resource: _Same, hosts: _Same, kind: str, domain: str, version: IstioVersion) -> tuple[RankedEntry, ...]:
    """The rules of a route in the mesh, read once for all meshes that share the route and the services."""
    of: Resource[Spec] = resource.thing
    context = RouteContext(of.id, of.meta.namespace, kind, hosts.thing, domain, version)
    return tuple(route_entries(of.view.spec or {}, context))


class GatewayApi(Struct, frozen=True):
    """Everything that the compilation of these routes looks up."""

    mesh: Mesh
    hosts: Mapping[str, Host]
    servers: Mapping[str, tuple[Server, ...]]
    defaults: MeshDefaults
    version: IstioVersion

    def bounds(self) -> list[Bound]:
        """All routes, in no order."""
        return [*self._http(), *self._streams(TCP_ROUTE, StreamKind.TCP), *self._streams(TLS_ROUTE, StreamKind.TLS)]

    def refused(self) -> Iterator[tuple[ObjectId, str]]:
        """Routes on HTTP that count for nothing, because Istio does not carry out one of their fields; and which."""
        for resource in (*self.mesh.of(HTTP_ROUTE), *self.mesh.of(GRPC_ROUTE)):
            space, domain = resource.meta.namespace, self.defaults.domain
            context = RouteContext(resource.id, space, resource.kind, self.hosts, domain, self.version)
            why = refusal(resource.view.spec or {}, context)
            if why:
                yield resource.id, why

    def _http(self) -> Iterator[Bound]:
        parts: dict[_Key, list[_Part]] = {}
        grants = grants_of(self.mesh)
        for kind in (HTTP_ROUTE, GRPC_ROUTE):
            for resource in self.mesh.of(kind):
                meshed = RouteContext(
                    resource.id, resource.meta.namespace, kind.name, self.hosts, self.defaults.domain, self.version
                )
                at_gateways = RouteContext(
                    resource.id,
                    resource.meta.namespace,
                    kind.name,
                    self.hosts,
                    self.defaults.domain,
                    self.version,
                    grants,
                )
                try:
                    parents = self._parents(resource)
                except MalformedError as error:
                    yield _broken(resource, error)
                    continue
                for parent in parents:
                    context = meshed if parent.gateway == MESH else at_gateways
                    self._collect(resource, kind, parent, context, parts)
        for key, found in parts.items():
            yield self._merged(key, found)

    def _collect(
        self,
        resource: Resource[Spec],
        kind: Kind[Spec],
        parent: _Parent,
        context: RouteContext,
        parts: dict[_Key, list[_Part]],
    ) -> None:
        if parent.gateway == MESH:
            entries = list(
                _read_once(_Same(resource), _Same(self.hosts), context.kind, self.defaults.domain, self.version)
            )
        else:
            entries = route_entries(resource.view.spec or {}, context)
        if parent.port:
            entries = [RankedEntry(each.rule, on_port(each.ranked, parent.port)) for each in entries]
        if not entries:
            return
        entries.sort(key=lambda each: each.ranked.rank)
        apart = kind.name if self.version.since(1, 26) and not self.version.since(1, 30) else ""
        late = kind.name if not self.version.since(1, 26) else ""
        meta = resource.meta
        age = ("1" if late == GRPC_ROUTE.name else "", created(meta), meta.namespace, meta.name)
        for host in parent.hosts:
            where = meta.namespace if parent.gateway == MESH else ""
            key = (apart, where, parent.port, parent.gateway, host)
            parts.setdefault(key, []).append(_Part(age, resource.id, tuple(entries)))

    def _merged(self, key: _Key, parts: list[_Part]) -> Bound:
        """The object in force of all routes for one host."""
        kind, namespace, port, gateway, host = key
        ordered = sorted(parts, key=lambda part: part.age)
        entries = [entry for part in ordered for entry in part.entries]
        entries.sort(key=lambda each: each.ranked.rank)
        first = ordered[0]
        name = "~".join(part for part in (gateway, namespace, str(port or ""), host, kind) if part)
        return Bound(
            (first.age[1], name, first.object.namespace),
            first.object.namespace,
            first.object,
            (host,),
            frozenset({gateway}),
            self._exported(first.object.namespace),
            of_gateway_api=True,
            compiled=lambda: tuple(HttpEntry(each.rule, each.ranked.match) for each in entries),
        )

    def _streams(self, kind: Kind[Spec], stream: StreamKind) -> Iterator[Bound]:
        if not self._reads(kind):
            return
        for resource in self.mesh.of(kind):
            try:
                parents = [parent for parent in self._parents(resource) if parent.gateway == MESH]
            except MalformedError as error:
                yield _broken(resource, error)
                continue
            pairs = [(each, name) for each in parents for name in each.hosts]
            for count, (parent, host) in enumerate(pairs):
                yield self._stream(resource, stream, parent, host, count)

    def _stream(self, resource: Resource[Spec], stream: StreamKind, parent: _Parent, host: str, count: int) -> Bound:
        meta = resource.meta
        context = RouteContext(
            resource.id, meta.namespace, resource.kind, self.hosts, self.defaults.domain, self.version
        )
        if self._certain(stream):
            entries = tuple(stream_entries(resource.view.spec or {}, stream, parent.port, host, context))
        else:
            entries = (unread_entry(stream, context),)
        return Bound(
            (created(meta), f"{meta.name}~{stream.value}~{count}", meta.namespace),
            meta.namespace,
            resource.id,
            (host,),
            frozenset({MESH}),
            self._exported(meta.namespace),
            of_gateway_api=True,
            tcp=entries if stream is StreamKind.TCP else (),
            tls=entries if stream is StreamKind.TLS else (),
        )

    def _reads(self, kind: Kind[Spec]) -> bool:
        stream = StreamKind.TCP if kind is TCP_ROUTE else StreamKind.TLS
        return self.version.since(*ALPHA_SINCE[stream]) or self.defaults.alpha_routes is not False

    def _certain(self, stream: StreamKind) -> bool:
        return self.version.since(*ALPHA_SINCE[stream]) or self.defaults.alpha_routes is True

    def _exported(self, namespace: str) -> frozenset[str]:
        return exports((), self.defaults.virtual_service_export_to, namespace)

    def _parents(self, resource: Resource[Spec]) -> list[_Parent]:
        """What a route is bound to; a Service that does not exist accepts nothing."""
        spec = resource.view.spec or {}
        found: list[_Parent] = []
        for at, ref in enumerate(mappings(spec.get("parentRefs"), "parentRefs")):
            field = f"parentRefs[{at}]"
            group = _GATEWAY_API if ref.get("group") is None else text(ref["group"], f"{field}.group")
            kind = text(ref.get("kind"), f"{field}.kind") or "Gateway"
            name = text(ref.get("name"), f"{field}.name")
            namespace = text(ref.get("namespace"), f"{field}.namespace") or resource.meta.namespace
            port = whole(ref.get("port"), f"{field}.port") or 0
            if kind == "Service" and group in ("", "core"):
                host = service_host(name, namespace, self.defaults.domain)
                found += [_Parent(MESH, (host,), port)] if host in self.hosts else []
            elif kind == "ServiceEntry" and group == _ISTIO:
                found += [_Parent(MESH, self._entry_hosts(namespace, name), port)]
            elif kind == "Gateway" and group == _GATEWAY_API:
                section = text(ref.get("sectionName"), f"{field}.sectionName")
                found += self._listeners(resource, f"{namespace}/{name}", section, port)
        return found

    def _entry_hosts(self, namespace: str, name: str) -> tuple[str, ...]:
        entry = self.mesh.find(SERVICE_ENTRY, namespace, name)
        return strings((entry.view.spec or {}).get("hosts"), "hosts") if entry is not None else ()

    def _listeners(self, resource: Resource[Spec], gateway: str, section: str, port: int) -> Iterable[_Parent]:
        servers = self.servers.get(gateway, ())
        names = strings((resource.view.spec or {}).get("hostnames"), "hostnames") or ("*",)
        for server in servers:
            if (section in ("", server.section)) and port in (0, server.port) and server.admits(resource.kind):
                hosts = allowed_hosts(names, server, servers, resource.meta.namespace)
                if hosts:
                    yield _Parent(server.name, hosts)


def _broken(resource: Resource[Any], error: MalformedError) -> Bound:
    meta = resource.meta
    order = (created(meta), meta.name, meta.namespace)
    return Bound(order, meta.namespace, resource.id, of_gateway_api=True, broken=f"{resource.id}: {error}")
