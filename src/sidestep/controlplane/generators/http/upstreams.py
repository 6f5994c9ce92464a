"""Whom proxies ask on their own account: external authorizers, and servers of keys.

A service that the mesh knows is asked through its own cluster, with the mesh's TLS; everything else by name.
"""

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.extensions.network.dns_resolver.cares.v3.cares_dns_resolver_pb2 import CaresDnsResolverConfig
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from google.protobuf.duration_pb2 import Duration
from msgspec import Struct

from sidestep.controlplane.generators.node.messages import dialled, extension, packed
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.extension_providers import Authorizer, Speech
from sidestep.semantics.span_exporters import Exporter

_PORTS = {"http": 80, "https": 443}
_DNS = 53
_CONNECT = Duration(seconds=5)
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_HTTP2 = HttpProtocolOptions(explicit_http_config={"http2_protocol_options": {}})
_SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"


class Upstream(Struct, frozen=True, order=True):
    """One of them.

    Attributes:
        host: name, or an address.
        port: that is dialled.
        tls: it has a certificate of its own, which the system's roots vouch for.
        http2: it speaks gRPC.
    """

    host: str
    port: int
    tls: bool = False
    http2: bool = False


ClusterFor = Callable[[Upstream], str]
"""Name of the cluster by which a proxy asks: that of the mesh's service, or else `outside_name`."""


def of_authorizer(authorizer: Authorizer) -> Upstream:
    """Where an external authorizer is asked."""
    return Upstream(authorizer.host, authorizer.port, http2=authorizer.speech is Speech.GRPC)


def of_collector(exporter: Exporter) -> Upstream:
    """Where spans are told."""
    return Upstream(exporter.host, exporter.port, http2=not exporter.path)


def of_address(uri: str) -> Upstream | None:
    """Where an address is served; None for what is no address."""
    try:
        parts = urlsplit(uri)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return Upstream(parts.hostname, port, parts.scheme == "https") if parts.hostname else None


def upstreams(authorizers: Iterable[Authorizer], tokens: Iterable[RequestPolicy]) -> tuple[Upstream, ...]:
    """Everybody whom proxies that enforce these ask."""
    served = (rule.keys.uri for policy in tokens for rule in policy.rules if not rule.keys.inline)
    found = {of_authorizer(each) for each in authorizers}
    found |= {told for uri in served if (told := of_address(uri)) is not None}
    return tuple(sorted(found))


def outside_name(upstream: Upstream) -> str:
    """Name of the cluster of a host that the mesh does not know."""
    spoken = "-".join(word for word, there in (("tls", upstream.tls), ("http2", upstream.http2)) if there)
    return f"mesh.outside|{upstream.port}|{spoken}|{upstream.host}"


def outside_cluster(upstream: Upstream, resolvers: Iterable[str] = ()) -> Cluster:
    """The cluster of a host that the mesh does not know, found by its name.

    Args:
        upstream: which.
        resolvers: DNS servers that are asked; none for those of the machine.
    """
    name = outside_name(upstream)
    endpoint = {"endpoint": {"address": dialled(upstream.host, upstream.port)}}
    made = Cluster(
        name=name,
        type=Cluster.DiscoveryType.STRICT_DNS,
        connect_timeout=_CONNECT,
        load_assignment={"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    )
    if upstream.tls:
        made.transport_socket.name = "envoy.transport_sockets.tls"
        made.transport_socket.typed_config.CopyFrom(packed(_tls(upstream.host)))
    if servers := [dialled(each, _DNS) for each in resolvers]:
        asked = CaresDnsResolverConfig(resolvers=servers)
        made.typed_dns_resolver_config.CopyFrom(extension("envoy.network.dns_resolver.cares", asked))
    if upstream.http2:
        made.typed_extension_protocol_options[_HTTP].CopyFrom(packed(_HTTP2))
    return made


def _tls(host: str) -> UpstreamTlsContext:
    named = {"san_type": "DNS", "matcher": {"exact": host}}
    roots = {"trusted_ca": {"filename": _SYSTEM_ROOTS}, "match_typed_subject_alt_names": [named]}
    return UpstreamTlsContext(sni=host, common_tls_context={"validation_context": roots})
