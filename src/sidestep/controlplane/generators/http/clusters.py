"""The cluster of a destination, with what DestinationRules ask of connections to it.

Source: pilot/pkg/networking/core/cluster.go, cluster_traffic_policy.go, cluster_tls.go; which settings count is said
by `semantics.routing.traffic_words.effective`. A field that cannot be read is left out, and remarked upon.
"""

from datetime import timedelta
from typing import assert_never

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.extensions.network.dns_resolver.cares.v3.cares_dns_resolver_pb2 import CaresDnsResolverConfig
from google.protobuf.duration_pb2 import Duration

from sidestep.controlplane.generators.http.balancing import balance
from sidestep.controlplane.generators.http.destinations import Destination, Dialler, Discovery
from sidestep.controlplane.generators.http.localities import Nearness
from sidestep.controlplane.generators.http.pools import detect, limit, protocol
from sidestep.controlplane.generators.http.remarks import Fields, Remark
from sidestep.controlplane.generators.http.tls import sockets
from sidestep.controlplane.generators.node.messages import ADS, dialled, extension

_CONNECT_TIMEOUT = timedelta(seconds=10)
_REFRESH_RATE = Duration(seconds=60)
_DNS = 53


def cluster(to: Destination, dialler: Dialler, remarks: list[Remark]) -> Cluster:
    """The cluster; its endpoints are told apart (`endpoints.assignment`) but where they are resolved.

    Args:
        to: where it leads to.
        dialler: whose cluster it is.
        remarks: what cannot be told goes there.
    """
    settings = Fields(to.settings, to.of, "trafficPolicy", remarks)
    found = Cluster(name=to.name, connect_timeout=_CONNECT_TIMEOUT)
    _discover(found, to, dialler)
    balance(found, settings)
    if found.type == Cluster.DiscoveryType.EDS and Nearness(to, settings, None).weighted:
        found.common_lb_config.locality_weighted_lb_config.SetInParent()
    pool = settings.under("connectionPool")
    limit(found, pool)
    protocol(found, to.speaks, pool)
    if settings.has("outlierDetection"):
        detect(found, settings.under("outlierDetection"))
    sockets(found, to, dialler, settings)
    return found


def _discover(found: Cluster, to: Destination, dialler: Dialler) -> None:
    match to.discovery:
        case Discovery.RECORDS:
            found.type = Cluster.DiscoveryType.EDS
            found.eds_cluster_config.service_name = to.name
            found.eds_cluster_config.eds_config.CopyFrom(ADS)
        case Discovery.DNS | Discovery.LOGICAL_DNS:
            logical = to.discovery is Discovery.LOGICAL_DNS
            found.type = Cluster.DiscoveryType.LOGICAL_DNS if logical else Cluster.DiscoveryType.STRICT_DNS
            found.dns_refresh_rate.CopyFrom(_REFRESH_RATE)
            found.respect_dns_ttl = True
            _resolve(found, to, dialler)
        case Discovery.DIALLED:
            found.type = Cluster.DiscoveryType.ORIGINAL_DST
        case _:
            assert_never(to.discovery)


def _resolve(found: Cluster, to: Destination, dialler: Dialler) -> None:
    found.load_assignment.cluster_name = to.name
    endpoints = found.load_assignment.endpoints.add()
    for host, port in to.resolved[:1] if to.discovery is Discovery.LOGICAL_DNS else to.resolved:
        endpoints.lb_endpoints.add(endpoint={"address": dialled(host, port)})
    if dialler.resolvers:
        resolver = CaresDnsResolverConfig(resolvers=[dialled(each, _DNS) for each in dialler.resolvers])
        found.typed_dns_resolver_config.CopyFrom(extension("envoy.network.dns_resolver.cares", resolver))
