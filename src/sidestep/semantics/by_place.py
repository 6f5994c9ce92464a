"""What was found out, filed under the places on which it rests: what a change touches is forgotten without a search."""

from collections.abc import Hashable, Iterable
from typing import Generic, Self, TypeVar

from sidestep.model.overlaid import Overlaid

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")
_Places = tuple[str, ...]


class ByPlace(Generic[KeyT, ValueT]):
    """Things by key, those of some places together.

    Args:
        known: what is there already.
        filed: places that things rest on together, by each of them. Those who share it file more than they know
            themselves, which does no harm.
    """

    __slots__ = ("_filed", "_known")

    def __init__(
        self, known: Overlaid[_Places, dict[KeyT, ValueT]] | None = None, filed: dict[str, set[_Places]] | None = None
    ) -> None:
        self._known: Overlaid[_Places, dict[KeyT, ValueT]] = Overlaid() if known is None else known
        self._filed: dict[str, set[_Places]] = {} if filed is None else filed

    def at(self, *places: str) -> dict[KeyT, ValueT]:
        """What holds as long as nothing changes in any of some places, to look up and to add to."""
        found: dict[KeyT, ValueT] | None = self._known.get(places)
        if found is None:
            found = self._known[places] = {}
            for place in places:
                self._filed.setdefault(place, set()).add(places)
        return found

    def without(self, places: Iterable[str]) -> Self:
        """The same but for what rests on some places; whoever adds to the rest adds to it for both."""
        gone = [each for place in places for each in self._filed.get(place, ()) if each in self._known]
        return type(self)(self._known.otherwise({}, gone), self._filed)
