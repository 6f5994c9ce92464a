"""`Sidecar`: which hosts a pod's proxy knows, which routes it gets, and what it does with unknown hosts.

Source: pilot/pkg/model/sidecar.go, push_context.go (initSidecarScopes): those with a selector before those without,
the oldest first; the root namespace's for namespaces without any. Entries that open with `~` exclude, since 1.31.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import SIDECAR
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.routing.age import created
from sidestep.semantics.routing.hosts import Host, HostPort, overlap, within
from sidestep.semantics.routing.rule import Bound
from sidestep.semantics.trees import MalformedError, mapping, mappings, strings, text, whole
from sidestep.semantics.versions import IstioVersion

_ALL = "*"
_OWN = "."
_EXCLUDED = "~"
_PROXY = "HTTP_PROXY"
_ENDPOINTS = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - as an object writes them
_UNCAPTURED, _CAPTURED = "NONE", "IPTABLES"
TLS_ON_INGRESS = "ENABLE_TLS_ON_SIDECAR_INGRESS"
"""A switch of istiod's: off, where nobody says otherwise (pilot/pkg/features/experimental.go)."""
_WITHIN_TLS = {"HTTPS": "HTTP", "TLS": "TCP"}
UNSET_MODE = "REGISTRY_ONLY"
"""What a Sidecar's `outboundTrafficPolicy` without a mode means: the first value of the enumeration."""


class Listener(Struct, frozen=True):
    """One entry of `egress`.

    Attributes:
        port: 0 for all other ports.
        matches_port: hosts are known there by this port alone; not so for an explicit HTTP proxy.
        imported: hosts by namespace, `*` for all, `.` for the own one.
        excluded: likewise.
    """

    port: int = 0
    matches_port: bool = False
    imported: Mapping[str, tuple[str, ...]] = {}
    excluded: Mapping[str, tuple[str, ...]] = {}

    def imports(self, host: str, namespace: str, client: str) -> bool:
        """Whether a service comes in."""
        return not self._excludes(host, namespace, client) and any(
            within(host, wanted) for wanted in self._wanted(self.imported, namespace, client)
        )

    def imports_routes(self, bound: Bound, client: str) -> bool:
        """Whether an object with routes comes in: a VirtualService as soon as one of its hosts overlaps."""
        wanted = tuple(self._wanted(self.imported, bound.namespace, client))
        fits = within if bound.of_gateway_api else overlap
        return any(
            any(fits(host, each) for each in wanted) and not self._excludes(host, bound.namespace, client)
            for host in bound.hosts
        )

    def imports_namespace(self, namespace: str, client: str) -> bool | None:
        """Whether everything of a namespace comes in, or nothing; None where it depends on the host."""
        wanted = tuple(self._wanted(self.imported, namespace, client))
        if _ALL in wanted and not any(self._wanted(self.excluded, namespace, client)):
            return True
        return None if wanted else False

    def _excludes(self, host: str, namespace: str, client: str) -> bool:
        return any(within(host, each) for each in self._wanted(self.excluded, namespace, client))

    @staticmethod
    def _wanted(by_namespace: Mapping[str, tuple[str, ...]], namespace: str, client: str) -> Iterable[str]:
        yield from by_namespace.get(namespace, ())
        if namespace == client:
            yield from by_namespace.get(_OWN, ())
        yield from by_namespace.get(_ALL, ())


class Ingress(Struct, frozen=True):
    """One entry of `ingress`: how a pod's port is read, and where the application listens.

    Attributes:
        port: as it is dialled, with its protocol.
        endpoint: address and port of the application, none for where the connection was going; the unspecified
            address is the pod's own.
        refused: a `defaultEndpoint` that is none of these, as written: nothing is behind it.
        pool: how much the proxy asks of the application at once (`connectionPool`); empty for what the Sidecar says.
        capture: whether redirection leads there (`IPTABLES`), or the sidecar listens at the port itself (`NONE`); empty
            for as the pod does.
        ends_tls: it ends TLS of others, if PeerAuthentication is DISABLE at the port.
        ignored: fields that istiod does not heed, and why.
    """

    port: HostPort
    endpoint: tuple[str, int] | None = None
    refused: str = ""
    pool: Mapping[str, Any] = {}
    capture: str = ""
    ends_tls: bool = False
    ignored: tuple[tuple[str, str], ...] = ()

    def listens(self, *, redirected: bool) -> bool:
        """Whether the sidecar listens at the port itself: then who comes by redirection passes it twice, and the
        application cannot have the port at the same address.

        Args:
            redirected: anything is led to the sidecar.

        Source: pilot/pkg/networking/core/listener_inbound.go (getBindToPort).
        """
        return self.capture == _UNCAPTURED or (self.capture != _CAPTURED and not redirected)


