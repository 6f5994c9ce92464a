"""What the kernel knows of a namespace's sockets, asked by `sock_diag(7)`.

`/proc/net/tcp` says the same, but walks through a table as large as the machine's memory allows: 6 ms where this takes
0.2, and a hundred pods that are waited for ask often.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv6Address
from typing import NamedTuple

from sidestep.errors import WorldError
from sidestep.lab.net.namespaces import Namespace, inside

_DIAGNOSES, _BY_FAMILY, _DESTROY = 4, 20, 21
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_LISTENS, _SHAKES_HANDS, _CLOSED_BY_PEER = 1 << 10, 1 << 3, 1 << 8
_OPEN = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 8
"""Established, and those of which one half is closed."""
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_MARK = 15
_ID_LENGTH = 48
_QUEUE = 4 + _ID_LENGTH + 4
_HEAD, _MESSAGE = 16, 72
_BUFFER = 1 << 16


class Socket(NamedTuple):
    """A TCP socket.

    Attributes:
        id: by which the kernel knows it, its cookie included.
        family: of the socket, which may be another than that of its addresses.
        address: its own.
        port: its own.
        peer: address of the other end.
        peer_port: likewise.
        mark: on its packets; 0 where we may not know.
        queue: of one that listens: how many wait to be accepted.
    """

    id: bytes
    family: int
    address: str
    port: int
    peer: str
    peer_port: int
    mark: int
    queue: int


def listening(namespace: Namespace, families: Sequence[int] = _FAMILIES) -> frozenset[int]:
    """TCP ports on which somebody listens.

    Args:
        namespace: in which.
        families: of the sockets that count; one for both families is of IPv6.

    Raises:
        OSError: the kernel cannot be asked.
    """
    return frozenset(each.port for each in _sockets(namespace, _LISTENS, families))


def waited_at(namespace: Namespace) -> frozenset[int]:
    """TCP ports at which somebody waits to be accepted, or is about to; they are reset when who listens goes.

    Raises:
        OSError: the kernel cannot be asked.
    """
    listeners, newcomers = _sockets(namespace, _LISTENS), _sockets(namespace, _SHAKES_HANDS)
    return frozenset([*(each.port for each in newcomers), *(each.port for each in listeners if each.queue)])


def connections(namespace: Namespace) -> list[Socket]:
    """TCP sockets that are connected.

    Raises:
        OSError: the kernel cannot be asked.
    """
    return list(_sockets(namespace, _OPEN))


def left_open(namespace: Namespace) -> bool:
    """Whether anybody has a connection that its other end has closed: he has not heard, or not passed on, that it has.

    Raises:
        OSError: the kernel cannot be asked.
    """
    return any(True for _ in _sockets(namespace, _CLOSED_BY_PEER))


def destroy(namespace: Namespace, sockets: Iterable[Socket]) -> None:
    """Break connections: the other end is reset, and who holds this one is told of an error.

    Raises:
        WorldError: the kernel cannot do that.
    """
    with inside(namespace), _line() as line:
        for each in sockets:
            line.send(_request(_DESTROY, _REQUEST | _ACK, each.family, 0, each.id))
            number = -struct.unpack_from("=i", line.recv(_BUFFER), _HEAD)[0]
            if number not in {0, errno.ENOENT}:
                raise WorldError(
                    f"the kernel breaks no connections: {os.strerror(number)}",
                    remedy="a kernel with CONFIG_INET_DIAG_DESTROY is needed",
                )


def _sockets(namespace: Namespace, states: int, families: Sequence[int] = _FAMILIES) -> Iterator[Socket]:
    with inside(namespace), _line() as line:
        for family in families:
            line.send(_request(_BY_FAMILY, _REQUEST | _DUMP, family, states, bytes(_ID_LENGTH)))
            yield from [_socket(each) for each in _answers(line)]


def _line() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _DIAGNOSES)


def _request(kind: int, flags: int, family: int, states: int, identity: bytes) -> bytes:
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, states) + identity
    return struct.pack("=IHHII", _HEAD + len(body), kind, flags, 1, 0) + body


def _answers(line: socket.socket) -> Iterator[bytes]:
    while True:
        told, at = line.recv(_BUFFER), 0
        while at < len(told):
            length, kind = struct.unpack_from("=IH", told, at)
            if kind == _DONE:
                return
            if kind == _ERROR:
                number = -struct.unpack_from("=i", told, at + _HEAD)[0]
                raise OSError(number, f"the kernel does not tell of sockets: {os.strerror(number)}")
            yield told[at + _HEAD : at + length]
            at += (length + 3) & ~3


def _socket(told: bytes) -> Socket:
    identity = told[4 : 4 + _ID_LENGTH]
    port, peer_port = struct.unpack_from(">HH", identity)
    ends = (_address(told[0], identity[at : at + 16]) for at in (4, 20))
    (queue,) = struct.unpack_from("=I", told, _QUEUE)
    return Socket(identity, told[0], next(ends), port, next(ends), peer_port, _mark(told), queue)


def _address(family: int, packed: bytes) -> str:
    """An IPv4 address at a socket for both families as itself."""
    if family == socket.AF_INET:
        return socket.inet_ntop(family, packed[:4])
    found = IPv6Address(packed)
    return str(found.ipv4_mapped or found)


def _mark(told: bytes) -> int:
    at = _MESSAGE
    while at < len(told):
        length, kind = struct.unpack_from("=HH", told, at)
        if kind == _MARK:
            return int(struct.unpack_from("=I", told, at + 4)[0])
        at += (length + 3) & ~3
    return 0
