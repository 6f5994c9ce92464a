"""The listener inside of the proxy that dials, without a tunnel, what a CONNECT names.

Whether a destination has a tunnel is known only after its cluster was chosen, but `tcp_proxy` makes every connection
of a chain a CONNECT or none. So those without a tunnel end here, a few microseconds away from where they began; the
others go straight to their peers.
"""

from datetime import timedelta

from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)

from sidestep.controlplane.generators.node.clusters import AUTHORITY, http2
from sidestep.controlplane.generators.node.messages import packed
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.generators.node.tunnels import ROUTER, connects

RELAY = "relay"
_MANY = 2**31 - 1


def relay(settings: Settings) -> Listener:
    """The listener."""
    manager = HttpConnectionManager(
        stat_prefix=RELAY,
        codec_type="HTTP2",
        http2_protocol_options=http2(settings, most_streams=_MANY),
        upgrade_configs=[{"upgrade_type": "CONNECT"}],
        stream_idle_timeout=timedelta(0),
        generate_request_id={"value": False},
        http_filters=[ROUTER],
        route_config=RouteConfiguration(
            name=RELAY, virtual_hosts=[{"name": RELAY, "domains": ["*"], "routes": [connects(AUTHORITY)]}]
        ),
    )
    chain = {"filters": [{"name": "connect", "typed_config": packed(manager)}]}
    return Listener(name=RELAY, internal_listener={}, filter_chains=[chain])
