"""Connection pools, outlier detection and the protocol of connections, as DestinationRules ask for them.

Source: pilot/pkg/networking/core/cluster_traffic_policy.go (applyConnectionPool, applyOutlierDetection); what Istio
says nothing about has no bound, as there.
"""

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from sidestep.controlplane.generators.http.destinations import Speaks
from sidestep.controlplane.generators.http.remarks import Fields
from sidestep.controlplane.generators.node.messages import packed

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_MOST = 2**32 - 1
_PERCENT = 100
_UPGRADED = "UPGRADE"


AS_CLIENT = HttpProtocolOptions(
    use_downstream_protocol_config={"http_protocol_options": {}, "http2_protocol_options": {}}
)


def limit(found: Cluster, pool: Fields) -> None:
    """Bounds on connections and requests."""
    tcp, http = pool.under("tcp"), pool.under("http")
    bounds = found.circuit_breakers.thresholds.add()
    bounds.max_connections.value = _or_most(tcp.whole("maxConnections", 1))
    bounds.max_pending_requests.value = _or_most(http.whole("http1MaxPendingRequests", 1))
    bounds.max_requests.value = _or_most(http.whole("http2MaxRequests", 1))
    bounds.max_retries.value = _or_most(http.whole("maxRetries", 1))
    bounds.track_remaining = True
    if (wait := tcp.time("connectTimeout")) is not None:
        found.connect_timeout.CopyFrom(wait)
    if tcp.has("tcpKeepalive"):
        _keep_alive(found, tcp.under("tcpKeepalive"))


def protocol(found: Cluster, speaks: Speaks, pool: Fields) -> None:
    """What is spoken over connections, and how long they are kept."""
    if speaks is Speaks.BYTES:
        return
    http, tcp = pool.under("http"), pool.under("tcp")
    options = HttpProtocolOptions()
    common = options.common_http_protocol_options
    if (idle := http.time("idleTimeout")) is not None:
        common.idle_timeout.CopyFrom(idle)
    if (most := http.whole("maxRequestsPerConnection", 1)) is not None:
        common.max_requests_per_connection.value = most
    if (longest := tcp.time("maxConnectionDuration")) is not None:
        common.max_connection_duration.CopyFrom(longest)
    _versions(options, speaks, http)
    found.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(options))


def _versions(options: HttpProtocolOptions, speaks: Speaks, http: Fields) -> None:
    """The declared version, unless a rule asks for the client's or for HTTP/2."""
    streams = http.whole("maxConcurrentStreams", 1, 2**31 - 1)
    second = {"max_concurrent_streams": {"value": streams}} if streams is not None else {}
    if http.flag("useClientProtocol") or speaks is Speaks.AS_CLIENT:
        options.MergeFrom(AS_CLIENT)
        if streams is not None:
            options.use_downstream_protocol_config.http2_protocol_options.max_concurrent_streams.value = streams
    elif speaks is Speaks.HTTP2 or http.text("h2UpgradePolicy").upper() == _UPGRADED:
        options.MergeFrom(HttpProtocolOptions(explicit_http_config={"http2_protocol_options": second}))
    else:
        options.explicit_http_config.http_protocol_options.SetInParent()


def _keep_alive(found: Cluster, wanted: Fields) -> None:
    kept = found.upstream_connection_options.tcp_keepalive
    kept.SetInParent()
    if (probes := wanted.whole("probes", 1)) is not None:
        kept.keepalive_probes.value = probes
    if (time := wanted.time("time")) is not None:
        kept.keepalive_time.value = max(time.seconds, 1)
    if (interval := wanted.time("interval")) is not None:
        kept.keepalive_interval.value = max(interval.seconds, 1)


def detect(found: Cluster, wanted: Fields) -> None:
    """Who fails too often is left out for a while; nobody by the rate of success, as Istio turns that off."""
    told = found.outlier_detection
    told.enforcing_success_rate.value = 0
    told.max_ejection_percent.value = wanted.whole("maxEjectionPercent", 0, _PERCENT) or 10
    for name, into in (("interval", told.interval), ("baseEjectionTime", told.base_ejection_time)):
        if (time := wanted.time(name)) is not None:
            into.CopyFrom(time)
    errors = wanted.whole("consecutive5xxErrors")
    if errors is None:
        errors = wanted.whole("consecutiveErrors")
    if errors is not None:
        told.consecutive_5xx.value, told.enforcing_consecutive_5xx.value = errors, _PERCENT if errors else 0
    gateway = wanted.whole("consecutiveGatewayErrors")
    if gateway is not None:
        told.consecutive_gateway_failure.value = gateway
        told.enforcing_consecutive_gateway_failure.value = _PERCENT if gateway else 0
    if wanted.flag("splitExternalLocalOriginErrors"):
        _detect_local(found, wanted)
    if (least := wanted.whole("minHealthPercent", 0, _PERCENT)) is not None:
        found.common_lb_config.healthy_panic_threshold.value = least


def _detect_local(found: Cluster, wanted: Fields) -> None:
    told = found.outlier_detection
    told.split_external_local_origin_errors = True
    local = wanted.whole("consecutiveLocalOriginFailures")
    if local is not None:
        told.consecutive_local_origin_failure.value = local
        told.enforcing_consecutive_local_origin_failure.value = _PERCENT if local else 0
    told.enforcing_local_origin_success_rate.value = 0


def _or_most(wanted: int | None) -> int:
    return _MOST if wanted is None else wanted
