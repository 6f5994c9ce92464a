"""From a sidecar to its application: where that listens, in the declared version of HTTP, and how much at once.

Source: pilot/pkg/networking/core/cluster.go, cluster_builder.go (buildInboundCluster): of what rules ask of
connections, the pool alone counts for those that come in.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.address_pb2 import BindConfig
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from sidestep.controlplane.generators.http.listening import ANY
from sidestep.controlplane.generators.http.pools import limit, protocol
from sidestep.controlplane.generators.http.remarks import Fields, Remark
from sidestep.controlplane.generators.node.messages import dialled
from sidestep.controlplane.generators.sidecar.inbound import Port
from sidestep.controlplane.marks import MARK

OWN = ("127.0.0.6", "::6")
"""From which a sidecar speaks to its application, so that its connections are not redirected again."""
_MARKED = {
    "socket_options": [{"description": "mark", "level": 1, "name": 36, "int_value": MARK, "state": "STATE_PREBIND"}]
}
_OWN = BindConfig(
    source_address={"address": OWN[0], "port_value": 0},
    extra_source_addresses=[{"address": {"address": OWN[1], "port_value": 0}}],
    **_MARKED,
)
_BESIDE = {
    version: BindConfig(source_address={"address": address, "port_value": 0}, **_MARKED)
    for version, address in ((4, ANY[0]), (6, ANY[1]))
}
"""To where a Sidecar says that the application listens, on loopback: from any address."""
_OF_CLIENTS = ("h2UpgradePolicy", "useClientProtocol")
"""What only who sends a request may choose."""


def clusters(found: Iterable[Port], remarks: list[Remark]) -> Iterator[Cluster]:
    """One for each port; what cannot be told goes to the remarks."""
    for port in found:
        made = Cluster(name=port.cluster, connect_timeout={"seconds": 10}, upstream_bind_config=_bound(port))
        if port.endpoint is None:
            made.type, made.lb_policy = Cluster.DiscoveryType.ORIGINAL_DST, Cluster.LbPolicy.CLUSTER_PROVIDED
        else:
            where = {"endpoint": {"address": dialled(*port.endpoint)}}
            made.load_assignment.MergeFrom(
                ClusterLoadAssignment(cluster_name=port.cluster, endpoints=[{"lb_endpoints": [where]}])
            )
        pool = _pool(port, remarks)
        limit(made, pool)
        protocol(made, port.speaks, pool)
        yield made


def _bound(port: Port) -> BindConfig:
    """Whatever goes to the pod's own address comes back to the sidecar, unless it is from its own one."""
    address = None if port.endpoint is None else ip_address(port.endpoint[0])
    return _BESIDE[address.version] if address is not None and address.is_loopback else _OWN


def _pool(port: Port, remarks: list[Remark]) -> Fields:
    told, http = dict(port.pool), port.pool.get("http")
    if isinstance(http, Mapping):
        told["http"] = {field: value for field, value in http.items() if field not in _OF_CLIENTS}
    return Fields(told, port.pool_of, port.pool_at, remarks)
