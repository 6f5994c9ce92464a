"""Routing netlink: links, addresses, routes, neighbours and rules as requests that are sent in batches.

The layouts are those of `linux/rtnetlink.h` and `linux/if_link.h`; what the kernel wants beyond them is in lab.md §2.
"""

import errno
import os
import socket
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, Self

from sidestep.errors import UsageError

_REQUEST, _ACK, _REPLACE, _CREATE, _EXCLUSIVE = 1, 4, 0x100, 0x400, 0x200
_NEW = _REQUEST | _ACK | _CREATE | _EXCLUSIVE
_NEWLINK, _NEWADDR, _NEWROUTE, _DELROUTE, _NEWNEIGH, _NEWRULE = 16, 20, 24, 25, 28, 32
_ERROR = 2
_UP = 1
_BIG_BUFFER = 1 << 20
LOOPBACK = 1
"""Index of `lo` in every namespace."""


class Request(NamedTuple):
    """What is asked of the kernel.

    Attributes:
        what: in words, for when it refuses.
        data: the message.
    """

    what: str
    data: bytes


class Netlink:
    """A socket of the namespace in which it was made; it may be used from any other."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BIG_BUFFER)
        self._socket.bind((0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Speak no more."""
        self._socket.close()

    def send(self, requests: Sequence[Request]) -> None:
        """Have all requests carried out, in order.

        Raises:
            UsageError: the kernel refused one; those after it may have been carried out.
        """
        self._socket.send(b"".join(request.data for request in requests))
        codes: list[int] = []
        while len(codes) < len(requests):
            codes += _codes(self._socket.recv(1 << 16))
        for request, code in zip(requests, codes, strict=True):
            if code:
                raise UsageError(f"the kernel refuses to {request.what}: {os.strerror(code)}", remedy=_remedy(code))


def veth(name: str, index: int, mac: bytes, peer: "Peer") -> Request:
    """A pair of linked interfaces: one here, one in another namespace. Neither is up yet."""
    far = _link(peer.number) + _text(3, peer.name) + _attribute(1, peer.mac) + _QUEUES + _number(28, peer.namespace)
    kind = _attribute(18, _text(1, "veth") + _attribute(2, _attribute(1, far)))
    return _request(
        f"make the link {name}", _NEWLINK, _link(index) + _text(3, name) + _attribute(1, mac) + _QUEUES + kind
    )


class Peer(NamedTuple):
    """The far end of a pair.

    Attributes:
        name: of the interface.
        number: its index.
        mac: its hardware address.
        namespace: where it is to be, by descriptor.
    """

    name: str
    number: int
    mac: bytes
    namespace: int


def silent(index: int) -> Request:
    """An interface makes itself no IPv6 address, and so asks and announces nothing."""
    mode = _attribute(26, _attribute(socket.AF_INET6, _attribute(8, struct.pack("=B", 1))))
    return _request(f"keep interface {index} silent", _NEWLINK, _link(index) + mode, _REQUEST | _ACK)


def up(index: int) -> Request:
    """An interface starts to work."""
    return _request(f"bring interface {index} up", _NEWLINK, _link(index, _UP), _REQUEST | _ACK)


def down(index: int) -> Request:
    """An interface stops to work; its routes are gone."""
    return _request(
        f"take interface {index} down", _NEWLINK, struct.pack("=BxHiII", 0, 0, index, 0, _UP), _REQUEST | _ACK
    )


def address(index: int, value: str) -> Request:
    """An interface has an address, which no other has: nobody is asked whether it is taken."""
    family, packed = _packed(value)
    head = struct.pack("=BBBBi", family, len(packed) * 8, 2 if family == socket.AF_INET6 else 0, 0, index)
    return _request(f"add the address {value}", _NEWADDR, head + _attribute(2, packed) + _attribute(1, packed))


class Kind(IntEnum):
    """To whom a route leads."""

    OTHERS = 1
    LOCAL = 2
    SILENCE = 6
    NOBODY = 7


