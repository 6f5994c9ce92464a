"""Istio's default text format of Envoy's access log, taken apart into the keys of its JSON encoding.

Source: EnvoyTextLogFormat in Istio's pilot/pkg/model/telemetry_logging.go, the same from 1.9 to 1.31 but for the name
of the cluster. Envoy's own default format, which lacks three fields in the middle and all after the upstream host, is
read too. A value may hold blanks and quotes of its own, so each ends where the next field can begin.
"""

import re

from msgspec import Struct

_START = re.compile(r'\[([0-9]{4}-[0-9]{2}-[0-9]{2}T[^\]\s"]{5,40})\]\s+"')
_REQUEST_END = re.compile(r'"\s+([0-9]{1,3}|-)(?=\s|$)')
_FLAGS = re.compile(r"-|[A-Z][A-Z0-9_]*(?:,[A-Z0-9_]+)*")
_TOKEN = re.compile(r"[^\s{]*(?:\{[^{}]*\})?\S*")
_BEFORE_QUOTED = re.compile(r'"(?=\s+"|\s*$)')
_BEFORE_NUMBER = re.compile(r'"(?=\s+[0-9-]|\s*$)')
_BEFORE_ANY = re.compile(r'"(?=\s|$)')

_WHY = ("response_code_details", "connection_termination_details", "upstream_transport_failure_reason")
_REST = (
    "bytes_received", "bytes_sent", "duration", "upstream_service_time", "x_forwarded_for", "user_agent", "request_id",
    "authority", "upstream_host", "upstream_cluster", "upstream_local_address", "downstream_local_address",
    "downstream_remote_address", "requested_server_name", "route_name",
)  # fmt: skip
_QUOTED = {
    "upstream_transport_failure_reason": _BEFORE_NUMBER,
    "x_forwarded_for": _BEFORE_QUOTED,
    "user_agent": _BEFORE_QUOTED,
    "request_id": _BEFORE_QUOTED,
    "authority": _BEFORE_QUOTED,
    "upstream_host": _BEFORE_ANY,
}
ENVOY_KEYS = frozenset({"start_time", "method", "path", "protocol", "response_code", "response_flags", *_WHY, *_REST})


class TextLine(Struct, frozen=True):
    """A line in text: what stood in front of it, its fields, and what is left when they end or stop making sense."""

    prefix: str
    fields: dict[str, object]
    rest: str


def envoy_text(line: str) -> TextLine | None:
    """The fields of a line, as many as are there; None for a line of another format."""
    start = _START.search(line)
    request_end = _REQUEST_END.search(line, start.end()) if start else None
    if start is None or request_end is None:
        return None
    fields: dict[str, object] = {"start_time": start[1], "response_code": request_end[1]}
    fields |= _request(line[start.end() : request_end.start()])
    flags = _TOKEN.match(rest := line[request_end.end() :].lstrip())
    if flags is None or not flags[0]:
        return TextLine(line[: start.start()], fields, rest)
    if not _FLAGS.fullmatch(flags[0]):
        return None
    fields["response_flags"] = flags[0]
    return TextLine(line[: start.start()], fields, _read(fields, rest[flags.end() :].lstrip()))


def _request(written: str) -> dict[str, str]:
    """Method, path and protocol; a path may hold blanks."""
    method, _, rest = written.partition(" ")
    path, _, protocol = rest.rpartition(" ")
    return {"method": method, "path": path, "protocol": protocol}


def _read(fields: dict[str, object], rest: str) -> str:
    """Adds the fields after the flags, and returns what is left."""
    numbers_follow = re.match(r"[0-9]+\s+[0-9]+\s", rest)
    for key in _REST if numbers_follow else (*_WHY, *_REST):
        taken = _take(rest, _QUOTED.get(key))
        if taken is None:
            return rest
        fields[key], rest = taken
    return rest


def _take(rest: str, end: re.Pattern[str] | None) -> tuple[str, str] | None:
    """The next value and what follows it; None when the line was cut off here or reads otherwise."""
    if end is None:
        token = _TOKEN.match(rest)
        return (token[0], rest[token.end() :].lstrip()) if token and token[0] and token[0][0] != '"' else None
    closing = end.search(rest, 1) if rest.startswith('"') else None
    return (rest[1 : closing.start()], rest[closing.end() :].lstrip()) if closing else None
