"""Proxies' tokens, a file for each node, renewed long before they end."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from sidestep.controlplane.ca.folder import write_private
from sidestep.controlplane.tokens import LIFETIME, Proxy, Tokens

EVERY = LIFETIME / 3
"""How often all are written anew."""


class TokenFiles:
    """Writes tokens where nodes' proxies read them.

    Args:
        folder: of the files; each is named as its node.
        tokens: mints them.
        role: of the proxies.
        now: the time.
    """

    def __init__(self, folder: Path, tokens: Tokens, role: str, now: Callable[[], datetime]) -> None:
        self._folder, self._tokens, self._role, self._now = folder, tokens, role, now
        self._written: dict[str, datetime] = {}

    def keep(self, nodes: Iterable[str]) -> None:
        """Have a fresh token for each of these nodes, and none for others."""
        there = set(nodes)
        for gone in self._written.keys() - there:
            (self._folder / gone).unlink(missing_ok=True)
            del self._written[gone]
        for node in sorted(there):
            written = self._written.get(node)
            if written is None or self._now() - written >= EVERY:
                write_private(self._folder / node, self._tokens.mint(Proxy(self._role, node), self._now()).encode())
                self._written[node] = self._now()
