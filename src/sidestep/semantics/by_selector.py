"""Find what selects pods by labels without asking all that selects."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from typing import Generic, TypeVar

from msgspec import Struct

from sidestep.model.metadata import Labels

ThingT = TypeVar("ThingT")
NameT = TypeVar("NameT", bound=Hashable)
_Placed = list[tuple[int, ThingT]]


class BySelector(Struct, Generic[ThingT], frozen=True, dict=True):
    """Things that select pods by labels, each found by one label that it asks for, the one that fewest ask for.

    Attributes:
        things: in the order in which they are told.
        selector: labels that a thing asks for; none or None for one that takes all pods.
    """

    things: tuple[ThingT, ...]
    selector: Callable[[ThingT], Labels | None]

    def taking(self, labels: Labels) -> list[ThingT]:
        """All that take pods with these labels, in order."""
        found = list(self._unselective)
        for item in labels.items():
            for place, thing in self._by_label.get(item, ()):
                if (self.selector(thing) or {}).items() <= labels.items():
                    found.append((place, thing))
        return [thing for _, thing in sorted(found, key=_place)]

    @cached_property
    def _unselective(self) -> "_Placed[ThingT]":
        return [(place, thing) for place, thing in enumerate(self.things) if not self.selector(thing)]

    @cached_property
    def _by_label(self) -> "dict[tuple[str, str], _Placed[ThingT]]":
        asked = Counter(item for thing in self.things for item in (self.selector(thing) or {}).items())
        found: dict[tuple[str, str], _Placed[ThingT]] = {}
        for place, thing in enumerate(self.things):
            wanted = self.selector(thing)
            if wanted:
                found.setdefault(min(wanted.items(), key=lambda item: (asked[item], item)), []).append((place, thing))
        return found


class ByLabel(Struct, Generic[ThingT], frozen=True, dict=True):
    """Things that carry labels, found by what selects them.

    Attributes:
        things: in the order in which they are told.
        labels: of a thing.
    """

    things: tuple[ThingT, ...]
    labels: Callable[[ThingT], Labels]

    def taken(self, wanted: Iterable[tuple[str, str]]) -> list[ThingT]:
        """All that carry every label that is wanted, in order."""
        items = frozenset(wanted)
        if not items:
            return list(self.things)
        fewest = min((self._by_label.get(item, []) for item in items), key=len)
        return [thing for thing in fewest if items <= self.labels(thing).items()]

    @cached_property
    def _by_label(self) -> dict[tuple[str, str], list[ThingT]]:
        found: dict[tuple[str, str], list[ThingT]] = {}
        for thing in self.things:
            for item in self.labels(thing).items():
                found.setdefault(item, []).append(thing)
        return found


def _place(placed: tuple[int, object]) -> int:
    return placed[0]


def grouped(things: Iterable[ThingT], key: Callable[[ThingT], NameT]) -> dict[NameT, tuple[ThingT, ...]]:
    """Things by a name, in their order."""
    found: dict[NameT, list[ThingT]] = {}
    for thing in things:
        found.setdefault(key(thing), []).append(thing)
    return {name: tuple(own) for name, own in found.items()}