class Scope(Struct, frozen=True, dict=True):
    """What a Sidecar says to the pods that it selects.

    Attributes:
        object: the Sidecar; None where none says anything.
        selector: of pods; None for all.
        listeners: in order; the one without a port comes last.
        outbound: mode for unknown hosts; empty for the mesh's.
        egress_proxy: host, port and subset to which unknown traffic is sent, as written.
        broken: why it cannot be told.
        ingress: ports of the pods in place of those that Services declare, where there are any.
        pool: of every port of the pods for which none is named (`inboundConnectionPool`).
    """

    object: ObjectId | None = None
    selector: Labels | None = None
    listeners: tuple[Listener, ...] = ()
    outbound: str = ""
    egress_proxy: tuple[str, int, str] | None = None
    broken: str = ""
    ingress: tuple[Ingress, ...] = ()
    pool: Mapping[str, Any] = {}

    def inbound_pool(self, port: int) -> tuple[Mapping[str, Any], str]:
        """Bounds of connections to the application at a port, and the field that says them; empty for none.

        Source: pilot/pkg/model/sidecar.go (InboundConnectionPoolForPort).
        """
        for number, each in enumerate(self.ingress):
            if each.port.number == port and each.pool:
                return each.pool, f"ingress[{number}].connectionPool"
        return self.pool, "inboundConnectionPool" if self.pool else ""

    @property
    def declared(self) -> dict[int, Ingress] | None:
        """Ports of the pods as it declares them, in place of their Services; None where it declares none."""
        return {each.port.number: each for each in self.ingress} or None

    def listener(self, port: int) -> Listener | None:
        """The entry that serves a port; None for none."""
        for each in self.listeners:
            if each.port in (0, port):
                return each
        return None

    def imports(self, host: Host, client: str) -> bool:
        """Whether a service comes in for pods of a namespace, on any port."""
        return any(each.imports(host.name, host.namespace, client) for each in self.listeners)

    def imports_namespace(self, namespace: str, client: str) -> bool | None:
        """Whether everything of a namespace comes in on some port, or nothing on any; None where hosts tell."""
        found = [each.imports_namespace(namespace, client) for each in self.listeners]
        if True in found:
            return True
        return None if None in found else False

    def imports_routes(self, bound: Bound, client: str) -> bool:
        """Whether an object with routes comes in for pods of a namespace, on any port."""
        return any(each.imports_routes(bound, client) for each in self.listeners)

    @property
    def imports_all(self) -> bool:
        """Whether it keeps nothing out."""
        return self.listeners == (_EVERYTHING,)


_EVERYTHING = Listener(imported={_ALL: (_ALL,)})
EVERYTHING = Scope(listeners=(_EVERYTHING,))
"""What pods know to which no Sidecar speaks."""


class Sidecars:
    """All Sidecars of a mesh.

    Args:
        mesh: of which.
        root: namespace whose object counts everywhere.
        version: of Istio.
        ends_tls: whether istiod heeds `tls` of ingress ports.
    """

    def __init__(self, mesh: Mesh, root: str, version: IstioVersion, *, ends_tls: bool = False) -> None:
        ordered = sorted(mesh.of(SIDECAR), key=_order)
        self._by_namespace: dict[str, list[Scope]] = {}
        self._root: Scope | None = None
        for resource in ordered:
            scope = _scope(resource, version, ends_tls=ends_tls)
            self._by_namespace.setdefault(resource.meta.namespace, []).append(scope)
            if resource.meta.namespace == root and scope.selector is None and self._root is None:
                self._root = scope

    def speaking(self, namespace: str, labels: Labels) -> Scope:
        """The scope of a pod."""
        for scope in self._by_namespace.get(namespace, ()):
            if scope.selector is None or scope.selector.items() <= labels.items():
                return scope
        return self._root or EVERYTHING


