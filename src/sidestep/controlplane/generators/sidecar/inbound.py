"""What reaches a pod with a sidecar: chains for each port, with certificates and without as PeerAuthentication says.

Source: pilot/pkg/networking/core/listener_inbound.go, istio-semantics.md §5.3. Who offers the mesh's mark shows a
certificate of it; policies on requests come by RDS, those on connections are filters of the chain.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from msgspec import Struct

from sidestep.controlplane.generators.http import hcm
from sidestep.controlplane.generators.http.authorization import Place
from sidestep.controlplane.generators.http.destinations import Speaks
from sidestep.controlplane.generators.http.filters import Duty, Enforced, enforced, http_filters
from sidestep.controlplane.generators.http.listening import ANY, PLAIN_HTTP, addresses, bytes_to, chain, inspectors
from sidestep.controlplane.generators.http.names import MARK_BYTES, MARK_HTTP
from sidestep.controlplane.generators.http.pools import HTTP_OPTIONS
from sidestep.controlplane.generators.http.streams import judged
from sidestep.controlplane.generators.http.telemetry import Reporter
from sidestep.controlplane.generators.http.tls import mutual_server
from sidestep.controlplane.generators.http.upstreams import ClusterFor
from sidestep.controlplane.generators.node.clusters import NOWHERE, UNBROKEN
from sidestep.controlplane.generators.node.messages import packed
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.controlplane.marks import MARK
from sidestep.semantics.authentication.peers import Levels, Mtls, effective
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.routing.hosts import HostPort

PORT = 15006
LISTENER = "virtualInbound"
PASSTHROUGH = "InboundPassthroughCluster"
OWN = ("127.0.0.6", "::6")
"""From which a sidecar speaks to its application, so that its connections are not redirected again."""
_TLS_HTTP = (MARK_HTTP, "h2", "http/1.1", "http/1.0")


class Port(Struct, frozen=True):
    """One port of a pod.

    Attributes:
        number: as the application listens; 0 for all that no service declares.
        speaks: what is declared.
        mode: what PeerAuthentication says.
        place: how it is learnt who the peer is: from its certificate, or from the tunnel that is left behind.
    """

    number: int
    speaks: Speaks
    mode: Mtls
    place: Place = Place.SIDECAR

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
    """All ports of which something is said, and the rest: the oldest Service in front of a port declares it."""
    levels = pod.mesh.peer_levels(pod.instances)
    declared: dict[int, HostPort] = {}
    for service in pod.mesh.in_front_of(pod.instances):
        host = pod.mesh.host(service)
        key = f"{service.namespace}/{service.host}"
        for each in pod.workload.services.get(key, ()):  # type: ignore[call-overload]
            port = host.port(each.service_port)
            if port is not None:
                declared.setdefault(each.target_port, port)
    numbers = [*declared, *(levels.workload.ports if levels.workload else ())]
    found = [Port(number, _speaks(declared.get(number)), _mode(levels, number)) for number in sorted({*numbers})]
    return [*(each for each in found if each.number != PORT), Port(0, Speaks.AS_CLIENT, _mode(levels, 0))]


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


def clusters(pod: Pod, found: Sequence[Port]) -> Iterator[Cluster]:
    """To the application, at the address that was dialled, in the declared version of HTTP."""
    del pod
    for port in found:
        made = Cluster(
            name=port.cluster,
            type="ORIGINAL_DST",
            lb_policy="CLUSTER_PROVIDED",
            connect_timeout=timedelta(seconds=10),
            circuit_breakers=UNBROKEN,
            upstream_bind_config={
                "source_address": {"address": OWN[0], "port_value": 0},
                "extra_source_addresses": [{"address": {"address": OWN[1], "port_value": 0}}],
                "socket_options": [
                    {"description": "mark", "level": 1, "name": 36, "int_value": MARK, "state": "STATE_PREBIND"}
                ],
            },
        )
        if port.speaks is not Speaks.BYTES:
            made.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(_OPTIONS[port.speaks]))
        yield made


def chains(pod: Pod, port: Port, cluster: ClusterFor) -> Iterator[FilterChain]:
    """Who shows a certificate, then who does not."""
    if port.mode is not Mtls.DISABLE:
        strict = port.mode is Mtls.STRICT
        server = mutual_server(pod.dialler)
        for name, read, offered in _offers(port.speaks, strict=strict):
            match = {**port.match, "transport_protocol": "tls", "application_protocols": offered}
            filters = _http(pod, port, cluster) if read else _stream(pod, port)
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
    plain = _http(pod, port, cluster) if _is_http(port.speaks) else _stream(pod, port)
    yield chain(f"{port.cluster}|plain", plain, {**port.match, **raw})
    if raw:
        yield chain(f"{port.cluster}|own-tls", _stream(pod, port), {**port.match, "transport_protocol": "tls"})


def _offers(speaks: Speaks, *, strict: bool) -> list[tuple[str, bool, Sequence[str]]]:
    """What clients offer, and whether it is HTTP; where only certificates count, also without the mesh's mark."""
    if speaks is Speaks.AS_CLIENT:
        http = _TLS_HTTP if strict else (MARK_HTTP,)
        return [("http", True, http), ("bytes", False, () if strict else (MARK_BYTES,))]
    read = _is_http(speaks)
    return [("http" if read else "bytes", read, () if strict else (MARK_BYTES, MARK_HTTP))]


def _http(pod: Pod, port: Port, cluster: ClusterFor) -> list[Filter]:
    filters = http_filters(frozenset({Duty.GUARD}), pod.authorizers.values(), cluster)
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


def _stream(pod: Pod, port: Port) -> list[Filter]:
    policies = pod.mesh.sidecar_policies(pod.instances, Chain.TCP)
    return [*judged(policies, port.place, pod.authorizers), bytes_to(port.cluster, {port.cluster: 1}, pod.logs)]


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


AS_CLIENT = HttpProtocolOptions(
    use_downstream_protocol_config={"http_protocol_options": {}, "http2_protocol_options": {}}
)
_OPTIONS = {
    Speaks.HTTP1: HttpProtocolOptions(explicit_http_config={"http_protocol_options": {}}),
    Speaks.HTTP2: HttpProtocolOptions(explicit_http_config={"http2_protocol_options": {}}),
    Speaks.AS_CLIENT: AS_CLIENT,
}
