"""What reaches a pod with a sidecar: chains for each port, with certificates and without as PeerAuthentication says.

Source: pilot/pkg/networking/core/listener_inbound.go, istio-semantics.md §5.3. Who offers the mesh's mark shows a
certificate of it; policies on requests come by RDS, those on connections are filters of the chain.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from msgspec import Struct
from msgspec.structs import replace

from sidestep.controlplane.generators.http import hcm
from sidestep.controlplane.generators.http.authorization import Place
from sidestep.controlplane.generators.http.destinations import Speaks
from sidestep.controlplane.generators.http.filters import Duty, Enforced, enforced, http_filters
from sidestep.controlplane.generators.http.listening import ANY, PLAIN_HTTP, addresses, bytes_to, chain, inspectors
from sidestep.controlplane.generators.http.names import MARK_BYTES, MARK_HTTP
from sidestep.controlplane.generators.http.remarks import Remark
from sidestep.controlplane.generators.http.streams import judged
from sidestep.controlplane.generators.http.telemetry import Reporter
from sidestep.controlplane.generators.http.tls import mutual_server
from sidestep.controlplane.generators.http.upstreams import ClusterFor
from sidestep.controlplane.generators.node.clusters import NOWHERE
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.model.metadata import ObjectId
from sidestep.semantics.authentication.peers import Levels, Mtls, effective
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.fronts import fronts
from sidestep.semantics.loose import as_dict
from sidestep.semantics.routing.hosts import Client, HostPort
from sidestep.semantics.routing.reach import destined
from sidestep.semantics.routing.rule import Target
from sidestep.semantics.routing.sidecars import Ingress, Scope
from sidestep.semantics.service_index import Service

PORT = 15006
LISTENER = "virtualInbound"
PASSTHROUGH = "InboundPassthroughCluster"
_POOL = "trafficPolicy.connectionPool"
_SHOWN = 60
_NOBODY = "127.0.0.2"
_TLS_HTTP = (MARK_HTTP, "h2", "http/1.1", "http/1.0")


class Port(Struct, frozen=True):
    """One port of a pod.

    Attributes:
        number: as the application listens; 0 for all that no service declares.
        speaks: what is declared.
        mode: what PeerAuthentication says.
        place: how it is learnt who the peer is: from its certificate, or from the tunnel that is left behind.
        endpoint: where the application listens, if not where the connection was going.
        pool: how much at once, as a Sidecar or a DestinationRule says (`connectionPool`).
        pool_of: which of them.
        pool_at: in which of its fields.
    """

    number: int
    speaks: Speaks
    mode: Mtls
    place: Place = Place.SIDECAR
    endpoint: tuple[str, int] | None = None
    pool: Mapping[str, Any] = {}
    pool_of: ObjectId | None = None
    pool_at: str = ""

    @property
    def cluster(self) -> str:
        """Leads to the application."""
        return f"inbound|{self.number}||" if self.number else PASSTHROUGH

    @property
    def routes(self) -> str:
        """Name of what is enforced on its requests."""
        return self.cluster if self.place is Place.SIDECAR else f"tunnelled|{self.cluster}"

    @property
    def match(self) -> dict[str, Any]:
        """Connections to it."""
        return {"destination_port": {"value": self.number}} if self.number else {}


def ports(pod: Pod) -> list[Port]:
    """All ports of which something is said, and the rest."""
    levels = pod.mesh.peer_levels(pod.instances)
    scope, fronts = pod.mesh.routing.scope(pod.client), _fronts(pod)
    own = scope.declared
    declared = {number: port for number, (_, port) in fronts.items()}
    if own is not None:
        declared = {number: each.port for number, each in own.items()}
    numbers = {*declared, *(levels.workload.ports if levels.workload else ())} - {PORT}
    rest = Port(0, Speaks.AS_CLIENT, _mode(levels, 0))
    return [
        *(
            _pooled(
                pod,
                Port(
                    number,
                    _speaks(declared.get(number)),
                    _mode(levels, number),
                    endpoint=_endpoint(pod, (own or {}).get(number)),
                ),
                scope,
                fronts.get(number),
            )
            for number in sorted(numbers)
        ),
        rest,
    ]


def left_out(pod: Pod) -> Iterator[Remark]:
    """What of a Sidecar's ports the pod's proxy is not told."""
    scope, levels = pod.mesh.routing.scope(pod.client), pod.mesh.peer_levels(pod.instances)
    for number, each in enumerate(scope.ingress):
        if each.refused:
            expected = "expected 127.0.0.1, 0.0.0.0, ::1 or :: and a port"
            why = f"{expected}, found {each.refused[:_SHOWN]!r}: nobody is behind it"
            yield Remark(scope.object, f"ingress[{number}].defaultEndpoint", why)
        if each.listens(redirected=True):
            why = "the lab's sidecar is led what comes, and does not listen at the port itself: say IPTABLES for that"
            yield Remark(scope.object, f"ingress[{number}].captureMode", why)
        if each.ends_tls and _mode(levels, each.port.number) is Mtls.DISABLE:
            why = "the lab's sidecar ends no TLS of others: give the application the certificate, or a gateway"
            yield Remark(scope.object, f"ingress[{number}].tls", why)
        yield from (Remark(scope.object, f"ingress[{number}].{field}", why) for field, why in each.ignored)


def _pooled(pod: Pod, port: Port, scope: Scope, front: tuple[Service, HostPort] | None) -> Port:
    """With what its Sidecar asks of connections to the application, or else a DestinationRule of its Service, whose
    selector of clients counts for nobody here.

    Source: pilot/pkg/networking/core/cluster_builder.go (buildInboundCluster).
    """
    pool, place = scope.inbound_pool(port.number)
    if pool:
        return replace(port, pool=pool, pool_of=scope.object, pool_at=place)
    if front is None:
        return port
    service, own = front
    reach = pod.mesh.routing.reach(Client(pod.client.namespace, {}))
    found = destined(Target(service.host, own.number), own.number, reach)
    pool = as_dict(found.settings.get("connectionPool")) if found is not None else {}
    return replace(port, pool=pool, pool_of=found.object, pool_at=_POOL) if found is not None and pool else port


def _endpoint(pod: Pod, ingress: Ingress | None) -> tuple[str, int] | None:
    """The unspecified address is the pod's own; behind what cannot be read nobody listens."""
    if ingress is None or (ingress.endpoint is None and not ingress.refused):
        return None
    address, port = ingress.endpoint or (_NOBODY, 1)
    if not ip_address(address).is_unspecified:
        return address, port
    version = ip_address(address).version
    return next((each for each in pod.workload.addresses if ip_address(each).version == version), _NOBODY), port


