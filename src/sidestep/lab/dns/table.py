"""The table of names, kept up to date, and found by host."""

from collections.abc import Iterable, Iterator

from sidestep.lab.dns.names import Endpoint, Name, Source

Key = tuple[str, str, str]


class NameTable:
    """All names that are known. Hosts are compared in lower case."""

    def __init__(self) -> None:
        self._names: dict[Key, Name] = {}
        self._by_host: dict[str, dict[Key, Name]] = {}
        self._by_address: dict[str, set[Key]] = {}
        self.version = 0

    def apply(self, changed: Iterable[Name], gone: Iterable[Key]) -> None:
        """Names that are new or changed, and keys of those that are gone; the latter go first."""
        for key in gone:
            self._drop(key)
        for name in changed:
            self._drop(name.key)
            self._names[name.key] = name
            self._by_host.setdefault(name.host.lower(), {})[name.key] = name
            for address in _addresses(name):
                self._by_address.setdefault(address, set()).add(name.key)
        self.version += 1

    def of(self, host: str, *sources: Source) -> list[Name]:
        """Names of exactly this host."""
        found = self._by_host.get(host.lower(), {})
        return [found[key] for key in sorted(found) if found[key].source in sources]

    def at(self, address: str) -> Iterator[tuple[Name, Endpoint | None]]:
        """Who has an address: its own, or as an endpoint."""
        for key in sorted(self._by_address.get(address, ())):
            name = self._names[key]
            if address in name.addresses:
                yield name, None
            for endpoint in name.endpoints:
                if address in endpoint.addresses:
                    yield name, endpoint

    def has_below(self, host: str) -> bool:
        """Whether a name ends in this one, so that it exists without meaning anything itself (RFC 8020)."""
        suffix = "." + host.lower()
        return any(each.endswith(suffix) for each in self._by_host)

    def _drop(self, key: Key) -> None:
        name = self._names.pop(key, None)
        if name is None:
            return
        of_host = self._by_host[name.host.lower()]
        del of_host[key]
        if not of_host:
            del self._by_host[name.host.lower()]
        for address in _addresses(name):
            having = self._by_address.get(address, set())
            having.discard(key)
            if not having:
                self._by_address.pop(address, None)


def _addresses(name: Name) -> set[str]:
    return {*name.addresses, *(address for each in name.endpoints for address in each.addresses)}
