"""Spans as they come over OTLP, the protocol of OpenTelemetry."""

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from sidestep.lab.traces.spans import Span, SpanKind

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PATHS = (METHOD, "/v1/traces")
"""Of requests over gRPC and over HTTP."""
_KINDS = {2: SpanKind.SERVER, 3: SpanKind.CLIENT}
_FAILED = 2
_BY_SCOPE = ResourceSpans.DESCRIPTOR.fields_by_number[2].name
"""Renamed in newer versions of the protocol, and the same on the wire."""
_PREFIX = 5


def received(path: str, body: bytes) -> list[Span]:
    """All spans in a request's body.

    Raises:
        ValueError: there are none.
    """
    parts = messages(body) if path == METHOD else (body,)
    return [span for part in parts for span in spans(part)]


def spans(message: bytes) -> Iterator[Span]:
    """All spans of a request.

    Raises:
        ValueError: it is none.
    """
    try:
        told = ExportTraceServiceRequest.FromString(message)
    except DecodeError as error:
        raise ValueError("this is no request of OTLP") from error
    for resource in told.resource_spans:
        service = _attributes(resource.resource.attributes).get("service.name", "")
        for scope in getattr(resource, _BY_SCOPE):
            for each in scope.spans:
                yield _span(each, service)


def messages(framed: bytes) -> Iterator[bytes]:
    """Messages in the body of a request of gRPC; what is cut short is left out."""
    while len(framed) >= _PREFIX:
        size = int.from_bytes(framed[1:_PREFIX])
        if framed[0] or len(framed) < _PREFIX + size:
            return
        yield framed[_PREFIX : _PREFIX + size]
        framed = framed[_PREFIX + size :]


def _span(each: Any, service: str) -> Span:
    return Span(
        each.trace_id.hex(),
        each.span_id.hex(),
        each.name,
        _KINDS.get(each.kind, SpanKind.INTERNAL),
        service,
        each.start_time_unix_nano,
        each.end_time_unix_nano,
        each.parent_span_id.hex(),
        each.status.code == _FAILED,
        _attributes(each.attributes),
    )


def _attributes(pairs: Iterable[Any]) -> dict[str, str]:
    found = {}
    for each in pairs:
        kind = each.value.WhichOneof("value")
        if kind in ("string_value", "bool_value", "int_value", "double_value"):
            found[each.key] = str(getattr(each.value, kind))
    return found
