"""Tunnels that a pod's proxy opens: the listener inside of it that makes them, and the cluster that dials.

Source: envoy.md §1.4, istio-semantics.md §5.2. An endpoint's metadata tells the tunnel's name and who must answer.
Filter state that tells connections apart is of `envoy.hashable_string`: with any other kind one client's requests
leave through another's connection (envoy.md §0).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from sidestep.controlplane.generators.http.destinations import Dialler
from sidestep.controlplane.generators.http.names import HBONE_CLUSTER
from sidestep.controlplane.generators.http.pools import HTTP_OPTIONS
from sidestep.controlplane.generators.http.tls import METADATA, tunnel_client
from sidestep.controlplane.generators.node.chains import WHERE_TO, proxied, remember
from sidestep.controlplane.generators.node.clusters import UNBROKEN
from sidestep.controlplane.generators.node.messages import packed, state
from sidestep.controlplane.records import HBONE_PORT

_EXPECTED = "envoy.network.upstream_subject_alt_names"
_IDLE = timedelta(hours=1)


def tunnels(headers: Mapping[str, str] = {}) -> Listener:
    """The listener: every connection to it becomes a CONNECT stream to where its endpoint's metadata says.

    Args:
        headers: of the CONNECT, as format strings.
    """
    proxy = TcpProxy(
        stat_prefix=HBONE_CLUSTER,
        cluster=HBONE_CLUSTER,
        idle_timeout=timedelta(0),
        tunneling_config={
            "hostname": f"%DYNAMIC_METADATA({METADATA}:authority)%",
            "headers_to_add": [{"header": {"key": key, "value": value}} for key, value in headers.items()],
        },
    )
    expected = state(_EXPECTED, f"%DYNAMIC_METADATA({METADATA}:identity)%", shared="ONCE")
    expected.skip_if_empty = True
    chain = {"filters": [remember([expected]), proxied(proxy)]}
    return Listener(name=HBONE_CLUSTER, internal_listener={}, listener_filters=[WHERE_TO], filter_chains=[chain])


def tunnel_cluster(dialler: Dialler, domains: Sequence[str] = ()) -> Cluster:
    """The cluster by which tunnels are dialled: port 15008 of the endpoint, with the proxy's own certificate.

    Args:
        dialler: the proxy.
        domains: trust domains of endpoints; its own and those it accepts where none is named.
    """
    options = HttpProtocolOptions(
        explicit_http_config={
            "http2_protocol_options": {
                "allow_connect": True,
                "max_concurrent_streams": {"value": 100},
                "connection_keepalive": {"interval": timedelta(seconds=10), "timeout": timedelta(seconds=20)},
            }
        },
        common_http_protocol_options={"idle_timeout": _IDLE},
    )
    found = Cluster(
        name=HBONE_CLUSTER,
        type="ORIGINAL_DST",
        lb_policy="CLUSTER_PROVIDED",
        connect_timeout=timedelta(seconds=10),
        original_dst_lb_config={"upstream_port_override": {"value": HBONE_PORT}},
        circuit_breakers=UNBROKEN,
        transport_socket=tunnel_client(dialler, domains),
    )
    found.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(options))
    return found
