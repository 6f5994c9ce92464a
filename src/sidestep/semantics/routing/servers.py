"""Listeners of Gateways, of both APIs: ports, and which hosts of which namespaces they take.

Source: pilot/pkg/networking/core/gateway.go; pilot/pkg/config/kube/gateway/conversion.go (buildListener,
hostnameAllowedByIsolation).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.kinds import GATEWAY, ISTIO_GATEWAY, NAMESPACE, Kind
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.model.views.apps import LabelSelector
from sidestep.model.views.core import Spec
from sidestep.semantics.routing.hosts import is_wildcard, overlap, within
from sidestep.semantics.selectors import selects
from sidestep.semantics.trees import MalformedError, flag, mapping, mappings, strings, text, whole

_ANY = "*"
_OWN = "."
_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTPS"})
_PASSED_ON = ("PASSTHROUGH", "AUTO_PASSTHROUGH")
_HTTP_KINDS = ("HTTPRoute", "GRPCRoute")
_KINDS: tuple[Kind[Spec], ...] = (ISTIO_GATEWAY, GATEWAY)


class Server(Struct, frozen=True):
    """One listener.

    Attributes:
        name: what routes are bound to: the Gateway, and for the Gateway API its listener.
        section: name of a listener of the Gateway API.
        port: on which it listens.
        protocol: as written.
        hosts: `namespace/host`, or a host for all namespaces.
        tls: it terminates TLS.
        to_https: plain requests are told to come back by HTTPS.
        hostname: of a listener of the Gateway API; empty for any.
        kinds: of routes that it takes; empty for those of its protocol.
        mode: of TLS, as written: SIMPLE, MUTUAL, PASSTHROUGH, ISTIO_MUTUAL, Terminate …
        credentials: Secrets with its certificates, as `namespace/name`; of a Gateway of Istio's API as it is written.
    """

    name: str
    port: int
    protocol: str
    hosts: tuple[str, ...]
    section: str = ""
    tls: bool = False
    to_https: bool = False
    hostname: str = ""
    kinds: tuple[str, ...] = ()
    mode: str = ""
    credentials: tuple[str, ...] = ()

    @property
    def reads_http(self) -> bool:
        """Whether it reads HTTP, in TLS or without."""
        return self.protocol in _HTTP and not self.passes_on

    @property
    def passes_on(self) -> bool:
        """Whether TLS goes through it to who is behind."""
        return self.mode.upper() in _PASSED_ON

    @property
    def words(self) -> str:
        """All of it that tells it from others, for people."""
        tls = f", TLS {self.mode}" if self.mode else ""
        https = ", redirecting to HTTPS" if self.to_https else ""
        return f"{self.name} ({self.protocol} on {self.port}{tls}{https}, for {', '.join(self.hosts)})"

    def hosts_for(self, namespace: str) -> list[str]:
        """Hosts that routes of a namespace may take."""
        split = (each.rpartition("/") for each in self.hosts)
        return [host.lower() for where, _, host in split if where in ("", _ANY, namespace)]

    def admits(self, kind: str) -> bool:
        """Whether it takes a kind of route."""
        return kind in (self.kinds or _HTTP_KINDS)


class Gateways(Struct, frozen=True):
    """All listeners by Gateway (`namespace/name`), and why those of some cannot be told."""

    servers: Mapping[str, tuple[Server, ...]]
    broken: Mapping[str, str]


def gateways_of(mesh: Mesh) -> Gateways:
    """The Gateways of both APIs; two of one name are one."""
    return _read((resource for kind in _KINDS for resource in mesh.of(kind)), mesh)


def gateways_beside(known: Gateways, mesh: Mesh, names: Collection[tuple[str, str]]) -> Gateways:
    """The same of a mesh in which some are others, by namespace and name."""
    named = (mesh.find(kind, *each) for each in names for kind in _KINDS)
    new = _read((each for each in named if each is not None), mesh)
    servers, broken = dict(known.servers), dict(known.broken)
    for namespace, name in names:
        servers.pop(f"{namespace}/{name}", None)
        broken.pop(f"{namespace}/{name}", None)
    return Gateways({**servers, **new.servers}, {**broken, **new.broken})


def _read(resources: Iterable[Resource[Spec]], mesh: Mesh) -> Gateways:
    servers: dict[str, tuple[Server, ...]] = {}
    broken: dict[str, str] = {}
    for resource in resources:
        name = f"{resource.meta.namespace}/{resource.meta.name}"
        of_istio = resource.api_version.startswith(f"{ISTIO_GATEWAY.group}/")
        try:
            found = _istio(resource, name) if of_istio else _listeners(resource, name, mesh)
        except MalformedError as error:
            broken[name] = f"{resource.id}: {error}"
            continue
        servers[name] = (*servers.get(name, ()), *found)
    return Gateways(servers, broken)


def _istio(resource: Resource[Spec], name: str) -> tuple[Server, ...]:
    found = []
    for at, tree in enumerate(mappings((resource.view.spec or {}).get("servers"), "servers")):
        field = f"servers[{at}]"
        port = mapping(tree.get("port"), f"{field}.port")
        hosts = [_in_full(host, resource.meta.namespace) for host in strings(tree.get("hosts"), f"{field}.hosts")]
        tls = mapping(tree.get("tls"), f"{field}.tls")
        to_https = bool(flag(tls.get("httpsRedirect"), f"{field}.tls.httpsRedirect"))
        number = whole(port.get("number"), f"{field}.port.number") or 0
        protocol = text(port.get("protocol"), f"{field}.port.protocol").upper()
        mode = text(tls.get("mode"), f"{field}.tls.mode")
        found.append(
            Server(
                name,
                number,
                protocol,
                tuple(hosts),
                tls=protocol in ("HTTPS", "TLS"),
                to_https=to_https,
                mode=mode,
                credentials=_named(tls, field),
            )
        )
    return tuple(found)


def _in_full(host: str, namespace: str) -> str:
    where, slash, name = host.partition("/")
    return f"{namespace}/{name}" if slash and where == _OWN else host


def _listeners(resource: Resource[Spec], name: str, mesh: Mesh) -> tuple[Server, ...]:
    found = []
    for at, tree in enumerate(mappings((resource.view.spec or {}).get("listeners"), "listeners")):
        field = f"listeners[{at}]"
        section = text(tree.get("name"), f"{field}.name")
        hostname = text(tree.get("hostname"), f"{field}.hostname").lower()
        protocol = text(tree.get("protocol"), f"{field}.protocol").upper()
        allowed = mapping(tree.get("allowedRoutes"), f"{field}.allowedRoutes")
        spaces = _namespaces(mapping(allowed.get("namespaces"), f"{field}.allowedRoutes.namespaces"), resource, mesh)
        kinds = mappings(allowed.get("kinds"), f"{field}.allowedRoutes.kinds")
        found.append(
            Server(
                f"{name}~{section}",
                whole(tree.get("port"), f"{field}.port") or 0,
                protocol,
                tuple(f"{space}/{hostname or _ANY}" for space in spaces),
                section,
                protocol in ("HTTPS", "TLS"),
                hostname=hostname,
                kinds=tuple(text(kind.get("kind"), f"{field}.allowedRoutes.kinds") for kind in kinds),
                mode=text(mapping(tree.get("tls"), f"{field}.tls").get("mode"), f"{field}.tls.mode"),
                credentials=_referred(mapping(tree.get("tls"), f"{field}.tls"), resource.meta.namespace, field),
            )
        )
    return tuple(found)


def _named(tls: Mapping[str, Any], field: str) -> tuple[str, ...]:
    one, several = text(tls.get("credentialName"), f"{field}.tls.credentialName"), f"{field}.tls.credentialNames"
    return (one,) if one else strings(tls.get("credentialNames"), several)


def _referred(tls: Mapping[str, Any], namespace: str, field: str) -> tuple[str, ...]:
    place = f"{field}.tls.certificateRefs"
    return tuple(
        f"{text(each.get('namespace'), place) or namespace}/{text(each.get('name'), place)}"
        for each in mappings(tls.get("certificateRefs"), place)
    )


def _namespaces(tree: Mapping[str, Any], resource: Resource[Spec], mesh: Mesh) -> tuple[str, ...]:
    """Namespaces whose routes a listener takes: its own unless told otherwise."""
    whose = text(tree.get("from"), "allowedRoutes.namespaces.from") or "Same"
    if whose == "All":
        return (_ANY,)
    if whose == "Same":
        return (resource.meta.namespace,)
    if whose != "Selector":
        return ()
    if tree.get("selector") is None:
        return (_ANY,)
    try:
        selector = msgspec.convert(tree["selector"], LabelSelector)
    except msgspec.ValidationError as error:
        raise MalformedError(f"allowedRoutes.namespaces.selector: {error}") from error
    return tuple(each.meta.name for each in mesh.of(NAMESPACE) if selects(selector, each.meta.labels))


def allowed_hosts(
    names: tuple[str, ...], server: Server, servers: tuple[Server, ...], namespace: str
) -> tuple[str, ...]:
    """The hosts of a route that a listener takes, and that no listener beside it takes more exactly."""
    own = server.hosts_for(namespace)
    beside = [
        other.hostname
        for other in servers
        if other.port == server.port and other.protocol == server.protocol and other.hostname != server.hostname
    ]
    lowered = [name.lower() for name in names]
    if not any(overlap(name, host) for name in lowered for host in own):
        return ()
    return tuple(name for name in lowered if _isolated(name, server.hostname, beside))


def _isolated(name: str, own: str, beside: list[str]) -> bool:
    if own and not is_wildcard(own):
        return True
    if own and not overlap(name, own):
        return False
    return not any(len(own) <= len(other) and within(name, other) for other in beside)
