"""Sockets that live in another network namespace: a socket stays where it was made, wherever its process is."""

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


class Network:
    """Where sockets are made.

    Args:
        path: of the network namespace; empty for the process's own.
    """

    def __init__(self, path: str = "") -> None:
        self.path = path

    def socket(self, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        """A socket that does not block.

        Raises:
            OSError: the namespace is gone, or no descriptor is left.
        """
        with self._entered():
            made = socket.socket(family, kind)
        made.setblocking(False)
        return made

    @contextmanager
    def _entered(self) -> Iterator[None]:
        if not self.path:
            yield
            return
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _enter(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _return(home)
        finally:
            os.close(home)


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _return(home: int) -> None:
    """Go back, or end: a process that stays in a pod's network would answer for everybody from there."""
    try:
        _enter(home)
    except OSError:
        os.abort()


def address_text(address: tuple[str, int] | tuple[str, int, int, int] | None) -> str:
    """`10.0.0.1:80` or `[fd00::1]:80`; empty for none."""
    if not address:
        return ""
    host = address[0].removeprefix("::ffff:") if "." in address[0] else address[0]
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


def family_of(address: str) -> socket.AddressFamily:
    """The family of an address that is written out."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET
