"""What there is to tell the proxies of one role, kept in step with the records."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct

from sidestep.controlplane.ads.entries import Entry, encoded
from sidestep.controlplane.generators import Generator, Resource, Topic, Unit, topics
from sidestep.controlplane.groups import Groups
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Dirty

VACANT = 64
"""Of how many destinations that never were a proxy is told that they lead nowhere, which costs it a cluster each. Of
the others it hears that they are not there; then it refuses the first connection, and lets later ones wait (it does not
ask again). So a scan of ports costs little."""


class Key(NamedTuple):
    """What names a resource; `proxy` is empty for one that all may have."""

    type_url: str
    name: str
    proxy: str = ""


class _Made(Struct, frozen=True):
    """An answer on demand; an entry of None says that there is nothing, until a topic says otherwise."""

    entry: Entry | None
    depends: frozenset[Topic]


class Catalogue:
    """Resources by name, of which a change makes again what it touches.

    Args:
        generator: of the role.
        index: the records, changed by others.
    """

    def __init__(self, generator: Generator, index: Index) -> None:
        self._generator, self._index = generator, index
        self._entries: dict[Key, Entry] = {}
        self._of_unit: dict[Unit, frozenset[Key]] = {}
        self._by_type: Groups[tuple[str, str], str] = Groups()
        self._asked: set[Key] = set()
        self._made_of: dict[Key, tuple[str, ...]] = {}
        self._made: dict[Key, _Made] = {}
        self._stale_by: Groups[Topic, Key] = Groups()
        self._nothing: set[Key] = set()
        self._vacant: Groups[tuple[str, str], str] = Groups()

    def fill(self) -> None:
        """Make everything."""
        for _ in self.renew(None):
            pass

    def renew(self, dirty: Dirty | None) -> Iterator[Key]:
        """Make again what a change touched; what of it is new, other or gone."""
        for unit in self._generator.units(self._index, dirty):
            yield from self._renew_unit(unit)
        stale = set(self._made) if dirty is None else self._stale(dirty)
        for key in sorted(stale):
            yield from self._renew_made(key)

    def everything(self, type_url: str, proxy: str, group: str = "") -> Iterable[str]:
        """Names of what a proxy gets that takes everything of a type, in order."""
        return sorted({name for place in (proxy, group, "") for name in self._by_type.of((type_url, place))})

    def for_everybody(self, key: Key) -> bool:
        """Whether proxies that take everything get it, too."""
        return key in self._entries and key not in self._asked

    def find(self, type_url: str, name: str, proxy: str, group: str = "") -> Entry | None:
        """What a proxy may have under a name; made now, where nobody asked before."""
        keys = [Key(type_url, name, place) for place in dict.fromkeys((proxy, group, ""))]
        for key in keys:
            found = self._entries.get(key)
            if found is not None:
                return found
        for key in keys:
            if key in self._made:
                return self._made[key].entry
        return self._made[self._make(type_url, name, proxy)].entry

    def made_of(self, type_url: str, name: str, *places: str) -> tuple[str, ...]:
        """Objects that a resource of a proxy or group was made from, in words."""
        found = (self._made_of.get(Key(type_url, name, place), ()) for place in (*places, ""))
        return next(filter(None, found), ())

    def forget(self, key: Key) -> None:
        """Nobody asks any more for an answer on demand: of one proxy, or that all may have."""
        self._drop(key)

    def size(self) -> int:
        """How many resources there are."""
        return len(self._entries) + len(self._made)

    def _renew_unit(self, unit: Unit) -> Iterator[Key]:
        fresh: set[Key] = set()
        for resource in self._generator.resources(self._index, unit):
            key, made = Key(resource.type_url, resource.name, resource.proxy), encoded(resource)
            fresh.add(key)
            (self._asked.add if resource.asked else self._asked.discard)(key)
            if not resource.asked:
                self._by_type.move(key.name, (), ((key.type_url, key.proxy),))
            if resource.of:
                self._made_of[key] = resource.of
            old = self._entries.get(key)
            self._entries[key] = made
            if old is None or old.version != made.version:
                yield key
        before = self._of_unit.pop(unit, frozenset())
        if fresh:
            self._of_unit[unit] = frozenset(fresh)
        for key in before - fresh:
            del self._entries[key]
            self._made_of.pop(key, None)
            self._asked.discard(key)
            self._by_type.move(key.name, ((key.type_url, key.proxy),), ())
            yield key

    def _stale(self, dirty: Dirty) -> set[Key]:
        found = {key for topic in topics(dirty) for key in self._stale_by.of(topic)}
        return found | self._nothing

    def _renew_made(self, key: Key) -> Iterator[Key]:
        vacant = self._is_vacant(key)
        before = self._drop(key)
        after = self._make(key.type_url, key.name, key.proxy, told=before is not None and not vacant)
        entry = self._made[after].entry
        if after != key or (entry and entry.version) != (before and before.version):
            yield key

    def _make(self, type_url: str, name: str, proxy: str, *, told: bool = False) -> Key:
        resource = self._generator.on_demand(self._index, type_url, name, proxy)
        if resource is not None:
            return self._keep(Key(type_url, name, resource.proxy), encoded(resource), resource.depends)
        key, resource = Key(type_url, name, proxy), self._generator.vacated(type_url, name, proxy)
        if resource is None:
            self._nothing.add(key)
            return self._keep(key, None, frozenset())
        if told:
            return self._keep(key, encoded(resource), resource.depends)
        return self._never_was(key, resource)

    def _never_was(self, key: Key, resource: Resource) -> Key:
        """Of a few destinations it is told that they lead nowhere."""
        place = key.type_url, key.proxy
        if len(self._vacant.of(place)) >= VACANT:
            return self._keep(key, None, resource.depends)
        kept = self._keep(key, encoded(resource), resource.depends)
        self._vacant.move(key.name, (), (place,))
        return kept

    def _keep(self, key: Key, entry: Entry | None, depends: frozenset[Topic]) -> Key:
        made = self._made.get(key)
        self._stale_by.move(key, made.depends if made else (), depends)
        self._made[key] = _Made(entry, depends)
        return key

    def _is_vacant(self, key: Key) -> bool:
        return key.name in self._vacant.of((key.type_url, key.proxy))

    def _drop(self, key: Key) -> Entry | None:
        made = self._made.pop(key, None)
        self._nothing.discard(key)
        self._vacant.move(key.name, ((key.type_url, key.proxy),), ())
        if made is None:
            return None
        self._stale_by.move(key, made.depends, ())
        return made.entry
