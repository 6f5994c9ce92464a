"""Sockets that live in another network namespace: a socket stays where it was made, wherever its process is."""

import socket

from sidestep.lab.net.namespaces import Namespace, inside


class Network:
    """Where sockets are made.

    Args:
        path: of the network namespace; empty for the process's own.
    """

    def __init__(self, path: str = "") -> None:
        self.path = path

    def open(self, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        """A socket that does not block.

        Raises:
            OSError: the namespace is gone.
            UsageError: no descriptor is left.
        """
        made = socket.socket(family, kind) if not self.path else self._made_there(family, kind)
        made.setblocking(False)
        return made

    def _made_there(self, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        there = Namespace.at(self.path)
        try:
            with inside(there):
                return socket.socket(family, kind)
        finally:
            there.close()


def address_text(address: tuple[str, int] | tuple[str, int, int, int] | None) -> str:
    """`10.0.0.1:80` or `[fd00::1]:80`; empty for none."""
    if not address:
        return ""
    host = address[0].removeprefix("::ffff:") if "." in address[0] else address[0]
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


def family_of(address: str) -> socket.AddressFamily:
    """The family of an address that is written out."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET
