"""What reaches a pod by a tunnel (ztunnel.md §6.3): the listener, and in a resource of its own whom it lets in.

Policies live in the routes, so an edit cuts no tunnel. The authority must be one of the pod's addresses and a port in
its only form: `10.0.0.7:080` would be dialled like `10.0.0.7:80` without being matched like it.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.rbac.v3.rbac_pb2 import Action
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.original_src.v3.original_src_pb2 import OriginalSrc
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC, RBACPerRoute
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    LocalReplyConfig,
)

from sidestep.controlplane.generators.node import tls
from sidestep.controlplane.generators.node.authorization import rules
from sidestep.controlplane.generators.node.chains import from_netns, remember
from sidestep.controlplane.generators.node.clusters import TUNNELLED, http2
from sidestep.controlplane.generators.node.inbound_plain import OWN_PORTS
from sidestep.controlplane.generators.node.matching import at_connect, decision
from sidestep.controlplane.generators.node.messages import ADS, extension, listening, packed, with_port
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.generators.node.telemetry import Direction, baggage, logs, of_tunnels
from sidestep.controlplane.generators.node.tunnels import ROUTER, answered, connects
from sidestep.controlplane.records import HBONE_PORT, Workload, identity_of
from sidestep.semantics.authorization.ztunnel import Authorization

_MOST_STREAMS = 200
_RBAC = "envoy.filters.http.rbac"
_PORT = "(?:[1-9][0-9]{0,4}|0)"
_FIELDS = {
    "src.addr": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "src.identity": "%DOWNSTREAM_PEER_URI_SAN%",
    "dst.addr": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "dst.hbone_addr": "%REQ(:AUTHORITY)%",
    "forwarded": "%REQ(FORWARDED)%",
    "id": "%UPSTREAM_LOCAL_ADDRESS%",
    "status": "%RESPONSE_CODE%",
}


def routes_name(workload: Workload) -> str:
    """Of the resource that says whom a pod lets in."""
    return f"tunnels/{workload.netns}"


def inbound_hbone(workload: Workload, settings: Settings) -> Listener:
    """The listener of one pod."""
    chain = {
        "transport_socket": tls.server(identity_of(workload), (workload.trust_domain, *settings.trust_domains)),
        "filters": [
            remember([from_netns(workload.netns)]),
            {"name": "connect", "typed_config": packed(_manager(workload, settings))},
        ],
    }
    return Listener(
        name=f"hbone/{workload.netns}",
        stat_prefix="hbone",
        **listening(HBONE_PORT, workload.netns),
        traffic_direction="INBOUND",
        enable_reuse_port={"value": True},
        per_connection_buffer_limit_bytes={"value": settings.buffer},
        filter_chains=[chain],
    )


def routes(workload: Workload, authorizations: Iterable[Authorization]) -> RouteConfiguration:
    """Whom a pod lets in, and to where."""
    return RouteConfiguration(
        name=routes_name(workload),
        virtual_hosts=[
            VirtualHost(
                name="pod",
                domains=[with_port(each, 0).removesuffix("0") + "*" for each in workload.addresses],
                routes=list(_routes(workload, authorizations)),
            ),
            VirtualHost(name="others", domains=["*"], routes=list(_bad_requests())),
        ],
    )


def _routes(workload: Workload, authorizations: Iterable[Authorization]) -> Iterator[Route]:
    own = "|".join(re.escape(with_port(each, 0).removesuffix(":0")) for each in workload.addresses)
    yield answered(503, f"(?:{own}):(?:{'|'.join(OWN_PORTS)})")
    admitted = connects(TUNNELLED, f"(?:{own}):{_PORT}")
    enforced = rules(authorizations, identified=True)
    if not enforced.open:
        matcher = decision(enforced, at_connect, _action("admit", "ALLOW"), _action("refuse", "DENY"))
        admitted.typed_per_filter_config[_RBAC].CopyFrom(packed(RBACPerRoute(rbac=RBAC(matcher=matcher))))
    if described := baggage(workload):
        admitted.response_headers_to_add.add(header={"key": "baggage", "value": described.replace("%", "%%")})
    yield admitted
    yield from _bad_requests()


def _bad_requests() -> Iterator[Route]:
    yield answered(400)
    yield Route(match={"prefix": "/"}, direct_response={"status": 400})


def _action(name: str, action: str) -> TypedExtensionConfig:
    return extension(name, Action(name=name, action=action))


def _manager(workload: Workload, settings: Settings) -> HttpConnectionManager:
    return HttpConnectionManager(
        stat_prefix="hbone",
        codec_type="HTTP2",
        http2_protocol_options=http2(settings, most_streams=_MOST_STREAMS),
        upgrade_configs=[{"upgrade_type": "CONNECT"}],
        stream_idle_timeout=timedelta(0),
        generate_request_id={"value": False},
        # The peer is who the kernel says it is, whatever headers claim.
        use_remote_address={"value": True},
        skip_xff_append=True,
        rds={"config_source": ADS, "route_config_name": routes_name(workload)},
        local_reply_config=_REFUSED_AS_ZTUNNEL,
        access_log=logs(settings, workload, Direction.INBOUND, _FIELDS),
        access_log_options=of_tunnels(settings) or None,
        http_filters=[
            {"name": _RBAC, "typed_config": packed(RBAC())},
            {"name": "envoy.filters.http.original_src", "typed_config": packed(OriginalSrc())},
            ROUTER,
        ],
    )


_DENIED = {"comparison": {"op": "EQ", "value": {"default_value": 403, "runtime_key": "sidestep.denied"}}}
_REFUSED_AS_ZTUNNEL = LocalReplyConfig(
    mappers=[{"filter": {"status_code_filter": _DENIED}, "status_code": {"value": 401}}],
    body_format={"text_format_source": {"inline_string": ""}},
)
"""ztunnel answers 401 where Envoy's policies answer 403, and says no more (ztunnel.md §5.4)."""
