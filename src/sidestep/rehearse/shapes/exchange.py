"""Some workloads in each other's place: names, labels and accounts exchanged, everything else as it is. Pure."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import TypeVar

from msgspec import Struct

from sidestep.rehearse.shapes.members import Member
from sidestep.rehearse.shapes.places import Is, Place, Tree, mapped

Pairs = tuple[tuple[Member, Member], ...]
Name = tuple[str, str]
Label = tuple[str, str, str]
_KeyT = TypeVar("_KeyT", Name, Label)


class Exchange(Struct, frozen=True):
    """Who takes whose place; doing it twice is doing nothing.

    Attributes:
        names: by namespace and name.
        labels: by namespace, key and value.
    """

    names: Mapping[Name, str]
    labels: Mapping[Label, str]

    def of(self, tree: Tree, space: str) -> Tree:
        """An object, or an effect, with the names exchanged."""
        return mapped(tree, space, self._text)

    def name(self, space: str, name: str) -> str:
        """Who is in somebody's place."""
        return self.names.get((space, name), name)

    @property
    def words(self) -> frozenset[str]:
        """Texts that nothing may say where it is not known what they mean."""
        return frozenset(name for _, name in self.names) | frozenset(value for _, _, value in self.labels)

    @property
    def pairs_of_labels(self) -> frozenset[tuple[str, str]]:
        """Labels that are exchanged."""
        return frozenset((key, value) for _, key, value in self.labels)

    def _text(self, place: Place) -> str:
        match place.what:
            case Is.LABEL:
                found = self.labels.get((place.space, place.key, place.text))
                return found if found is not None else self.name(place.space, place.text)
            case Is.NAME | Is.NOTE:
                return self.name(place.space, place.text)
            case Is.PLAIN:
                return place.text


def exchange(pairs: Pairs) -> Exchange | None:
    """What exchanges the members of each pair; None where they do not have the same, or it would not be clear."""
    names: dict[Name, str] = {}
    labels: dict[Label, str] = {}
    for one, other in pairs:
        if one.labels.keys() != other.labels.keys() or bool(one.account) != bool(other.account):
            return None
        space = one.ref.namespace
        fits = all(_note(names, (space, a or ""), (space, b or "")) for a, b in zip_longest(one.names, other.names))
        changed = ((key, value, other.labels[key]) for key, value in one.labels.items() if value != other.labels[key])
        if not fits or not all(_note(labels, (space, key, a), (space, key, b)) for key, a, b in changed):
            return None
    return Exchange(
        {key: value for key, value in names.items() if key[1] != value},
        {key: value for key, value in labels.items() if key[2] != value},
    )


def _note(known: dict[_KeyT, str], one: _KeyT, other: _KeyT) -> bool:
    """Exchange two; False where one of them is to be exchanged with another."""
    if not one[-1] or not other[-1]:
        return one == other
    return known.setdefault(one, other[-1]) == other[-1] and known.setdefault(other, one[-1]) == one[-1]
