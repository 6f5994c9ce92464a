"""One line of an access log, whichever proxy wrote it and whatever fetched it."""

import re

import msgspec
from msgspec.structs import replace

from sidestep.errors import UsageError
from sidestep.explain.log_lines.envoy import TELLING, envoy_line
from sidestep.explain.log_lines.envoy_text import envoy_text
from sidestep.explain.log_lines.line import LogFormat, LogLine
from sidestep.explain.log_lines.policies import rbac_line
from sidestep.explain.log_lines.values import Fields
from sidestep.explain.log_lines.ztunnel import is_ztunnel, ztunnel_line, ztunnel_text

EXPECTED = (
    "Istio's access log of Envoy (text or JSON), ztunnel's (text or JSON), "
    "Envoy's RBAC debug log or rbac_access_denied_matched_policy[…]"
)
_WRAPPERS = ("log", "textPayload", "jsonPayload")
_DEEPEST = 3
_SHOWN = 80
_FETCHED = re.compile(
    r"""(?:^|(?<=\s))(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9:]{5})  # kubectl logs --timestamps
    |(?:stdout|stderr)\s[FP])(?=\s|$)                                               # a node's container log
    """,
    re.VERBOSE,
)


def parse_log_line(text: str) -> LogLine:
    """What one line says.

    What tools put in front (names of pods and containers, times) is kept in `logged_by`, less the times; a line that
    was cut off says what it still holds.

    Raises:
        UsageError: the text is empty, is more than one line, or fits no format.
    """
    stripped = text.strip()
    if not stripped:
        raise UsageError(f"no line of a log: expected {EXPECTED}")
    parsed = _json(stripped) or _text(stripped)
    if parsed is None and "\n" in stripped:
        count = sum(1 for line in stripped.splitlines() if line.strip())
        raise UsageError(f"{count} lines of a log: expected one", remedy="give the line of the request you ask about")
    if parsed is None:
        raise UsageError(
            f"not a line of an access log that can be read: {_shown(stripped)!r}; expected {EXPECTED}",
            remedy="give one whole line as the proxy wrote it; formats set in meshConfig or by Telemetry are not known",
        )
    return parsed


def _text(line: str) -> LogLine | None:
    """A text format; all of them are one line, but for the debug log, which has a header in each."""
    if "\n" in line:
        return rbac_line(line)
    if found := envoy_text(line):
        parsed = envoy_line(found.fields, LogFormat.ENVOY_TEXT)
        left = (*parsed.unparsed, found.rest) if found.rest else parsed.unparsed
        return replace(parsed, logged_by=_fetched_by(found.prefix), unparsed=left)
    if fetched := ztunnel_text(line):
        return replace(fetched[1], logged_by=_fetched_by(fetched[0]))
    return rbac_line(line)


def _json(text: str, wrappers: int = _DEEPEST) -> LogLine | None:
    """The JSON object that starts at the first brace; None when there is none, or it is of another kind."""
    start = text.find("{")
    try:
        decoded = msgspec.json.decode(text[start:]) if start >= 0 else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    parsed = _object(decoded, wrappers) if isinstance(decoded, dict) else None
    return replace(parsed, logged_by=_fetched_by(text[:start])) if parsed else None


def _object(fields: Fields, wrappers: int) -> LogLine | None:
    """A line as an object, or within the record that a log collector made of it."""
    if is_ztunnel(fields):
        return ztunnel_line(fields, LogFormat.ZTUNNEL_JSON)
    if not TELLING.isdisjoint(fields):
        return envoy_line(fields, LogFormat.ENVOY_JSON)
    inner = next((fields[key] for key in _WRAPPERS if key in fields), None) if wrappers else None
    if isinstance(inner, dict):
        return _object(inner, wrappers - 1)
    return (_json(inner.strip(), wrappers - 1) or _text(inner.strip())) if isinstance(inner, str) else None


def _fetched_by(prefix: str) -> str:
    return " ".join(_FETCHED.sub(" ", prefix).split())


def _shown(text: str) -> str:
    line = text.splitlines()[0] if text.splitlines() else text
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
