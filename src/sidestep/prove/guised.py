"""As what the pods of namespaces come, in both meshes: as that, somebody may come whom nobody has read."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct

from sidestep.model.overlaid import Overlaid
from sidestep.prove.caller import Guises, Space


class Guised(Struct, frozen=True, dict=True):
    """By namespace, and of all together.

    Attributes:
        of_spaces: of every namespace that was looked at.
        inhabited: names of those with pods that come as anything.
        counts: in how many of them pods come so.
    """

    of_spaces: Overlaid[str, tuple[Guises, ...]]
    inhabited: frozenset[str]
    counts: Mapping[Guises, int]

    @classmethod
    def of(cls, spaces: Mapping[str, Space]) -> "Guised":
        """Of all namespaces."""
        found = {name: space.guises for name, space in spaces.items()}
        counts = Counter(each for own in found.values() for each in own)
        return cls(Overlaid(found), frozenset(name for name, own in found.items() if own), counts)

    def beside(self, anew: Mapping[str, Space]) -> "Guised":
        """The same when some namespaces are otherwise; itself where their pods come as they did."""
        changed = {name: each.guises for name, each in anew.items() if each.guises != self.of_spaces[name]}
        if not changed:
            return self
        counts = Counter(self.counts)
        for name, own in changed.items():
            counts.subtract(self.of_spaces[name])
            counts.update(own)
        emptied = {name for name, own in changed.items() if not own}
        came = changed.keys() - emptied
        same = came <= self.inhabited and emptied.isdisjoint(self.inhabited)
        inhabited = self.inhabited if same else (self.inhabited - emptied) | came
        return Guised(self.of_spaces.otherwise(changed), inhabited, counts)

    def at(self, space: str) -> Iterable[Guises]:
        """As what somebody of a namespace comes: as its pods do, or as any where it has none."""
        return self.of_spaces.get(space) or self.everywhere

    @cached_property
    def everywhere(self) -> tuple[Guises, ...]:
        """As what pods of any namespace come."""
        return tuple(sorted(guises for guises, count in self.counts.items() if count))
