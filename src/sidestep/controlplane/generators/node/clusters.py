"""Clusters that all pods of a node share, and what every connection that leaves a pod needs."""

from collections.abc import Iterator
from datetime import timedelta

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.address_pb2 import BindConfig
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions
from envoy.extensions.filters.http.header_mutation.v3.header_mutation_pb2 import HeaderMutation
from envoy.extensions.filters.http.lua.v3.lua_pb2 import Lua
from envoy.extensions.filters.http.upstream_codec.v3.upstream_codec_pb2 import UpstreamCodec
from envoy.extensions.local_address_selectors.filter_state_override.v3.config_pb2 import Config as FollowNamespace
from envoy.extensions.transport_sockets.internal_upstream.v3.internal_upstream_pb2 import InternalUpstreamTransport
from envoy.extensions.transport_sockets.raw_buffer.v3.raw_buffer_pb2 import RawBuffer
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from google.protobuf.any_pb2 import Any

from sidestep.controlplane.generators.node.messages import extension, packed
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.marks import MARK, PLAIN_MARK, TUNNELLED_MARK

DIRECT = "direct"
"""Dials where the connection was going to."""
AUTHORITY = "authority"
"""Dials what a CONNECT names."""
PLAIN = "plaintext"
"""As `DIRECT`, for what came to a pod in plaintext."""
TUNNELLED = "tunnelled"
"""As `AUTHORITY`, for what came to a pod by a tunnel."""
NOWHERE = "nowhere"
"""Has nobody: a connection to it is closed before a byte."""
NAMESPACE_STATE = "envoy.network.upstream_bind_override.network_namespace"
"""Filter state that names the network namespace from which a connection is made."""
METADATA = "sidestep"
"""Namespace of the metadata that endpoints carry."""

TRACE = "traceparent"
"""Header of a tunnel's own trace; in it comes what is made of random digits, with dashes anywhere."""

_AUTHORITY_HEADER = "x-sidestep-authority"
_RENAME = f"""
function envoy_on_request(handle)
  local headers = handle:headers()
  local authority = headers:get("{_AUTHORITY_HEADER}")
  if authority ~= nil and authority ~= "-" then
    headers:replace(":authority", authority)
    headers:remove("{_AUTHORITY_HEADER}")
  end
  local random = headers:get("{TRACE}")
  if random ~= nil then
    random = random:gsub("-", "")
    headers:replace("{TRACE}", "00-" .. random:sub(1, 32) .. "-" .. random:sub(33, 48) .. "-00")
  end
end
"""
_KEEPALIVE = {"keepalive_probes": {"value": 9}, "keepalive_time": {"value": 180}, "keepalive_interval": {"value": 180}}


def shared(settings: Settings) -> Iterator[Cluster]:
    """The clusters themselves."""
    for name, mark in ((DIRECT, MARK), (AUTHORITY, MARK), (PLAIN, PLAIN_MARK), (TUNNELLED, TUNNELLED_MARK)):
        cluster = Cluster(
            name=name,
            type="ORIGINAL_DST",
            lb_policy="CLUSTER_PROVIDED",
            connect_timeout=timedelta(seconds=settings.connect_timeout),
            upstream_bind_config=from_the_pod(mark),
            upstream_connection_options={"tcp_keepalive": _KEEPALIVE},
            per_connection_buffer_limit_bytes={"value": settings.buffer},
            circuit_breakers=UNBROKEN,
        )
        if name in {AUTHORITY, TUNNELLED}:
            cluster.original_dst_lb_config.use_http_header = True
            cluster.original_dst_lb_config.http_header_name = ":authority"
        yield cluster
    yield Cluster(name=NOWHERE, type="STATIC", load_assignment={"cluster_name": NOWHERE})


def from_the_pod(mark: int = MARK) -> BindConfig:
    """How a connection leaves: from the pod that filter state names, marked so that it is not captured again."""
    return BindConfig(
        source_address={"address": "0.0.0.0", "port_value": 0},  # noqa: S104 - any address of the pod
        extra_source_addresses=[{"address": {"address": "::", "port_value": 0}}],
        socket_options=[{"description": "mark", "level": 1, "name": 36, "int_value": mark, "state": "STATE_PREBIND"}],
        local_address_selector=extension("follow_namespace", FollowNamespace()),
    )


_MOST = {"value": 1_000_000_000}
UNBROKEN = {
    "thresholds": [
        {"max_connections": _MOST, "max_pending_requests": _MOST, "max_requests": _MOST, "max_retries": _MOST}
    ]
}
"""No bound on what is dialled at once: ztunnel has none, and Envoy's own is 1,024."""


def relayed() -> TransportSocket:
    """To a listener inside of the proxy."""
    raw = TransportSocket(name="envoy.transport_sockets.raw_buffer", typed_config=packed(RawBuffer()))
    passing = InternalUpstreamTransport(transport_socket=raw)
    return TransportSocket(name="envoy.transport_sockets.internal_upstream", typed_config=packed(passing))


def http2(settings: Settings, *, most_streams: int | None = None) -> Http2ProtocolOptions:
    """HTTP/2 as tunnels speak it: windows, and a PING every 10 s to be answered within 20 s (ztunnel.md §5.2)."""
    return Http2ProtocolOptions(
        allow_connect=True,
        max_concurrent_streams={"value": most_streams or settings.streams_per_connection},
        initial_stream_window_size={"value": settings.windows.stream},
        initial_connection_window_size={"value": settings.windows.connection},
        connection_keepalive={"interval": timedelta(seconds=10), "timeout": timedelta(seconds=20)},
    )


def tunnelled(settings: Settings, host: str) -> dict[str, Any]:
    """Options of a cluster whose connections are CONNECT streams, each named after the endpoint that was chosen.

    `tcp_proxy` forms the name of a tunnel before an endpoint is chosen, so it is put in afterwards. A header with
    the chosen endpoint's own name, and only Lua may then change the authority.

    Args:
        settings: of all proxies.
        host: full name of the service that is dialled, of which peers are told; empty where it is none.
    """
    headers = {_AUTHORITY_HEADER: f"%UPSTREAM_METADATA({METADATA}:authority)%"}
    if host:
        headers["forwarded"] = f"%REQ(FORWARDED)%;host={host}"
    mutations = [
        {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
        for key, value in headers.items()
    ]
    named = HeaderMutation(mutations={"request_mutations": mutations})
    options = HttpProtocolOptions(
        explicit_http_config={"http2_protocol_options": http2(settings)},
        common_http_protocol_options={"idle_timeout": timedelta(seconds=settings.idle)},
        http_filters=[
            {"name": "endpoint", "typed_config": packed(named)},
            {"name": "authority", "typed_config": packed(Lua(default_source_code={"inline_string": _RENAME}))},
            {"name": "codec", "typed_config": packed(UpstreamCodec())},
        ],
    )
    return {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": packed(options)}
