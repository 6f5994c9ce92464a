"""Where proxies of pods listen, and chains of connections whose bytes are copied."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, ListenerFilter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.listener.http_inspector.v3.http_inspector_pb2 import HttpInspector
from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import TlsInspector
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from sidestep.controlplane.generators.http.telemetry import WHILE_IT_LASTS
from sidestep.controlplane.generators.node.chains import WHERE_TO, proxied
from sidestep.controlplane.generators.node.messages import dialled, packed

ANY = ("0.0.0.0", "::")  # noqa: S104 - within the pod
PLAIN_HTTP = ("http/1.0", "http/1.1", "h2c")
"""What the inspector of plaintext calls HTTP."""
_TLS, _HTTP = "envoy.filters.listener.tls_inspector", "envoy.filters.listener.http_inspector"


def addresses(port: int, listed: Sequence[str] = ANY) -> dict[str, Any]:
    """Fields of a listener with some addresses: IPv4 first."""
    ordered = sorted(listed, key=lambda each: ip_address(each).version)
    first, *others = [dialled(each, port) for each in ordered]
    return {"address": first, "additional_addresses": [{"address": each} for each in others]}


def handed(name: str, port: int, listed: Sequence[str], **fields: Any) -> Listener:
    """A listener without a socket, to which others hand connections by where they were going to."""
    return Listener(
        name=name,
        bind_to_port={"value": False},
        traffic_direction="OUTBOUND",
        listener_filters_timeout=timedelta(0),
        **addresses(port, listed),
        **fields,
    )


def inspectors(tls: Iterable[int] | None, http: Iterable[int] | None) -> list[ListenerFilter]:
    """What looks at the first bytes, besides where the connection was going to.

    Args:
        tls: ports on which nobody looks for TLS; None for nobody anywhere.
        http: likewise for HTTP.
    """
    found = [WHERE_TO]
    for name, message, without in ((_TLS, TlsInspector(), tls), (_HTTP, HttpInspector(), http)):
        if without is not None:
            found.append(_inspector(name, packed(message), sorted(without)))
    return found


def _inspector(name: str, typed: Any, without: Sequence[int]) -> ListenerFilter:
    found = ListenerFilter(name=name, typed_config=typed)
    ranges = [{"destination_port_range": {"start": port, "end": port + 1}} for port in without]
    if len(ranges) == 1:
        found.filter_disabled.MergeFrom(type(found.filter_disabled)(**ranges[0]))
    elif ranges:
        found.filter_disabled.MergeFrom(type(found.filter_disabled)(or_match={"rules": ranges}))
    return found


def bytes_to(
    name: str, clusters: Mapping[str, int], logs: Iterable[AccessLog] = (), *, by_address: bool = False
) -> Filter:
    """Copy bytes to one of some clusters, by weight.

    Args:
        name: of its counters.
        clusters: each with its weight.
        logs: what is written of connections.
        by_address: clients are told apart by their address.
    """
    written = list(logs)
    found = TcpProxy(stat_prefix=name, idle_timeout=timedelta(0), access_log=written)
    if written:
        found.access_log_options.flush_access_log_on_connected = True
        found.access_log_options.access_log_flush_interval.FromTimedelta(WHILE_IT_LASTS)
    if len(clusters) == 1:
        found.cluster = next(iter(clusters))
    else:
        found.weighted_clusters.clusters.extend(
            TcpProxy.WeightedCluster.ClusterWeight(name=key, weight=weight) for key, weight in clusters.items()
        )
    if by_address:
        found.hash_policy.add(source_ip={})
    return proxied(found)


def chain(name: str, filters: Sequence[Filter], match: Mapping[str, Any] | None = None, **fields: Any) -> FilterChain:
    """A chain, with what connections it takes."""
    return FilterChain(name=name, filters=filters, filter_chain_match=match, **fields)
