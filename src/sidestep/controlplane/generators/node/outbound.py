"""What a pod dials (ztunnel.md §6.1): the listener in the pod to which redirection leads.

Services and pods are asked for by name when they are first dialled: those within their networks, and those that
ServiceEntries give addresses anywhere else. What is outside of all these is dialled as it is. Where a loop would begin,
at the proxy's own ports on loopback, connections are refused. Addresses that come and go change the matcher alone, so
connections that are open stay.
"""

from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from google.protobuf.duration_pb2 import Duration
from msgspec import Struct

from sidestep.controlplane.generators import secret_name
from sidestep.controlplane.generators.node import tls
from sidestep.controlplane.generators.node.chains import (
    REFUSED,
    WHERE_TO,
    chosen,
    copy,
    from_netns,
    proxied,
    refused,
    remember,
)
from sidestep.controlplane.generators.node.clusters import DIRECT, METADATA, NOWHERE, TRACE
from sidestep.controlplane.generators.node.matching import by_destination
from sidestep.controlplane.generators.node.messages import ADS, HASHED, listening, literal, state
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.generators.node.telemetry import Direction, baggage, logs, of_bytes
from sidestep.controlplane.records import Workload, identity_of

PORT = 15001

_DESTINATION = "%DOWNSTREAM_LOCAL_ADDRESS%"
_ADDRESS = "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%"
_PODS, _SERVICES = "pods", "services"
_LOOPBACK = ("127.0.0.0/8", "::1/128")
_FIELDS = {
    "src.addr": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "dst.addr": "%UPSTREAM_HOST%",
    "dst.hbone_addr": _DESTINATION,
    "dst.identity": "%UPSTREAM_PEER_URI_SAN%",
    "id": "%CONNECTION_ID%",
    "dst.workload": f"%UPSTREAM_METADATA({METADATA}:workload)%",
}


class Further(Struct, frozen=True):
    """Where ServiceEntries lead from outside of the networks of pods and services.

    Attributes:
        addresses: each is asked for by itself.
        networks: each is asked for as a whole, the narrowest first.
    """

    addresses: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@lru_cache(maxsize=4)
def further(led: tuple[str, ...], settings: Settings) -> Further:
    """Of addresses and networks that are led elsewhere, those of which the settings do not tell."""
    told = [ip_network(each) for each in (*settings.pods, *settings.services)]
    beyond = [found for found in map(ip_network, led) if not any(_within(found, each) for each in told)]
    wide = sorted((each for each in beyond if each.num_addresses > 1), key=lambda each: (-each.prefixlen, str(each)))
    single = (str(each.network_address) for each in beyond if each.num_addresses == 1)
    return Further(tuple(single), tuple(map(str, wide)))


def _within(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]  # of one version


def outbound(workload: Workload, settings: Settings, beyond: Further) -> Listener:
    """The listener of one pod."""
    services = (*settings.services, *beyond.addresses)
    known = [(_PODS, settings.pods, _ADDRESS), (_SERVICES, services, _DESTINATION)]
    known += [(each, (each,), of_network(each)) for each in beyond.networks]
    return Listener(
        name=f"outbound/{workload.netns}",
        stat_prefix="outbound",
        **listening(PORT, workload.netns),
        traffic_direction="OUTBOUND",
        enable_reuse_port={"value": True},
        per_connection_buffer_limit_bytes={"value": settings.buffer},
        listener_filters=[WHERE_TO],
        filter_chain_matcher=by_destination(
            ((_LOOPBACK, chosen(REFUSED)), *((networks, chosen(name)) for name, networks, _ in known))
        ),
        filter_chains=[
            refused(),
            *(_known(name, cluster, workload, settings) for name, networks, cluster in known if networks),
        ],
        default_filter_chain=_unknown(workload, settings),
    )


def of_network(network: str) -> str:
    """Name of the destination that a whole network is, in a connection's own words for its port."""
    return f"{f'[{network}]' if ':' in network else network}:%DOWNSTREAM_LOCAL_PORT%"


def _known(name: str, cluster: str, workload: Workload, settings: Settings) -> FilterChain:
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
    return FilterChain(name=name, filters=[remember(values), proxied(proxy)])


def _unknown(workload: Workload, settings: Settings) -> FilterChain:
    """Anything else is dialled from the pod, as if there was no proxy."""
    proxy = copy("passthrough", DIRECT, logs(settings, workload, Direction.OUTBOUND, _FIELDS), of_bytes(settings))
    return FilterChain(name="passthrough", filters=[remember([from_netns(workload.netns)]), proxied(proxy)])


def _seconds(number: int) -> Duration:
    found = Duration()
    found.FromTimedelta(timedelta(seconds=number))
    return found
