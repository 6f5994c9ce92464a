"""One line of a proxy's log: who called whom, as far as the line tells.

Envoy's lines (sidecars, gateways, waypoints) are read in Istio's default text and JSON formats (pilot/pkg/model/
telemetry_logging.go), ztunnel's in both of its own (src/telemetry.rs, src/proxy/metrics.rs). Lines of both that are no
access log are left out; around them may stand what kubectl, a container runtime or a log shipper puts there.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.sources.calls.directory import NOBODY, unix_seconds

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9]{1,3}(?:\.[0-9]{1,3}){3})):[0-9]{1,5}/?$")
_PREFIX = re.compile(r"(?:\[pod/[^\]\s]+\] ?|\d{4}-\d\d-\d\dT\S+ (?:(?:stdout|stderr) [FP] )?(?=\[|\{|\d{4}-\d\d-))+")
_ENVOY = re.compile(r'\[(\d{4}-\d\d-\d\dT[^\]\s]+)\] "(\S+) ')
_BYTES = re.compile(r'" (\d+) (\d+) (?:\d+|-) \S+ "')
_ZTUNNEL = re.compile(r"(\S+)\s+\w+\s+access:?\s+connection complete\s+(.*)")
_FIELD = re.compile(r'(?<![a-z_.])([a-z_.]++)=("(?:[^"\\]|\\.)*"|[^\s"]+)')
_OTHER = re.compile(r"\d{4}-\d\d-\d\dT\S+\s+(?:trace|debug|info|warn|warning|error|fatal)\b", re.IGNORECASE)
_SNI = re.compile(r"outbound_\.\d+_\.[^_]*_\.(.+)")
_PASSED = "PassthroughCluster"
_BLOCKED = ("BlackHoleCluster", *NOBODY)
_DIRECTIONS = {"inbound": "destination", "outbound": "source"}
_TELLERS = {"inbound": "destination", "outbound": "source", "inbound-vip": "waypoint"}
_WRAPPED = ("log", "message", "msg")


class Party(Struct, frozen=True):
    """One end of a call, by whatever the line tells: a pod, an address, an identity."""

    namespace: str = ""
    pod: str = ""
    address: str = ""
    identity: str = ""


class Call(Struct, frozen=True):
    """A request or a connection.

    Attributes:
        when: its time in Unix seconds, where the line has one.
        teller: `source`, `destination` or `waypoint`: whose proxy wrote the line.
        source: who called.
        target: who was called.
        host: under which name, where the line tells.
        protocol: `http` or `tcp`.
        size: bytes in both directions.
    """

    when: float | None
    teller: str
    source: Party
    target: Party
    host: str
    protocol: str
    size: int


class NotACall(Struct, frozen=True):
    """A line of a log that tells of no call: something else that a proxy says, or a request that went nowhere."""


class Malformed(Struct, frozen=True):
    """A line that is none of a proxy's log, or one with a part missing."""


Line = Call | NotACall | Malformed


def read_line(text: str) -> Line:
    """What a line tells."""
    text = text.strip()
    prefix = _PREFIX.match(text)
    text = text[prefix.end() :] if prefix else text
    if not text:
        return NotACall()
    if text.startswith("{"):
        return _json(text)
    envoy = _ENVOY.match(text)
    if envoy:
        return _envoy_text(text, envoy[1], envoy[2])
    ztunnel = _ZTUNNEL.match(text)
    if ztunnel:
        found = {key: _unquoted(value) for key, value in _FIELD.findall(ztunnel[2])}
        return _ztunnel({**found, "time": ztunnel[1]})
    return NotACall() if _OTHER.match(text) else Malformed()


