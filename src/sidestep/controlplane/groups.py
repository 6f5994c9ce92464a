"""Members by what they have in common, kept while members change."""

from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
M = TypeVar("M", bound=Any)


class Groups(Generic[K, M]):
    """Sets of members by key; a key without members is gone."""

    def __init__(self) -> None:
        self._members: dict[K, set[M]] = {}

    def __iter__(self) -> Iterator[K]:
        """Keys that have members, in no order that means anything."""
        return iter(self._members)

    def of(self, key: K) -> list[M]:
        """The members of a key, sorted."""
        found = self._members.get(key)
        return sorted(found) if found else []

    def has(self, key: K) -> bool:
        """Whether a key has members."""
        return key in self._members

    def move(self, member: M, before: Iterable[K], after: Iterable[K]) -> None:
        """Take a member from some keys and give it to others."""
        old, new = set(before), set(after)
        for key in old - new:
            left = self._members.get(key)
            if left is not None:
                left.discard(member)
                if not left:
                    del self._members[key]
        for key in new - old:
            self._members.setdefault(key, set()).add(member)
