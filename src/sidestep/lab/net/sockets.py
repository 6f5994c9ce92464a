"""What the kernel knows of a namespace's sockets, asked by `sock_diag(7)`.

`/proc/net/tcp` says the same, but walks through a table as large as the machine's memory allows: 6 ms where this takes
0.2, and a hundred pods that are waited for ask often.
"""

import fcntl
import os
import socket
import struct
from collections.abc import Iterator

from sidestep.lab.net.namespaces import Namespace, inside

_DIAGNOSES, _BY_FAMILY = 4, 20
_REQUEST, _DUMP = 0x1, 0x300
_ERROR, _DONE = 2, 3
_LISTENS = 1 << 10
_ID_LENGTH = 48
_BUFFER = 1 << 16
_GET_FLAGS, _UP = 0x8913, 1


def interfaces_up() -> list[str]:
    """Names of the interfaces that work in this thread's namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return [name for _, name in socket.if_nameindex() if _flags(any_socket, name) & _UP]


def _flags(any_socket: socket.socket, name: str) -> int:
    answer = fcntl.ioctl(any_socket, _GET_FLAGS, struct.pack("16s16x", name.encode()))
    flags: int = struct.unpack_from("=H", answer, 16)[0]
    return flags


def listening(namespace: Namespace) -> frozenset[int]:
    """TCP ports on which somebody listens.

    Raises:
        OSError: the kernel cannot be asked.
    """
    with inside(namespace), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _DIAGNOSES) as line:
        return frozenset(port for family in (socket.AF_INET, socket.AF_INET6) for port in _ports(line, family))


def _ports(line: socket.socket, family: socket.AddressFamily) -> Iterator[int]:
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, _LISTENS) + bytes(_ID_LENGTH)
    line.send(struct.pack("=IHHII", 16 + len(body), _BY_FAMILY, _REQUEST | _DUMP, 1, 0) + body)
    while True:
        told, at = line.recv(_BUFFER), 0
        while at < len(told):
            length, kind = struct.unpack_from("=IH", told, at)
            if kind == _DONE:
                return
            if kind == _ERROR:
                number = -struct.unpack_from("=i", told, at + 16)[0]
                raise OSError(number, f"the kernel does not tell of sockets: {os.strerror(number)}")
            yield struct.unpack_from(">H", told, at + 20)[0]
            at += (length + 3) & ~3
