"""A small external authorizer, over HTTP and gRPC, that answers as it is told.

Without more it admits what has the header `x-ext-authz: allow`. `PUT /.sidestep/answer/<allow, deny or header>` changes
that while it runs. It is slow by the workload's `latency`, fails by its `error_rate`, and is down without pods.

Source of the messages: envoy/service/auth/v3/external_auth.proto.
"""

from enum import StrEnum
from typing import Any

from sidestep.lab.workload.exchange import Asked, Headers

Told = tuple[int, dict[str, Any], Headers, bytes | None]
"""Status, document and headers of HTTP, and the message of gRPC."""

CHECK = "/envoy.service.auth.v3.Authorization/Check"
SETTING = "/.sidestep/answer/"
HEADER = "x-ext-authz"
_RESULT = "x-ext-authz-check-result"
_DENIED, _STATUS = 7, 403


class Says(StrEnum):
    """What it answers."""

    HEADER = "header"
    ALLOW = "allow"
    DENY = "deny"


class Authorizer:
    """Answers checks."""

    def __init__(self) -> None:
        self.says = Says.HEADER

    def answer(self, asked: Asked) -> Told:
        """What is answered."""
        if asked.path == CHECK:
            admitted = self._admits(_header_of(asked.body) == b"allow")
            return 200, {}, (), _response(admitted=admitted)
        if asked.path.startswith(SETTING):
            return self._set(asked.path.removeprefix(SETTING))
        admitted = self._admits(asked.header(HEADER) == "allow")
        told = "allowed" if admitted else "denied"
        return 200 if admitted else _STATUS, {"check": told}, ((_RESULT, told),), None

    def _set(self, wanted: str) -> Told:
        if wanted not in set(Says):
            return 400, {"error": f"{wanted} is no answer; ask for {', '.join(Says)}"}, (), None
        self.says = Says(wanted)
        return 200, {"answer": wanted}, (), None

    def _admits(self, asks: bool) -> bool:
        return asks if self.says is Says.HEADER else self.says is Says.ALLOW


def _header_of(body: bytes) -> bytes:
    """What follows the header's name in the map of headers of a CheckRequest: key, then a tag, a length, the value."""
    after = body.partition(b"\x0a" + bytes([len(HEADER)]) + HEADER.encode() + b"\x12")[2]
    return after[1 : 1 + after[0]] if after else b""


def _response(*, admitted: bool) -> bytes:
    """A CheckResponse: its status, and headers for the application or for the client."""
    told = _field(1, _field(1, _RESULT.encode()) + _field(2, b"allowed" if admitted else b"denied"))
    if admitted:
        return _field(1, b"") + _field(3, _field(2, told))
    status = _field(1, b"\x08" + _varint(_STATUS))
    return _field(1, b"\x08" + _varint(_DENIED)) + _field(2, status + _field(2, told))


def _field(number: int, content: bytes) -> bytes:
    """A field of protobuf that has a length."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])
