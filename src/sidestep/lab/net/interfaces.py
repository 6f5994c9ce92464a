"""Which interfaces of a namespace work."""

import fcntl
import socket
import struct

_GET_FLAGS, _UP = 0x8913, 1


def interfaces_up() -> list[str]:
    """Names of those that work in this thread's namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return [name for _, name in socket.if_nameindex() if _flags(any_socket, name) & _UP]


def _flags(any_socket: socket.socket, name: str) -> int:
    answer = fcntl.ioctl(any_socket, _GET_FLAGS, struct.pack("16s16x", name.encode()))
    flags: int = struct.unpack_from("=H", answer, 16)[0]
    return flags