class Route(NamedTuple):
    """Where packets go.

    Attributes:
        to: address or network; "" and `family` for all.
        out: index of the interface; 0 for none.
        via: the next hop; "" when who is meant is at the interface.
        source: the address from which we speak there.
        table: number of the routing table.
        kind: to others, to ourselves, or to nobody.
        family: of addresses, where none tells.
        segment: the largest piece of a stream that we say we take there; 0 for what the interface takes.
    """

    to: str
    out: int
    via: str = ""
    source: str = ""
    table: int = 254
    kind: Kind = Kind.OTHERS
    family: int = socket.AF_INET
    segment: int = 0


def route(what: Route) -> Request:
    """Packets find their way."""
    return _request(f"add the route to {what.to or 'all'}", _NEWROUTE, _way(what))


def no_route(what: Route) -> Request:
    """They find it no more."""
    return _request(f"delete the route to {what.to or 'all'}", _DELROUTE, _way(what), _REQUEST | _ACK)


def _way(what: Route) -> bytes:
    to, _, length = what.to.partition("/")
    family, packed = _packed(to) if to else (what.family, b"")
    prefix = int(length) if length else len(packed) * 8
    scope = 254 if what.kind is Kind.LOCAL else 253 if what.out and not what.via and family == socket.AF_INET else 0
    head = struct.pack("=BBBBBBBBI", family, prefix, 0, 0, what.table, 4, scope, what.kind, 4 if what.via else 0)
    parts = [_number(4, what.out)] if what.out else []
    parts += [_attribute(number, _packed(value)[1]) for number, value in ((5, what.via), (7, what.source)) if value]
    if packed:
        parts.append(_attribute(1, packed))
    if what.segment:
        parts.append(_attribute(8, _number(8, what.segment)))
    return head + b"".join(parts)


def neighbour(index: int, value: str, mac: bytes) -> Request:
    """Who is at an interface, for ever: the kernel's table of those it had to ask about is small (lab.md §2)."""
    family, packed = _packed(value)
    head = struct.pack("=BxHiHBB", family, 0, index, 0x80, 0, 0)
    body = head + _attribute(1, packed) + _attribute(2, mac)
    return _request(f"add the neighbour {value}", _NEWNEIGH, body, _REQUEST | _ACK | _CREATE | _REPLACE)


def marked(mark: int, mask: int, table: int, family: int, priority: int) -> Request:
    """Packets with a mark are routed by a table of their own."""
    head = struct.pack("=BBBBBBBBI", family, 0, 0, 0, table, 0, 0, 1, 0)
    body = head + _number(10, mark) + _number(16, mask) + _number(6, priority)
    return _request(f"route packets marked {mark:#x} by table {table}", _NEWRULE, body)


def _codes(data: bytes) -> list[int]:
    codes = []
    offset = 0
    while offset < len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        if kind == _ERROR:
            codes.append(-struct.unpack_from("=i", data, offset + 16)[0])
        offset += (length + 3) & ~3
    return codes


def _remedy(code: int) -> str:
    if code == errno.EPERM:
        return "start through `sidestep lab`, which enters namespaces of its own first"
    if code in {errno.EOPNOTSUPP, errno.EAFNOSUPPORT}:
        return "a kernel with veth, IPv6 and policy routing is needed; all usual ones have them"
    return ""


def _request(what: str, kind: int, body: bytes, flags: int = _NEW) -> Request:
    return Request(what, struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body)


def _link(index: int, flags: int = 0) -> bytes:
    return struct.pack("=BxHiII", 0, 0, index, flags, flags)


def _attribute(kind: int, data: bytes) -> bytes:
    length = 4 + len(data)
    return struct.pack("=HH", length, kind) + data + bytes(-length % 4)


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("=I", value))


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _packed(value: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in value else socket.AF_INET
    return family, socket.inet_pton(family, value)


_QUEUES = _number(31, 1) + _number(32, 1)
"""One each way: by default there is one for each processor, and each is an object that takes time to make."""