def _json(text: str) -> Line:
    """A JSON object: the proxy's own, or one in which a log shipper wrapped its line."""
    try:
        tree = msgspec.json.decode(text.encode(errors="replace"), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return Malformed()
    inner = next((tree[key] for key in _WRAPPED if isinstance(tree.get(key), str) and "kubernetes" in tree), None)
    if inner is not None and not inner.lstrip().startswith("{"):
        return read_line(inner)
    if inner is not None:
        try:
            tree = msgspec.json.decode(inner.encode(errors="replace"), type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return Malformed()
    fields = {key: str(value) for key, value in tree.items() if isinstance(value, str | int | float)}
    if "upstream_cluster" in fields:
        return _envoy(fields)
    if "src.addr" in fields:
        complete = fields.get("message") == "connection complete"
        return _ztunnel(fields) if complete else NotACall()
    return NotACall() if {"level", "scope"} <= fields.keys() else Malformed()


def _envoy_text(text: str, time: str, method: str) -> Line:
    """By both ends: between them stand words of the client's own, in which quotes are not escaped."""
    size, tail = _BYTES.search(text), text.rsplit('"', 2)
    rest = tail[-1].split()
    if size is None or len(tail) != 3 or len(rest) < 5:
        return Malformed()
    names = ("upstream_cluster", "upstream_local_address", "downstream_local_address", "downstream_remote_address")
    fields = dict(zip((*names, "requested_server_name"), rest, strict=False))
    own = {"start_time": time, "method": method, "upstream_host": tail[1]}
    return _envoy({**fields, **own, "bytes_received": size[1], "bytes_sent": size[2]})


def _envoy(fields: Mapping[str, str]) -> Line:
    cluster = fields["upstream_cluster"].rstrip(";")
    if cluster in _BLOCKED:
        return NotACall()
    direction, _, rest = cluster.partition("|")
    teller = _TELLERS.get(direction) if rest else _passing(cluster)
    if teller is None:
        return Malformed()
    sni = _SNI.fullmatch(fields.get("requested_server_name", ""))
    host = rest.rpartition("|")[2] or (sni[1] if sni and teller == "destination" else "")
    http = fields.get("method", "-") not in NOBODY
    return Call(
        unix_seconds(fields.get("start_time", "")),
        teller,
        Party(address=_caller(fields, teller)),
        Party(address=_callee(fields, teller)),
        cluster if cluster == _PASSED else host,
        "http" if http else "tcp",
        _whole(fields.get("bytes_received")) + _whole(fields.get("bytes_sent")),
    )


def _passing(cluster: str) -> str | None:
    """Who tells of what was dialled by address."""
    if cluster.startswith(f"Inbound{_PASSED}"):
        return "destination"
    return "source" if cluster == _PASSED else None


def _caller(fields: Mapping[str, str], teller: str) -> str:
    """An outbound proxy calls from its own address: a gateway's client is not who calls the service."""
    own = _address(fields.get("upstream_local_address", "")) if teller == "source" else ""
    return own or _address(fields.get("downstream_remote_address", ""))


def _callee(fields: Mapping[str, str], teller: str) -> str:
    """An inbound proxy may pass on to localhost, so what was dialled comes first there."""
    dialled, reached = _address(fields.get("downstream_local_address", "")), _address(fields.get("upstream_host", ""))
    return (dialled or reached) if teller == "destination" else reached


def _ztunnel(fields: Mapping[str, str]) -> Line:
    teller = _DIRECTIONS.get(fields.get("direction", ""))
    if teller is None or "src.addr" not in fields:
        return Malformed()
    return Call(
        unix_seconds(fields.get("time", "")),
        teller,
        _party(fields, "src"),
        _party(fields, "dst"),
        fields.get("dst.service", ""),
        "tcp",
        _whole(fields.get("bytes_sent")) + _whole(fields.get("bytes_recv")),
    )


def _party(fields: Mapping[str, str], end: str) -> Party:
    namespace, pod = fields.get(f"{end}.namespace", ""), fields.get(f"{end}.workload", "")
    return Party(namespace, pod, _address(fields.get(f"{end}.addr", "")), fields.get(f"{end}.identity", ""))


def _address(text: str) -> str:
    """The IP address of an `address:port`, also at the end of `envoy://…/address:port`."""
    match = _ADDRESS.search(text)
    return (match[1] or match[2]).lower() if match else ""


def _unquoted(text: str) -> str:
    return text[1:-1].replace('\\"', '"') if text.startswith('"') else text


def _whole(text: str | None) -> int:
    """A count; 0 where there is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else 0
