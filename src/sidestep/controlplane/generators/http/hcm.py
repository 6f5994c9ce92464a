"""Connection managers of pods' proxies: what all have in common, and in what those of servers and clients differ.

Source: pilot/pkg/networking/core/listener_builder.go (buildHTTPConnectionManager). Routes come by RDS and filters are
a list that never changes (`filters`), so that no edit of policies or routes cuts a connection.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy.extensions.http.early_header_mutation.header_mutation.v3.header_mutation_pb2 import HeaderMutation

from sidestep.controlplane.generators.node.messages import ADS, extension, packed
from sidestep.semantics.path_normalisation import PathNormalisation

_NAME = "envoy.filters.network.http_connection_manager"
_UPGRADES = ({"upgrade_type": "websocket"},)
_DECODED = PathNormalisation.DECODE_AND_MERGE_SLASHES
_MERGED = (PathNormalisation.MERGE_SLASHES, _DECODED)


class Side(StrEnum):
    """Whose requests a manager reads, which decides what of their headers is believed."""

    CLIENT = "client"
    """Of the own application."""
    SERVER = "server"
    """Of peers in the mesh: their certificate goes into `x-forwarded-client-cert`."""
    EDGE = "edge"
    """Of clients outside of the mesh, whose address goes into `x-forwarded-for`."""
    WITHIN = "within"
    """Of what comes from another listener of the same proxy."""


_CERTIFICATES: dict[Side, dict[str, Any]] = {
    Side.CLIENT: {"forward_client_cert_details": "SANITIZE"},
    Side.SERVER: {
        "forward_client_cert_details": "APPEND_FORWARD",
        "set_current_client_cert_details": {"subject": {"value": True}, "dns": True, "uri": True},
    },
    Side.EDGE: {
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"subject": {"value": True}, "dns": True, "uri": True},
        "use_remote_address": {"value": True},
    },
    Side.WITHIN: {"forward_client_cert_details": "SANITIZE"},
}


def manager(  # noqa: PLR0913
    prefix: str,
    routes: str | RouteConfiguration,
    side: Side,
    filters: Iterable[HttpFilter],
    *,
    paths: PathNormalisation = PathNormalisation.BASE,
    logs: Sequence[AccessLog] = (),
    tracing: HttpConnectionManager.Tracing | None = None,
    overwritten: Sequence[tuple[str, str]] = (),
    server_name: str = "istio-envoy",
) -> Filter:
    """A connection manager.

    Args:
        prefix: of its counters.
        routes: name of its routes, that come by RDS, or the routes themselves.
        side: whose requests it reads.
        filters: the whole list.
        paths: how paths are normalised.
        logs: what is written of requests.
        tracing: of which requests spans are made; None for none.
        overwritten: headers that get a value before routes are chosen, whatever the client sent; format strings.
        server_name: in answers.
    """
    found = HttpConnectionManager(
        stat_prefix=prefix,
        codec_type="AUTO",
        server_name=server_name,
        server_header_transformation="PASS_THROUGH" if side in (Side.CLIENT, Side.WITHIN) else "OVERWRITE",
        stream_idle_timeout=timedelta(0),
        upgrade_configs=_UPGRADES,
        http_protocol_options={"accept_http_10": True},
        http_filters=filters,
        access_log=logs,
        always_set_request_id_in_response=False,
        normalize_path={"value": paths is not PathNormalisation.NONE},
        merge_slashes=paths in _MERGED,
        path_with_escaped_slashes_action="UNESCAPE_AND_FORWARD" if paths is _DECODED else "KEEP_UNCHANGED",
        **_CERTIFICATES[side],
    )
    if tracing is not None:
        found.tracing.CopyFrom(tracing)
    if isinstance(routes, str):
        found.rds.route_config_name = routes
        found.rds.config_source.CopyFrom(ADS)
    else:
        found.route_config.CopyFrom(routes)
    if overwritten:
        mutations = [
            {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
            for key, value in overwritten
        ]
        early = extension("mesh.overwritten", HeaderMutation(mutations=mutations))
        found.early_header_mutation_extensions.append(early)
    return Filter(name=_NAME, typed_config=packed(found))
