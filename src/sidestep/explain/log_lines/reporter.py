"""Which proxy wrote an Envoy line. The format does not say, so each answer comes with what it rests on.

Sources: names of clusters and routes in Istio's pilot/pkg/networking (util.go, core/waypoint.go, core/cluster*.go). A
sidecar connects from the address of its client, for both are one pod; a gateway from the address it was reached at.
"""

from sidestep.explain.log_lines.line import Reporter, UpstreamCluster
from sidestep.explain.log_lines.values import Fields, address, text

Told = tuple[Reporter, str]

_UNKNOWN: Told = (Reporter.UNKNOWN, "")
_BY_DIRECTION = {"inbound": Reporter.SIDECAR_INBOUND, "inbound-vip": Reporter.WAYPOINT}
_BY_CLUSTER = {
    "InboundPassthroughCluster": Reporter.SIDECAR_INBOUND,
    "InboundPassthroughClusterIpv4": Reporter.SIDECAR_INBOUND,
    "InboundPassthroughClusterIpv6": Reporter.SIDECAR_INBOUND,
    "PassthroughCluster": Reporter.SIDECAR_OUTBOUND,
    "AllowAnyDynamicDNSCluster": Reporter.SIDECAR_OUTBOUND,
    "encap": Reporter.WAYPOINT,
}
_BY_ROUTE = {"allow_any": Reporter.SIDECAR_OUTBOUND, "block_all": Reporter.SIDECAR_OUTBOUND}
_BY_PORT = {15006: Reporter.SIDECAR_INBOUND, 15001: Reporter.SIDECAR_OUTBOUND}


def envoy_reporter(fields: Fields, upstream: UpstreamCluster | None) -> Told:
    """The proxy, and the part of the line that tells it."""
    if upstream and (by_name := _BY_DIRECTION.get(upstream.direction) or _BY_CLUSTER.get(upstream.name)):
        return by_name, f"upstream cluster {upstream.name}"
    route = text(fields, "route_name")
    if route in _BY_ROUTE:
        return _BY_ROUTE[route], f"route {route}"
    if upstream and upstream.direction == "outbound":
        return _outbound(fields, upstream)
    return _by_port(fields) or _forwarding_gateway(fields) or _UNKNOWN


def _by_port(fields: Fields) -> Told | None:
    dialled = address(text(fields, "downstream_local_address"))
    port = dialled.port if dialled else None
    return (_BY_PORT[port], f"it arrived at port {port}") if port in _BY_PORT else None


def _outbound(fields: Fields, upstream: UpstreamCluster) -> Told:
    """A sidecar next to its client, a gateway, or a waypoint that passes on to a service that is not its own."""
    if "|" not in upstream.name:
        return Reporter.GATEWAY, "upstream cluster in the form that passes TLS through"
    local = text(fields, "upstream_local_address")
    if local:
        return _from_local(local, fields)
    return _from_forwarded_for(fields)


def _from_local(written: str, fields: Fields) -> Told:
    local, client, dialled = (
        address(each)
        for each in (written, text(fields, "downstream_remote_address"), text(fields, "downstream_local_address"))
    )
    if local and client and local.host == client.host:
        return Reporter.SIDECAR_OUTBOUND, "it connects from the client's own address"
    if local and dialled and local.host == dialled.host:
        return Reporter.GATEWAY, "it connects from the address it was reached at"
    return _forwarding_gateway(fields) or _UNKNOWN


def _from_forwarded_for(fields: Fields) -> Told:
    """It never connected, so only the header is left, which gateways always add and sidecars never do."""
    if told := _forwarding_gateway(fields):
        return told
    if "x_forwarded_for" in fields and not text(fields, "x_forwarded_for") and text(fields, "method"):
        return Reporter.SIDECAR_OUTBOUND, "no X-Forwarded-For, which a gateway would have added"
    return _UNKNOWN


def _forwarding_gateway(fields: Fields) -> Told | None:
    """A gateway adds its peer to the header; others take the address from it, and then there is no port."""
    client = address(text(fields, "downstream_remote_address"))
    nearest = text(fields, "x_forwarded_for").rpartition(",")[2].strip()
    if client and client.port and nearest == client.host:
        return Reporter.GATEWAY, "it added its client to X-Forwarded-For"
    return None