def _order(resource: Resource[Spec]) -> tuple[bool, str, str, str]:
    spec, meta = resource.view.spec or {}, resource.meta
    return spec.get("workloadSelector") is None, created(meta), meta.namespace, meta.name


def _scope(resource: Resource[Spec], version: IstioVersion, *, ends_tls: bool) -> Scope:
    spec = resource.view.spec or {}
    selector: Labels | None = None
    try:
        if spec.get("workloadSelector") is not None:
            wanted = mapping(mapping(spec["workloadSelector"], "workloadSelector").get("labels"), "labels")
            selector = {str(key): text(value, f"labels.{key}") for key, value in wanted.items()}
        listeners = tuple(_listener(each, version) for each in mappings(spec.get("egress"), "egress"))
        ingress = tuple(_ingress(each, ends_tls=ends_tls) for each in mappings(spec.get("ingress"), "ingress"))
        outbound, proxy = _outbound(spec)
        pool = mapping(spec.get("inboundConnectionPool"), "inboundConnectionPool")
    except MalformedError as error:
        return Scope(resource.id, selector, broken=f"{resource.id}: {error}")
    return Scope(resource.id, selector, listeners or (_EVERYTHING,), outbound, proxy, ingress=ingress, pool=pool)


def _ingress(tree: Mapping[str, Any], *, ends_tls: bool) -> Ingress:
    """Source: pilot/pkg/networking/core/listener_inbound.go (buildInboundChainConfigs), cluster.go."""
    declared = mapping(tree.get("port"), "ingress.port")
    number = whole(declared.get("number"), "ingress.port.number") or 0
    name, protocol = (text(declared.get(field), f"ingress.port.{field}") for field in ("name", "protocol"))
    pool = mapping(tree.get("connectionPool"), "ingress.connectionPool")
    capture, tls = text(tree.get("captureMode"), "ingress.captureMode"), bool(mapping(tree.get("tls"), "ingress.tls"))
    ignored = (("tls", f"istiod heeds it only with {TLS_ON_INGRESS}"),) if tls and not ends_tls else ()
    if tls and ends_tls:
        protocol = _WITHIN_TLS.get(protocol.upper(), protocol)
    endpoint, refused = _endpoint(text(tree.get("defaultEndpoint"), "ingress.defaultEndpoint"))
    port = HostPort(number, name, protocol)
    return Ingress(port, endpoint, refused, pool, capture, tls and ends_tls, ignored)


def _endpoint(written: str) -> tuple[tuple[str, int] | None, str]:
    """Address and port of the application, and what is none of them."""
    address, _, port = written.rpartition(":")
    if written and (address.strip("[]") not in _ENDPOINTS or not (port.isascii() and port.isdigit())):
        return None, written
    return ((address.strip("[]"), int(port)) if written else None), ""


def _outbound(spec: Mapping[str, Any]) -> tuple[str, tuple[str, int, str] | None]:
    if spec.get("outboundTrafficPolicy") is None:
        return "", None
    policy = mapping(spec["outboundTrafficPolicy"], "outboundTrafficPolicy")
    mode = text(policy.get("mode"), "outboundTrafficPolicy.mode") or UNSET_MODE
    if policy.get("egressProxy") is None:
        return mode, None
    proxy = mapping(policy["egressProxy"], "egressProxy")
    port = whole(mapping(proxy.get("port"), "egressProxy.port").get("number"), "egressProxy.port.number") or 0
    return mode, (text(proxy.get("host"), "egressProxy.host"), port, text(proxy.get("subset"), "egressProxy.subset"))


def _listener(tree: Mapping[str, Any], version: IstioVersion) -> Listener:
    port = mapping(tree.get("port"), "egress.port")
    number = whole(port.get("number"), "egress.port.number") or 0
    imported: dict[str, tuple[str, ...]] = {}
    excluded: dict[str, tuple[str, ...]] = {}
    for written in strings(tree.get("hosts"), "egress.hosts"):
        namespace, _, host = written.partition("/")
        if written.count("/") != 1:
            continue
        into = imported
        if namespace.startswith(_EXCLUDED) and version.since(1, 31):
            into, namespace = excluded, namespace[1:] or _ALL
        into[namespace] = (*into.get(namespace, ()), host)
    proxied = text(port.get("protocol"), "egress.port.protocol").upper() == _PROXY
    return Listener(number, bool(number) and not proxied, imported, excluded)
