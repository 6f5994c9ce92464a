"""Proxies' tokens, a file for each proxy, renewed long before they end."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from sidestep.controlplane.ca.folder import write_private
from sidestep.controlplane.tokens import LIFETIME, Proxy, Tokens

EVERY = LIFETIME / 3
"""How often all are written anew."""


class TokenFiles:
    """Writes tokens where proxies read them.

    Args:
        folder: of the files: a node's is named as the node, that of a pod's proxy `<role>/<namespace>/<pod>`.
        tokens: mints them.
        on_nodes: role of nodes' proxies.
        now: the time.
    """

    def __init__(self, folder: Path, tokens: Tokens, on_nodes: str, now: Callable[[], datetime]) -> None:
        self._folder, self._tokens, self._on_nodes, self._now = folder, tokens, on_nodes, now
        self._written: dict[Proxy, datetime] = {}

    def keep(self, proxies: Iterable[Proxy]) -> None:
        """Have a fresh token for each of these, and none for others."""
        there = set(proxies)
        for gone in self._written.keys() - there:
            self._file(gone).unlink(missing_ok=True)
            del self._written[gone]
        for proxy in there:
            written = self._written.get(proxy)
            if written is None or self._now() - written >= EVERY:
                self._write(proxy)

    def _write(self, proxy: Proxy) -> None:
        file = self._file(proxy)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, self._tokens.mint(proxy, self._now()).encode())
        self._written[proxy] = self._now()

    def _file(self, proxy: Proxy) -> Path:
        return self._folder / proxy.name if proxy.role == self._on_nodes else self._folder / proxy.role / proxy.name
