"""What reaches a sidecar by a tunnel: from ambient pods and waypoints, which speak nothing else of the mesh.

Source: istio-semantics.md §5.3: the same chains as without a tunnel, but no PeerAuthentication is asked, for the peer
has proved who it is. A tunnel leads to the pod's own addresses alone, or the proxy would be a relay for everybody.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_address

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.extensions.filters.http.set_filter_state.v3.set_filter_state_pb2 import Config as SetFilterState
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)
from msgspec.structs import replace

from sidestep.controlplane.generators.http.authorization import SOURCE_PRINCIPAL, Place
from sidestep.controlplane.generators.http.destinations import Speaks
from sidestep.controlplane.generators.http.listening import ANY, addresses, chain, inspectors
from sidestep.controlplane.generators.http.upstreams import ClusterFor
from sidestep.controlplane.generators.node.clusters import UNBROKEN, relayed
from sidestep.controlplane.generators.node.messages import HASHED, inside, packed, state
from sidestep.controlplane.generators.node.tls import domain_of, server
from sidestep.controlplane.generators.node.tunnels import ROUTER, answered, connects
from sidestep.controlplane.generators.sidecar import inbound
from sidestep.controlplane.generators.sidecar.inbound import Port
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.controlplane.records import HBONE_PORT, Tunnel
from sidestep.semantics.authentication.peers import Mtls

LISTENER, INSIDE = "connect_terminate", "mesh.tunnelled"
_LOCAL, _REMOTE = (f"envoy.filters.listener.original_dst.{end}_ip" for end in ("local", "remote"))
_MOST_STREAMS = 200


def takes(pod: Pod) -> bool:
    """Whether others open tunnels to a pod."""
    return pod.workload.tunnel is Tunnel.HBONE


def ports(found: Sequence[Port]) -> list[Port]:
    """As they are read within a tunnel."""
    return [replace(each, mode=Mtls.DISABLE, place=Place.WAYPOINT) for each in found]


def listeners(pod: Pod, found: Sequence[Port], cluster: ClusterFor) -> Iterator[Listener]:
    """Where tunnels end, and where goes what they carry."""
    tls = server(pod.dialler.identity, (domain_of(pod.dialler.identity), *pod.settings.trust_domains))
    yield Listener(
        name=LISTENER,
        traffic_direction="INBOUND",
        filter_chains=[chain("tunnels", [_ends(pod)], transport_socket=tls)],
        **addresses(HBONE_PORT, ANY),
    )
    declared = [each.number for each in found if each.number and each.speaks is not Speaks.AS_CLIENT]
    yield Listener(
        name=INSIDE,
        internal_listener={},
        traffic_direction="INBOUND",
        listener_filters_timeout=timedelta(0),
        listener_filters=inspectors(None, declared),
        filter_chains=[each for port in ports(found) for each in inbound.chains(pod, port, cluster)],
    )


def clusters() -> Iterator[Cluster]:
    """To what is inside."""
    yield Cluster(
        name=INSIDE,
        type="STATIC",
        circuit_breakers=UNBROKEN,
        transport_socket=relayed(),
        load_assignment={
            "cluster_name": INSIDE,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": inside(INSIDE)}}]}],
        },
    )


def _ends(pod: Pod) -> Filter:
    """Remembers who opened the tunnel, and what it leads to."""
    remembered = SetFilterState(
        on_request_headers=[
            state(SOURCE_PRINCIPAL, "%DOWNSTREAM_PEER_URI_SAN%", factory=HASHED, shared="ONCE"),
            state(_LOCAL, "%REQ(:AUTHORITY)%", shared="ONCE"),
            state(_REMOTE, "%DOWNSTREAM_REMOTE_ADDRESS%", shared="ONCE"),
        ]
    )
    own = [f"[{each}]:*" if ip_address(each).version == 6 else f"{each}:*" for each in pod.workload.addresses]
    hosts = [
        VirtualHost(name="pod", domains=own, routes=[connects(INSIDE), answered(400)]),
        VirtualHost(name="others", domains=["*"], routes=[answered(400)]),
    ]
    manager = HttpConnectionManager(
        stat_prefix=LISTENER,
        codec_type="HTTP2",
        http2_protocol_options={"allow_connect": True, "max_concurrent_streams": {"value": _MOST_STREAMS}},
        upgrade_configs=[{"upgrade_type": "CONNECT"}],
        stream_idle_timeout=timedelta(0),
        generate_request_id={"value": False},
        use_remote_address={"value": True},
        skip_xff_append=True,
        route_config={"name": LISTENER, "virtual_hosts": hosts},
        http_filters=[
            HttpFilter(name="envoy.filters.http.set_filter_state", typed_config=packed(remembered)),
            ROUTER,
        ],
    )
    return Filter(name="envoy.filters.network.http_connection_manager", typed_config=packed(manager))
