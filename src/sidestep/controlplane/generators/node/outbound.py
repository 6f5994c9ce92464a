"""What a pod dials (ztunnel.md §6.1): the listener in the pod to which redirection leads.

Services and pods are asked for by name when they are first dialled. What is outside of their networks is dialled as it
is. Where a loop would begin, at the proxy's own ports on loopback, connections are refused.
"""

from datetime import timedelta

from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from google.protobuf.duration_pb2 import Duration

from sidestep.controlplane.generators import secret_name
from sidestep.controlplane.generators.node import tls
from sidestep.controlplane.generators.node.chains import (
    WHERE_TO,
    chain,
    copy,
    from_netns,
    proxied,
    refused,
    remember,
)
from sidestep.controlplane.generators.node.clusters import DIRECT, METADATA, NOWHERE, TRACE
from sidestep.controlplane.generators.node.messages import ADS, HASHED, listening, literal, state
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.generators.node.telemetry import Direction, baggage, logs, of_bytes
from sidestep.controlplane.records import Workload, identity_of

PORT = 15001

_DESTINATION = "%DOWNSTREAM_LOCAL_ADDRESS%"
_ADDRESS = "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%"
_LOOPBACK = ("127.0.0.0/8", "::1/128")
_FIELDS = {
    "src.addr": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "dst.addr": "%UPSTREAM_HOST%",
    "dst.hbone_addr": _DESTINATION,
    "dst.identity": "%UPSTREAM_PEER_URI_SAN%",
    "id": "%CONNECTION_ID%",
    "dst.workload": f"%UPSTREAM_METADATA({METADATA}:workload)%",
}


def outbound(workload: Workload, settings: Settings) -> Listener:
    """The listener of one pod."""
    return Listener(
        name=f"outbound/{workload.netns}",
        stat_prefix="outbound",
        **listening(PORT, workload.netns),
        traffic_direction="OUTBOUND",
        enable_reuse_port={"value": True},
        per_connection_buffer_limit_bytes={"value": settings.buffer},
        listener_filters=[WHERE_TO],
        filter_chains=[
            refused(networks=_LOOPBACK),
            *([_known("pods", _ADDRESS, settings.pods, workload, settings)] if settings.pods else []),
            *([_known("services", _DESTINATION, settings.services, workload, settings)] if settings.services else []),
        ],
        default_filter_chain=_unknown(workload, settings),
    )


def _known(name: str, cluster: str, networks: tuple[str, ...], workload: Workload, settings: Settings) -> FilterChain:
    """Destinations that the control plane is asked for."""
    values = [
        from_netns(workload.netns),
        state(tls.CERTIFICATE_STATE, literal(secret_name(tls.OUT, identity_of(workload))), factory=HASHED),
        state("envoy.tcp_proxy.cluster", cluster, shared="NONE"),
    ]
    proxy = copy(name, NOWHERE, logs(settings, workload, Direction.OUTBOUND, _FIELDS), of_bytes(settings))
    proxy.on_demand.odcds_config.CopyFrom(ADS)
    proxy.on_demand.timeout.CopyFrom(_seconds(settings.on_demand_timeout))
    proxy.tunneling_config.hostname = _DESTINATION
    headers = {
        "baggage": literal(baggage(workload)),
        "forwarded": 'for="%DOWNSTREAM_REMOTE_ADDRESS%"',
        TRACE: "%UNIQUE_ID%%UNIQUE_ID%",
    }
    for key, value in headers.items():
        proxy.tunneling_config.headers_to_add.add(header={"key": key, "value": value})
    return chain(name, [remember(values), proxied(proxy)], networks)


def _unknown(workload: Workload, settings: Settings) -> FilterChain:
    """Anything else is dialled from the pod, as if there was no proxy."""
    proxy = copy("passthrough", DIRECT, logs(settings, workload, Direction.OUTBOUND, _FIELDS), of_bytes(settings))
    return chain("passthrough", [remember([from_netns(workload.netns)]), proxied(proxy)])


def _seconds(number: int) -> Duration:
    found = Duration()
    found.FromTimedelta(timedelta(seconds=number))
    return found
