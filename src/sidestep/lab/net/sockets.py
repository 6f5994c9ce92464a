"""What the kernel knows of a namespace's sockets."""

import fcntl
import socket
import struct
from pathlib import Path

from sidestep.lab.net.namespaces import Namespace, inside

_LISTENS = "0A"
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
    """TCP ports on which somebody listens."""
    with inside(namespace):
        tables = [Path("/proc/thread-self/net", name).read_text(encoding="ascii") for name in ("tcp", "tcp6")]
    rows = (line.split() for table in tables for line in table.splitlines()[1:])
    return frozenset(int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTENS)
