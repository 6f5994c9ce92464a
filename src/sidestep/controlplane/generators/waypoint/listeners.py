"""Listeners of a waypoint: one that tunnels reach, and those inside of it."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, ListenerFilter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.common.set_filter_state.v3.value_pb2 import FilterStateValue
from envoy.extensions.filters.listener.http_inspector.v3.http_inspector_pb2 import HttpInspector
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from sidestep.controlplane.generators.http.authorization import SOURCE_PRINCIPAL
from sidestep.controlplane.generators.http.hbone import tunnels
from sidestep.controlplane.generators.http.modules import with_modules
from sidestep.controlplane.generators.http.names import HBONE_CLUSTER
from sidestep.controlplane.generators.http.patches import patch_listener
from sidestep.controlplane.generators.node.chains import WHERE_TO, proxied, remember
from sidestep.controlplane.generators.node.messages import HASHED, dialled, packed, state
from sidestep.controlplane.generators.node.tls import server
from sidestep.controlplane.generators.sidecar import service_ports
from sidestep.controlplane.generators.waypoint import managers
from sidestep.controlplane.generators.waypoint.names import (
    CHAIN_STATE,
    CONNECT,
    DIALLED_STATE,
    LOCAL,
    MAIN,
    POD_STATE,
    PODS,
    REMOTE,
    SNIFF,
    STREAMS,
    WAIT,
)
from sidestep.controlplane.generators.waypoint.plan import Standing
from sidestep.controlplane.generators.waypoint.settings import Settings
from sidestep.controlplane.records import HBONE_PORT
from sidestep.semantics.envoy_filters import Context, Patch

PATCHED = "HTTP_FILTER"
_ANY, _ANY6 = "0.0.0.0", "::"  # noqa: S104 - within the pod
_INSPECTOR = ListenerFilter(name="envoy.filters.listener.http_inspector", typed_config=packed(HttpInspector()))
_HTTP = ("http/1.0", "http/1.1", "h2c")
_DESTINATION = "envoy.network.transport_socket.original_dst_address"


def listeners(standing: Standing, settings: Settings) -> Iterator[Listener]:
    """All of them."""
    yield _outside(CONNECT, HBONE_PORT, managers.connect(), _tls(standing, settings))
    yield from service_ports.listeners()
    yield from views(standing, settings)
    yield _inside(STREAMS, FilterChain(filters=[managers.streams(standing, metrics=settings.metrics)]))
    yield _wait()
    yield tunnels()
    yield _to_pods()


def views(standing: Standing, settings: Settings, view: str = "") -> Iterator[Listener]:
    """Where requests are judged that are seen alike, and where it is found out whether they are any.

    Attached code runs in the manager of requests, and EnvoyFilters patch it; to both it is inbound.
    """
    plain = _inside(MAIN + view, FilterChain(filters=[managers.requests(standing, metrics=settings.metrics)]))
    running = with_modules(plain, standing.modules, Context.INBOUND)
    yield patch_listener(running, carried_out(standing.patches), Context.INBOUND) or running
    yield _sniff(view)


def carried_out(patches: Iterable[Patch]) -> tuple[Patch, ...]:
    """Those that a waypoint of the lab carries out: on filters of HTTP."""
    return tuple(each for each in patches if each.apply_to == PATCHED)


def _tls(standing: Standing, settings: Settings) -> TransportSocket:
    return server(standing.identity, (settings.trust_domain, *settings.trust_domains))


def _outside(name: str, port: int, manager: Filter, tls: TransportSocket) -> Listener:
    """A socket for each family."""
    chain = FilterChain(filters=[manager], transport_socket=tls)
    return Listener(
        name=name,
        address=dialled(_ANY, port),
        additional_addresses=[{"address": dialled(_ANY6, port)}],
        enable_reuse_port={"value": True},
        filter_chains=[chain],
    )


def _inside(name: str, *chains: FilterChain) -> Listener:
    return Listener(name=name, internal_listener={}, listener_filters=[WHERE_TO], filter_chains=chains)


def _sniff(view: str) -> Listener:
    """HTTP goes on to where requests are judged, everything else as a CONNECT to where streams are.

    It waits for the client's first bytes for ever, as Istio's does.
    """
    http = FilterChain(
        name="http",
        filter_chain_match={"application_protocols": _HTTP},
        filters=[remember(_known()), proxied(_copy("sniffed.http", MAIN + view))],
    )
    return _inspected(_inside(SNIFF + view, http))


def _wait() -> Listener:
    """It waits likewise, and hands everything on as a CONNECT."""
    return _inspected(_inside(WAIT))


def _inspected(found: Listener) -> Listener:
    stream = _copy("sniffed.bytes", STREAMS)
    stream.tunneling_config.hostname = f"%FILTER_STATE({DIALLED_STATE}:PLAIN)%"
    found.listener_filters.append(_INSPECTOR)
    found.listener_filters_timeout.FromTimedelta(timedelta(0))
    found.default_filter_chain.CopyFrom(FilterChain(name="bytes", filters=[remember(_known()), proxied(stream)]))
    return found


def _known() -> list[FilterStateValue]:
    """What goes with a connection, once: beyond, tunnels are dialled by an endpoint's own words."""
    return [
        *(
            state(key, f"%FILTER_STATE({key}:PLAIN)%", factory=HASHED, shared="ONCE")
            for key in (SOURCE_PRINCIPAL, CHAIN_STATE, DIALLED_STATE)
        ),
        state(LOCAL, "%DOWNSTREAM_LOCAL_ADDRESS%", shared="ONCE"),
        state(REMOTE, "%DOWNSTREAM_REMOTE_ADDRESS%", shared="ONCE"),
    ]


def _to_pods() -> Listener:
    """To a pod with a tunnel that was dialled itself, at whatever port."""
    proxy = _copy(PODS, HBONE_CLUSTER)
    proxy.tunneling_config.hostname = f"%FILTER_STATE({POD_STATE}:PLAIN)%"
    where = state(_DESTINATION, f"%FILTER_STATE({POD_STATE}:PLAIN)%", shared="ONCE")
    return _inside(PODS, FilterChain(filters=[remember([where]), proxied(proxy)]))


def _copy(name: str, cluster: str) -> TcpProxy:
    return TcpProxy(stat_prefix=name, cluster=cluster, idle_timeout=timedelta(0))
