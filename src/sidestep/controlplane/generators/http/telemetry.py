"""What pods' proxies write of requests, and what they tell of traces.

One line of each request goes to a file beside the proxy, in a form of ours: the lab makes Istio's metrics of it
(`lab.metrics`), as it makes those of connections. Lines that users ask for go to the proxy's own output, in Istio's
forms. Both are the same for all replicas of a proxy: who it is, its folder says.

Source: pilot/pkg/model/telemetry_logging.go (forms); pilot/pkg/networking/core/tracing.go.
"""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
from envoy.config.trace.v3.opentelemetry_pb2 import OpenTelemetryConfig
from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog
from envoy.extensions.access_loggers.filters.cel.v3.cel_pb2 import ExpressionFilter
from envoy.extensions.access_loggers.stream.v3.stream_pb2 import StdoutAccessLog
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.tracers.opentelemetry.resource_detectors.v3.dynatrace_resource_detector_pb2 import (
    DynatraceResourceDetectorConfig,
)
from envoy.extensions.tracers.opentelemetry.resource_detectors.v3.environment_resource_detector_pb2 import (
    EnvironmentResourceDetectorConfig,
)
from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct as PlainStruct
from msgspec import Struct

from sidestep.controlplane.generators.http.authorization import SOURCE_PRINCIPAL
from sidestep.controlplane.generators.http.durations import readable
from sidestep.controlplane.generators.http.filters import MESSAGES
from sidestep.controlplane.generators.http.upstreams import ClusterFor, of_collector
from sidestep.controlplane.generators.node.messages import extension, literal, packed
from sidestep.semantics.span_exporters import Exporter
from sidestep.semantics.telemetry import LogFormat, Logging, Observed, Tag, Tracing

REQUESTS = "requests.log"
"""File of the lines that metrics are made of, in the folder in which a proxy runs."""
_TEXT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% '
    '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% '
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)
_LABELS = {
    "start_time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "route_name": "%ROUTE_NAME%",
}
_EXPORT = Duration(seconds=3)
_DETECTORS = {
    "environment": ("envoy.tracers.opentelemetry.resource_detectors.environment", EnvironmentResourceDetectorConfig()),
    "dynatrace": ("envoy.tracers.opentelemetry.resource_detectors.dynatrace", DynatraceResourceDetectorConfig()),
}
WHILE_IT_LASTS = timedelta(seconds=5)
"""After which time a connection that lasts is written of again."""


class Reporter(StrEnum):
    """Who tells of a request, as Istio's metrics call it."""

    SOURCE = "source"
    DESTINATION = "destination"
    WAYPOINT = "waypoint"


_SHOWN, _TUNNELLED = "%DOWNSTREAM_PEER_URI_SAN%", f"%FILTER_STATE({SOURCE_PRINCIPAL}:PLAIN)%"
_PEER: dict[Reporter, dict[str, str]] = {
    Reporter.SOURCE: {},
    Reporter.DESTINATION: {"identity": _SHOWN, "tunnelled": _TUNNELLED},
    Reporter.WAYPOINT: {"identity": _TUNNELLED},
}


class Watched(Struct, frozen=True):
    """What a connection manager writes and tells."""

    logs: tuple[AccessLog, ...] = ()
    tracing: HttpConnectionManager.Tracing | None = None


def watched(observed: Observed, reporter: Reporter, service: str, cluster: ClusterFor, *, metrics: bool) -> Watched:
    """What a connection manager writes and tells.

    Args:
        observed: as Telemetry asks.
        reporter: who it is to metrics.
        service: what its spans are called by.
        cluster: by which collectors are reached.
        metrics: whether lines for metrics are written.
    """
    logs = (*((counted(reporter),) if metrics else ()), *written(observed.logs))
    told = observed.tracing
    if told is None:
        return Watched(logs)
    return Watched(logs, tracing(told, cluster(of_collector(told.to)), service))


def counted(reporter: Reporter) -> AccessLog:
    """The line that metrics are made of; sizes are those on the wire, with headers, as Istio counts them."""
    asked = {
        "received": "%DOWNSTREAM_WIRE_BYTES_RECEIVED%",
        "sent": "%DOWNSTREAM_WIRE_BYTES_SENT%",
        "authority": "%REQ(:AUTHORITY)%",
        "code": "%RESPONSE_CODE%",
        "grpc": "%GRPC_STATUS_NUMBER%",
        "route": "%ROUTE_NAME%",
        "messages": f"%FILTER_STATE({MESSAGES}:PLAIN)%",
        "type": "%REQ(CONTENT-TYPE)%",
    }
    return _line({**_ends(reporter), **asked})