def _fronts(pod: Pod) -> dict[int, tuple[Service, HostPort]]:
    """The oldest service in front of a port declares it."""
    found: dict[int, tuple[Service, HostPort]] = {}
    for service, declared, number in fronts(pod.mesh.in_front_of(pod.instances), pod.instances):
        port = pod.mesh.host(service).port(declared.number)
        if port is not None:
            found.setdefault(number, (service, port))
    return found


def listener(pod: Pod, found: Sequence[Port], cluster: ClusterFor) -> Listener:
    """The listener of a pod."""
    http = [each.number for each in found if each.number and each.speaks is not Speaks.AS_CLIENT]
    tls = [each.number for each in found if each.number and each.mode is Mtls.DISABLE]
    itself = chain("blackhole", [bytes_to("blackhole", {NOWHERE: 1})], {"destination_port": {"value": PORT}})
    return Listener(
        name=LISTENER,
        traffic_direction="INBOUND",
        listener_filters_timeout=timedelta(0),
        listener_filters=inspectors(tls, http),
        filter_chains=[itself, *(each for port in found for each in chains(pod, port, cluster))],
        **addresses(PORT, ANY),
    )


def routes(pod: Pod, port: Port) -> RouteConfiguration:
    """What is enforced on requests to a port, which then go to the application."""
    policies = pod.mesh.sidecar_policies(pod.instances, Chain.HTTP)
    what = Enforced(policies, pod.mesh.sidecar_request_policies(pod.instances))
    host = VirtualHost(
        name=f"inbound|http|{port.number}",
        domains=["*"],
        routes=[
            {
                "name": "default",
                "match": {"prefix": "/"},
                "route": {"cluster": port.cluster, "timeout": timedelta(0)},
            }
        ],
        typed_per_filter_config=enforced(what, port.place, pod.authorizers, several=pod.several),
    )
    return RouteConfiguration(name=port.routes, virtual_hosts=[host], validate_clusters={"value": False})


