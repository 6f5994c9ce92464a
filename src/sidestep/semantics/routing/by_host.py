"""Find values by host: exactly, or by the wildcards that cover a name, without looking at all of them."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from sidestep.semantics.routing.hosts import is_wildcard, overlap

ValueT = TypeVar("ValueT")


class ByHost(Generic[ValueT]):
    """Lists of values under hosts, each list in the order of adding."""

    def __init__(self) -> None:
        self._exact: dict[str, list[ValueT]] = {}
        self._wild: dict[int, dict[str, list[ValueT]]] = {}
        self._lengths: list[int] = []

    def add(self, host: str, value: ValueT) -> None:
        """Add a value under a host, which may open with a star."""
        if not is_wildcard(host):
            self._exact.setdefault(host, []).append(value)
            return
        if len(host) not in self._wild:
            self._wild[len(host)] = {}
            self._lengths = sorted(self._wild, reverse=True)
        self._wild[len(host)].setdefault(host, []).append(value)

    def exact(self, host: str) -> list[ValueT]:
        """What stands under the host itself."""
        if is_wildcard(host):
            return self._wild.get(len(host), {}).get(host, [])
        return self._exact.get(host, [])

    def covering(self, host: str) -> Iterator[tuple[str, list[ValueT]]]:
        """What stands under wildcards that cover a host, the longest first; itself included when it is a wildcard."""
        needle = host[1:] if is_wildcard(host) else host
        for length in self._lengths:
            if length - 1 <= len(needle):
                pattern = f"*{needle[len(needle) - length + 1 :]}"
                if pattern in self._wild[length]:
                    yield pattern, self._wild[length][pattern]

    def most_specific(self, host: str) -> list[ValueT]:
        """What stands under the host, or else under the longest wildcard that covers it."""
        return self.exact(host) or next((values for _, values in self.covering(host)), [])

    def meeting(self, host: str) -> Iterator[ValueT]:
        """What stands under any host that overlaps; a value under several such hosts comes several times."""
        if is_wildcard(host):
            hosts = [*self._exact, *(pattern for group in self._wild.values() for pattern in group)]
            for name in hosts:
                if overlap(name, host):
                    yield from self.exact(name)
            return
        yield from self._exact.get(host, ())
        for _, values in self.covering(host):
            yield from values