def counted_bytes(reporter: Reporter) -> AccessLog:
    """The lines that metrics of connections are made of: at their beginning and at their end."""
    return _line({**_ends(reporter), "message": "%ACCESS_LOG_TYPE%", "id": "%CONNECTION_ID%"})


def counted_streams(reporter: Reporter) -> AccessLog:
    """Likewise where each connection comes as a CONNECT, several of them within one: the moment tells them apart."""
    number = "%CONNECTION_ID% %START_TIME(%s.%9f)%"
    return _line({**_ends(reporter), "message": "%ACCESS_LOG_TYPE%", "id": number})


def _ends(reporter: Reporter) -> dict[str, str]:
    return {
        "reporter": reporter.value,
        "source": "%DOWNSTREAM_REMOTE_ADDRESS%",
        **_PEER[reporter],
        "local": "%DOWNSTREAM_LOCAL_ADDRESS%",
        "cluster": "%UPSTREAM_CLUSTER_RAW%",
        "upstream": "%UPSTREAM_HOST%",
        "server": "%UPSTREAM_PEER_URI_SAN%",
        "flags": "%RESPONSE_FLAGS%",
        "received": "%BYTES_RECEIVED%",
        "sent": "%BYTES_SENT%",
        "duration": "%DURATION%",
    }


def _line(line: dict[str, str]) -> AccessLog:
    form = FileAccessLog(path=REQUESTS, log_format={"json_format": ParseDict(line, PlainStruct())})
    return AccessLog(name="envoy.access_loggers.file", typed_config=packed(form))


def written(wanted: Iterable[Logging]) -> list[AccessLog]:
    """The lines that users ask for."""
    return [_written(each) for each in wanted]


def _written(wanted: Logging) -> AccessLog:
    made = StdoutAccessLog(log_format=_format(wanted.form))
    found = AccessLog(name="envoy.access_loggers.stdout", typed_config=packed(made))
    if wanted.only:
        found.filter.extension_filter.name = "envoy.access_loggers.extension_filters.cel"
        found.filter.extension_filter.typed_config.CopyFrom(packed(ExpressionFilter(expression=wanted.only)))
    return found


def _format(form: LogFormat) -> SubstitutionFormatString:
    if form.json:
        labels = dict(form.labels) or _LABELS
        return SubstitutionFormatString(json_format=ParseDict(labels, PlainStruct()))
    text = form.text or _TEXT
    ended = text if text.endswith("\n") else f"{text}\n"
    return SubstitutionFormatString(text_format_source={"inline_string": ended})


def tracing(wanted: Tracing, cluster: str, service: str) -> HttpConnectionManager.Tracing:
    """Of which requests a connection manager makes spans, and to whom it tells them.

    Args:
        wanted: as Telemetry asks.
        cluster: of the collector.
        service: what the proxy's spans are called by.
    """
    told = _over_http(wanted.to, cluster) if wanted.to.path else _over_grpc(wanted.to, cluster)
    told.service_name = service
    told.resource_detectors.extend(extension(*_DETECTORS[each]) for each in wanted.to.detectors)
    found = HttpConnectionManager.Tracing(
        client_sampling={"value": 100},
        random_sampling={"value": wanted.percent},
        overall_sampling={"value": 100},
        custom_tags=map(_tag, wanted.tags),
        spawn_upstream_span={"value": True},
        provider={"name": "envoy.tracers.opentelemetry", "typed_config": packed(told)},
    )
    if wanted.to.longest_path:
        found.max_path_tag_length.value = wanted.to.longest_path
    return found


def _over_http(to: Exporter, cluster: str) -> OpenTelemetryConfig:
    uri = {"uri": f"http://{to.host}{to.path}", "cluster": cluster, "timeout": readable(to.timeout) or _EXPORT}
    headers = [
        {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for name, value in to.headers
    ]
    return OpenTelemetryConfig(http_service={"http_uri": uri, "request_headers_to_add": headers})


def _over_grpc(to: Exporter, cluster: str) -> OpenTelemetryConfig:
    metadata = [{"key": name, "value": value} for name, value in to.headers]
    called = {"cluster_name": cluster, "authority": to.host}
    return OpenTelemetryConfig(
        grpc_service={"envoy_grpc": called, "timeout": readable(to.timeout), "initial_metadata": metadata}
    )


def _tag(wanted: Tag) -> CustomTag:
    match wanted.kind:
        case "environment":
            return CustomTag(tag=wanted.name, environment={"name": wanted.value, "default_value": wanted.default})
        case "header":
            return CustomTag(tag=wanted.name, request_header={"name": wanted.value, "default_value": wanted.default})
        case _:
            return CustomTag(tag=wanted.name, literal={"value": literal(wanted.value)})
