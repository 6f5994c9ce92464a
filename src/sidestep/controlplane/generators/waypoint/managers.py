"""Connection managers of a waypoint: where tunnels end, where requests are judged, and where other connections are.

Their filters never change: a list that changes cuts every tunnel (envoy.md §1.3). What does change comes by routes.
"""

from datetime import timedelta

from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.extensions.filters.http.header_mutation.v3.header_mutation_pb2 import HeaderMutation
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC
from envoy.extensions.filters.http.set_filter_state.v3.set_filter_state_pb2 import Config as SetFilterState
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy.extensions.http.early_header_mutation.header_mutation.v3.header_mutation_pb2 import (
    HeaderMutation as EarlyMutation,
)
from msgspec.structs import replace

from sidestep.controlplane.generators.http.authorization import SOURCE_PRINCIPAL
from sidestep.controlplane.generators.http.authorizers import authorizer_filters
from sidestep.controlplane.generators.http.filters import ALLOW, AUDIT, BOTH, DENY, UNASKED, http_filters
from sidestep.controlplane.generators.http.telemetry import (
    WHILE_IT_LASTS,
    Reporter,
    counted,
    counted_streams,
    tracing,
    written,
)
from sidestep.controlplane.generators.node.messages import ADS, HASHED, packed, state
from sidestep.controlplane.generators.node.tunnels import ROUTER
from sidestep.controlplane.generators.waypoint.names import (
    CHAIN,
    CHAIN_STATE,
    CONNECT,
    DIALLED_STATE,
    LOCAL,
    MAIN,
    POD_STATE,
    REMOTE,
    STREAMS,
)
from sidestep.controlplane.generators.waypoint.plan import Standing
from sidestep.semantics.extension_providers import Speech
from sidestep.semantics.path_normalisation import PathNormalisation

HEADERS = "envoy.filters.http.header_mutation"
_STATE = "envoy.filters.http.set_filter_state"
_MANY = 2**31 - 1
_MOST_STREAMS = 1000
_FOR_EVER = timedelta(0)
_MERGED = (PathNormalisation.MERGE_SLASHES, PathNormalisation.DECODE_AND_MERGE_SLASHES)


def connect() -> Filter:
    """Ends tunnels: only by authorities that are served; who is there, and what they dialled, is remembered."""
    remembered = SetFilterState(
        on_request_headers=[
            state(SOURCE_PRINCIPAL, "%DOWNSTREAM_PEER_URI_SAN%", factory=HASHED, shared="ONCE"),
            state(CHAIN_STATE, f"%REQ({CHAIN})%", factory=HASHED, shared="ONCE"),
            state(DIALLED_STATE, "%REQ(:AUTHORITY)%", factory=HASHED, shared="ONCE"),
            state(LOCAL, "%REQ(:AUTHORITY)%", shared="ONCE"),
            state(REMOTE, "%DOWNSTREAM_REMOTE_ADDRESS%", shared="ONCE"),
        ]
    )
    manager = _tunnels(CONNECT, _MOST_STREAMS)
    manager.http_filters.extend(
        [
            *_judges(),
            HttpFilter(name=HEADERS, typed_config=packed(HeaderMutation())),
            HttpFilter(name=_STATE, typed_config=packed(remembered)),
            ROUTER,
        ]
    )
    return _filter(manager)


def streams(standing: Standing, *, metrics: bool) -> Filter:
    """Judges connections in which no HTTP is read, each of which comes as a CONNECT.

    Authorizers that speak gRPC are asked about it: it has no body that would have to be there first.
    """
    asked = (replace(each, body=None) for each in standing.authorizers if each.speech is Speech.GRPC)
    manager = _tunnels(STREAMS, _MANY)
    if metrics:
        manager.access_log.append(counted_streams(Reporter.WAYPOINT))
        manager.access_log_options.flush_log_on_tunnel_successfully_established = True
        manager.access_log_options.access_log_flush_interval.FromTimedelta(WHILE_IT_LASTS)
    shut = HttpFilter(name=UNASKED, typed_config=packed(RBAC()), disabled=True)
    asking = authorizer_filters(asked, dict(standing.asked).__getitem__)
    manager.http_filters.extend((shut, *asking, *_judges(), ROUTER))
    return _filter(manager)