def chains(pod: Pod, port: Port, cluster: ClusterFor) -> Iterator[FilterChain]:
    """Who shows a certificate, then who does not."""
    if port.mode is not Mtls.DISABLE:
        strict = port.mode is Mtls.STRICT
        server = mutual_server(pod.dialler)
        for name, read, offered in _offers(port.speaks, strict=strict):
            match = {**port.match, "transport_protocol": "tls", "application_protocols": offered}
            filters = _http(pod, port, cluster) if read else _stream(pod, port, cluster)
            yield chain(f"{port.cluster}|{name}|tls", filters, match, transport_socket=server)
    if port.mode is Mtls.STRICT:
        return
    raw = {} if port.mode is Mtls.DISABLE else {"transport_protocol": "raw_buffer"}
    if port.speaks is Speaks.AS_CLIENT:
        yield chain(
            f"{port.cluster}|http",
            _http(pod, port, cluster),
            {**port.match, **raw, "application_protocols": PLAIN_HTTP},
        )
    plain = _http(pod, port, cluster) if _is_http(port.speaks) else _stream(pod, port, cluster)
    yield chain(f"{port.cluster}|plain", plain, {**port.match, **raw})
    if raw:
        yield chain(f"{port.cluster}|own-tls", _stream(pod, port, cluster), {**port.match, "transport_protocol": "tls"})


def _offers(speaks: Speaks, *, strict: bool) -> list[tuple[str, bool, Sequence[str]]]:
    """What clients offer, and whether it is HTTP; where only certificates count, also without the mesh's mark."""
    if speaks is Speaks.AS_CLIENT:
        http = _TLS_HTTP if strict else (MARK_HTTP,)
        return [("http", True, http), ("bytes", False, () if strict else (MARK_BYTES,))]
    read = _is_http(speaks)
    return [("http" if read else "bytes", read, () if strict else (MARK_BYTES, MARK_HTTP))]


def _http(pod: Pod, port: Port, cluster: ClusterFor) -> list[Filter]:
    filters = http_filters(frozenset({Duty.GUARD}), pod.named_authorizers, cluster)
    seen = pod.watched(Reporter.DESTINATION, cluster)
    return [
        hcm.manager(
            f"inbound_{port.number or 'any'}",
            port.routes,
            hcm.Side.SERVER if port.place is Place.SIDECAR else hcm.Side.WITHIN,
            filters,
            paths=pod.mesh.settings.normalisation,
            logs=seen.logs,
            tracing=seen.tracing,
        )
    ]


def _stream(pod: Pod, port: Port, cluster: ClusterFor) -> list[Filter]:
    policies = pod.mesh.sidecar_policies(pod.instances, Chain.TCP)
    copied = bytes_to(port.cluster, {port.cluster: 1}, pod.logs(Reporter.DESTINATION))
    return [*judged(policies, port.place, pod.authorizers, cluster, several=pod.several), copied]


def _speaks(port: HostPort | None) -> Speaks:
    if port is None or port.is_sniffed:
        return Speaks.AS_CLIENT
    if not port.is_http:
        return Speaks.BYTES
    return Speaks.HTTP2 if port.is_grpc or port.protocol.lower() == "http2" else Speaks.HTTP1


def _is_http(speaks: Speaks) -> bool:
    return speaks in (Speaks.HTTP1, Speaks.HTTP2)


def _mode(levels: Levels, port: int) -> Mtls:
    """What cannot be read lets in whom Istio's default does."""
    return Mtls.PERMISSIVE if levels.broken else effective(levels, port).mode
