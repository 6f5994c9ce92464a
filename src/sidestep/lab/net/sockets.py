"""What the kernel knows of a namespace's sockets, asked by `sock_diag(7)`.

`/proc/net/tcp` says the same, but walks through a table as large as the machine's memory allows: 6 ms where this takes
0.2, and a hundred pods that are waited for ask often.
"""

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