def _judges() -> list[HttpFilter]:
    """Of connections; what they enforce comes by routes."""
    return [HttpFilter(name=name, typed_config=packed(RBAC()), disabled=True) for name in (AUDIT, DENY, ALLOW)]


def requests(standing: Standing, *, metrics: bool) -> Filter:
    """Judges and routes requests, by what was dialled and not by what they call it."""
    clusters = dict(standing.asked)
    chain = {"key": CHAIN, "value": f"%FILTER_STATE({CHAIN_STATE}:PLAIN)%"}
    overwritten = EarlyMutation(
        mutations=[{"append": {"header": chain, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}]
    )
    dialled = SetFilterState(on_request_headers=[state(POD_STATE, _DIALLED, factory=HASHED, shared="ONCE")])
    key = {"fragments": [{"header_value_extractor": {"name": CHAIN, "index": 0}}]}
    manager = HttpConnectionManager(
        stat_prefix=MAIN,
        scoped_routes={"name": MAIN, "scope_key_builder": key, "rds_config_source": ADS},
        early_header_mutation_extensions=[
            {"name": "envoy.http.early_header_mutation.header_mutation", "typed_config": packed(overwritten)}
        ],
        http_filters=[
            HttpFilter(name=_STATE, typed_config=packed(dialled)),
            *http_filters(BOTH, standing.authorizers, clusters.__getitem__),
        ],
        upgrade_configs=[{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
        http2_protocol_options={"allow_connect": True},
        use_remote_address={"value": False},
        skip_xff_append=True,
        stream_idle_timeout=_FOR_EVER,
        server_header_transformation="PASS_THROUGH",
        forward_client_cert_details="SANITIZE",
        stream_error_on_invalid_http_message={"value": True},
    )
    if metrics:
        manager.access_log.append(counted(Reporter.WAYPOINT))
    manager.access_log.extend(written(standing.observed.logs))
    if standing.observed.tracing is not None:
        name = f"{standing.waypoint.name}.{standing.waypoint.namespace}"
        manager.tracing.CopyFrom(tracing(standing.observed.tracing, standing.collector, name))
    manager.scoped_routes.scoped_rds.scoped_rds_config_source.CopyFrom(ADS)
    _normalise(manager, standing.normalisation)
    return _filter(manager)


_DIALLED = "%DOWNSTREAM_LOCAL_ADDRESS%"


def _tunnels(name: str, most: int) -> HttpConnectionManager:
    return HttpConnectionManager(
        stat_prefix=name,
        rds={"config_source": ADS, "route_config_name": name},
        codec_type="HTTP2",
        http2_protocol_options={
            "allow_connect": True,
            "max_concurrent_streams": {"value": most},
            "initial_stream_window_size": {"value": 4 * 1024 * 1024},
            "initial_connection_window_size": {"value": 16 * 1024 * 1024},
        },
        upgrade_configs=[{"upgrade_type": "CONNECT"}],
        stream_idle_timeout=_FOR_EVER,
        generate_request_id={"value": False},
        use_remote_address={"value": name == CONNECT},
        skip_xff_append=True,
    )


def _normalise(manager: HttpConnectionManager, how: PathNormalisation) -> None:
    manager.normalize_path.value = how is not PathNormalisation.NONE
    manager.merge_slashes = how in _MERGED
    if how is PathNormalisation.DECODE_AND_MERGE_SLASHES:
        manager.path_with_escaped_slashes_action = HttpConnectionManager.UNESCAPE_AND_FORWARD


def _filter(manager: HttpConnectionManager) -> Filter:
    return Filter(name="envoy.filters.network.http_connection_manager", typed_config=packed(manager))
