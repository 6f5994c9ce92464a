"""The values inside a line: numbers, addresses, names of clusters. What does not fit is None, never an error."""

import re
from collections.abc import Mapping

from sidestep.explain.log_lines.line import Address, UpstreamCluster

Fields = Mapping[str, object]
"""A line as keys and values; a text format yields strings, JSON also numbers, null and worse."""

_NUMBER = re.compile(r"-?[0-9]{1,18}")
_LARGEST = 2.0**63
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)(?:%\w+)?\]|([^\s:/\[\]]+))(?::([0-9]{1,5}))?")
_BARE_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_INTERNAL = re.compile(r"envoy://[^/]*/(.+)")
_MILLISECONDS = re.compile(r"([0-9]{1,15})ms")
_DIRECTIONS = frozenset({"inbound", "inbound-vip", "outbound"})


def text(fields: Fields, key: str) -> str:
    """A value as text; empty for what proxies write when there is none (`-`, null) and for objects and lists."""
    value = fields.get(key)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value != "-" else ""


def number(fields: Fields, key: str) -> int | None:
    """A whole number, written as one or as text."""
    value = fields.get(key)
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
        return int(value)
    return int(written) if _NUMBER.fullmatch(written := text(fields, key)) else None


def milliseconds(fields: Fields, key: str) -> int | None:
    """A duration as ztunnel writes it (`12ms`), or a number of milliseconds as Envoy does."""
    match = _MILLISECONDS.fullmatch(text(fields, key))
    return int(match[1]) if match else number(fields, key)


def address(written: str) -> Address | None:
    """`10.0.0.1:80`, `[::1]:80`, `host:80`; what is behind `envoy://connect_originate/`; None for listeners inside.

    Port 0 is none: Envoy writes it with an address that it took from X-Forwarded-For.
    """
    internal = _INTERNAL.fullmatch(written)
    written = internal[1] if internal else written
    if _BARE_IPV6.fullmatch(written):
        return Address(written)
    match = _ADDRESS.fullmatch(written)
    if match is None:
        return None
    port = int(match[3] or 0)
    return Address(match[1] or match[2], port or None) if port <= 65535 else None


def cluster(written: str) -> UpstreamCluster | None:
    """A cluster, or a server name of the same make (`outbound_.80_.SUBSET_.HOST`).

    Source of both forms: Istio's pilot/pkg/model/service.go (BuildSubsetKey, BuildDNSSrvSubsetKey); of the `;` at the
    end: pilot/pkg/networking/util (DelimitedStatsPrefix), which shows where UPSTREAM_CLUSTER is logged and not its RAW.
    """
    name = written.removesuffix(";")
    parts = name.split("|") if "|" in name else name.split("_.", 3)
    if len(parts) != 4 or parts[0] not in _DIRECTIONS:
        return UpstreamCluster(name) if name else None
    direction, port, subset, host = parts
    return UpstreamCluster(name, direction, int(port) if re.fullmatch("[0-9]{1,5}", port) else None, subset, host)
