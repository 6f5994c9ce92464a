"""A line of ztunnel's access log, in its text and its JSON form.

Source: ztunnel's src/proxy/metrics.rs (keys) and src/telemetry.rs (both forms); ztunnel.md §7.2. Text values are
written as Rust's debug format writes them: quoted with escapes, or bare.
"""

import re

from sidestep.explain.log_lines.line import LogFormat, LogLine, Party, Reporter
from sidestep.explain.log_lines.policies import policy_rule, verdict
from sidestep.explain.log_lines.values import Fields, address, milliseconds, number, text

_ENDS = tuple(
    f"{end}.{field}"
    for end in ("src", "dst")
    for field in ("addr", "workload", "namespace", "identity", "service", "hbone_addr")
)
_BYTES = ("bytes_sent", "bytes_recv")
_KNOWN = frozenset({*_ENDS, *_BYTES, "direction", "duration", "error"})
_HEAD = frozenset({"level", "time", "scope", "message", "target"})
_FIELD = re.compile(r'(?:^|(?<=\s))([a-z_]+(?:\.[a-z_]+)*)=("(?:[^"\\]|\\.)*\\?(?:"|$)|[^\s"]\S*|(?=\s|$))', re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MARK = re.compile(r"(?:^|\s)(?:src|dst)\.[a-z_]+=")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9:]{5})")
_HEAD_WORDS = re.compile(
    r"\s*(?:trace|debug|info|warn|error)?\s*(?:access)?\s*(?:connection (?:complete|opened|failed))?\s*", re.IGNORECASE
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|(.))", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_REPORTERS = {"inbound": Reporter.ZTUNNEL_INBOUND, "outbound": Reporter.ZTUNNEL_OUTBOUND}


def is_ztunnel(fields: Fields) -> bool:
    """Whether a JSON object is a line of this log."""
    return any(key in fields for key in _ENDS)


def ztunnel_text(line: str) -> tuple[str, LogLine] | None:
    """What stood in front, and the line; None for a line of another format."""
    mark = _MARK.search(line)
    if mark is None:
        return None
    head, body = line[: mark.start()], line[mark.start() :]
    pairs = [(match[1], match[2]) for match in _FIELD.finditer(body)]
    cut_off = tuple(f"{key}={value}" for key, value in pairs if _is_cut_off(value))
    prefix, time, words = _head(head)
    left = tuple(piece for piece in (words, *_FIELD.sub(" ", body).split(), *cut_off) if piece)
    fields = {"time": time} | {key: _unquoted(value) for key, value in pairs if not _is_cut_off(value)}
    return prefix, ztunnel_line(fields, LogFormat.ZTUNNEL_TEXT, left)


def ztunnel_line(fields: Fields, written: LogFormat, left: tuple[str, ...] = ()) -> LogLine:
    """The line that the fields make; ztunnel counts bytes as the pod sees them that it stands next to."""
    direction, error = text(fields, "direction"), text(fields, "error")
    tunnelled = address(text(fields, "dst.hbone_addr"))
    reached = address(text(fields, "dst.addr"))
    to_client, from_client = _BYTES[::-1] if direction == "outbound" else _BYTES
    return LogLine(
        written,
        _REPORTERS.get(direction, Reporter.UNKNOWN),
        f"direction {direction}" if direction in _REPORTERS else "",
        time=text(fields, "time"),
        error=error,
        verdict=verdict(error),
        policy=policy_rule(error),
        source=_party(fields, "src"),
        destination=_party(fields, "dst"),
        tunnel=reached if tunnelled else None,
        bytes_sent=number(fields, to_client),
        bytes_received=number(fields, from_client),
        duration_ms=milliseconds(fields, "duration"),
        unparsed=(*left, *(f"{key}={fields[key]}" for key in fields if key not in _KNOWN | _HEAD)),
    )


def _party(fields: Fields, end: str) -> Party:
    written = text(fields, f"{end}.hbone_addr") or text(fields, f"{end}.addr")
    return Party(
        address=address(written),
        workload=text(fields, f"{end}.workload"),
        namespace=text(fields, f"{end}.namespace"),
        identity=text(fields, f"{end}.identity"),
        service=text(fields, f"{end}.service"),
    )


def _head(head: str) -> tuple[str, str, str]:
    """What stands before ztunnel's own time, that time, and words after it that its header does not have."""
    times = list(_TIME.finditer(head))
    if not times:
        return head, "", ""
    own = times[-1]
    words = head[own.end() :]
    known = _HEAD_WORDS.match(words)
    return head[: own.start()], own[0], (words[known.end() :] if known else words).strip()


def _is_cut_off(written: str) -> bool:
    """Whether a quoted value ends before its closing quote: half an identity is not one."""
    return written.startswith('"') and _QUOTED.fullmatch(written) is None


def _unquoted(written: str) -> str:
    return _ESCAPE.sub(_unescaped, written[1:-1]) if written.startswith('"') else written


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        code = int(match[1], 16)
        return chr(code) if code <= 0x10FFFF else match[0]
    return _PLAIN.get(match[2], match[2])
