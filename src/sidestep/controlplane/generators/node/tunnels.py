"""Parts of HTTP that tunnels have at both ends."""

from datetime import timedelta

from envoy.config.route.v3.route_components_pb2 import Route, RouteMatch
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter

from sidestep.controlplane.generators.node.messages import packed

ROUTER = HttpFilter(
    name="envoy.filters.http.router",
    typed_config=packed(Router(suppress_envoy_headers=True, dynamic_stats={"value": False})),
)


def connects(cluster: str, authority: str = "") -> Route:
    """CONNECT requests become connections of a cluster.

    Args:
        cluster: which.
        authority: a regular expression for the whole authority; any where empty.
    """
    upgrade = {"upgrade_type": "CONNECT", "connect_config": {}}
    return Route(
        match=_connect(authority),
        route={"cluster": cluster, "timeout": timedelta(0), "upgrade_configs": [upgrade]},
    )


def answered(status: int, authority: str = "") -> Route:
    """CONNECT requests are answered with a status."""
    return Route(match=_connect(authority), direct_response={"status": status})


def _connect(authority: str) -> RouteMatch:
    match = RouteMatch(connect_matcher={})
    if authority:
        match.headers.add(name=":authority", string_match={"safe_regex": {"regex": authority}})
    return match
