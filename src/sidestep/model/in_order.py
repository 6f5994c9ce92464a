"""Things in order of which single ones change: nobody sorts or searches thousands for the sake of one that is new."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import compress, count
from operator import is_, is_not
from typing import Any, Generic, TypeVar

ThingT = TypeVar("ThingT")
Apart = tuple[list[ThingT], list[ThingT]]
"""What only one of two groups has, and what only the other."""


class InOrder(Generic[ThingT]):
    """Things in order while some are exchanged.

    Args:
        things: in order.
        place: by which they are.
    """

    def __init__(self, things: tuple[ThingT, ...], place: Callable[[ThingT], Any]) -> None:
        self._things = list(things)
        self._place = place
        self._before = self._made = things
        self._is_made = True
        self._gone: list[ThingT] = []
        self._new: list[ThingT] = []

    def exchange(self, old: ThingT | None, new: ThingT | None) -> None:
        """Put a thing in the place of another; None for nothing."""
        self._is_made = False
        self._gone += [] if old is None else [old]
        self._new += [] if new is None else [new]
        if old is not None:
            at = self._find(old)
            if new is not None and self._place(new) == self._place(old):
                self._things[at] = new
                return
            del self._things[at]
        if new is not None:
            insort(self._things, new, key=self._place)

    def all(self) -> tuple[ThingT, ...]:
        """All of them: the very same tuple while none changed."""
        if not self._is_made:
            self._made, self._is_made = tuple(self._things), True
        return self._made

    @property
    def is_changed(self) -> bool:
        """Whether anything was exchanged since somebody asked what has changed."""
        return bool(self._gone or self._new)

    def changed(self) -> tuple[tuple[ThingT, ...], Apart[ThingT]]:
        """All that there were when somebody asked this last, or at first, and how that differs from what is there."""
        before, (gone, new) = self._before, net(self._gone, self._new, self._place)
        self._before, self._gone, self._new = self.all(), [], []
        return before, (gone, new)

    def _find(self, thing: ThingT) -> int:
        at = bisect_left(self._things, self._place(thing), key=self._place)
        while self._things[at] is not thing:
            at += 1
        return at


def net(gone: Iterable[ThingT], new: Iterable[ThingT], place: Callable[[ThingT], Any]) -> Apart[ThingT]:
    """What is left of exchanges, in order: what came and went again counts for nothing."""
    left, came = list(gone), list(new)
    times = Counter(map(id, came))
    times.subtract(map(id, left))
    known = {id(each): each for each in (*left, *came)}
    return (
        sorted((known[key] for key, many in times.items() if many < 0), key=place),
        sorted((known[key] for key, many in times.items() if many > 0), key=place),
    )


def apart(one: tuple[ThingT, ...], other: tuple[ThingT, ...]) -> Apart[ThingT]:
    """What only one of two groups has, looked for between what both begin and end with."""
    if one is other:
        return [], []
    head, tail = _ends(one, other)
    left, right = one[head : len(one) - tail], other[head : len(other) - tail]
    shared = {id(each) for each in left} & {id(each) for each in right}
    return [each for each in left if id(each) not in shared], [each for each in right if id(each) not in shared]


def sorted_like(
    found: tuple[ThingT, ...], ordered: tuple[ThingT, ...], place: Callable[[ThingT], Any]
) -> tuple[ThingT, ...]:
    """In order; the very same tuple where it is already.

    Args:
        found: in any order.
        ordered: things in order, many of which may be the same.
        place: by which they are.
    """
    head, tail = _ends(found, ordered)
    end = len(found) - tail
    middle = sorted(found[head:end], key=place)
    before, after = found[:head][-1:], found[end:][:1]
    near = [place(each) for each in (*before, *middle[:1], *middle[-1:], *after)]
    made = tuple(sorted(found, key=place)) if near != sorted(near) else (*found[:head], *middle, *found[end:])
    return found if all(map(is_, made, found)) else made


def _ends(one: tuple[ThingT, ...], other: tuple[ThingT, ...]) -> tuple[int, int]:
    """How many things two groups have in common at the beginning, and of the rest at the end."""
    shorter = min(len(one), len(other))
    head = next(compress(count(), map(is_not, one, other)), shorter)
    tail = next(compress(count(), map(is_not, reversed(one), reversed(other))), shorter)
    return head, min(tail, shorter - head)
