"""Things in order of which single ones change: nobody sorts or searches thousands for the sake of one that is new."""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, compress, count
from operator import is_, is_not
from typing import Any, Generic, TypeVar, overload

ThingT = TypeVar("ThingT")
Apart = tuple[list[ThingT], list[ThingT]]
"""What only one of two groups has, and what only the other."""
_PIECE = 128
"""So many things a piece has at first."""


class InOrder(Generic[ThingT]):
    """Things in order while some are exchanged.

    Args:
        things: in order.
        place: by which they are.
    """

    def __init__(self, things: Sequence[ThingT], place: Callable[[ThingT], Any]) -> None:
        self._place = place
        self._hold(things)
        self._before = self._made = things
        self._is_made = True
        self._gone: list[ThingT] = []
        self._new: list[ThingT] = []

    def exchange(self, old: ThingT | None, new: ThingT | None) -> None:
        """Put a thing in the place of another; None for nothing."""
        self._is_made = False
        self._gone += [] if old is None else [old]
        self._new += [] if new is None else [new]
        self._put(old, new)

    def all(self) -> Sequence[ThingT]:
        """All of them: the very same while none changed."""
        if not self._is_made:
            self._made, self._is_made = self._as_they_are(), True
        return self._made

    @property
    def is_changed(self) -> bool:
        """Whether anything was exchanged since somebody asked what has changed."""
        return bool(self._gone or self._new)

    def changed(self) -> tuple[Sequence[ThingT], Apart[ThingT]]:
        """All that there were when somebody asked this last, or at first, and how that differs from what is there."""
        before, (gone, new) = self._before, net(self._gone, self._new, self._place)
        self._before, self._gone, self._new = self.all(), [], []
        return before, (gone, new)

    def _hold(self, things: Sequence[ThingT]) -> None:
        self._things = list(things)

    def _as_they_are(self) -> Sequence[ThingT]:
        return tuple(self._things)

    def _put(self, old: ThingT | None, new: ThingT | None) -> None:
        _exchange(self._things, old, new, self._place)


class Pieces(Sequence[ThingT]):
    """Things in order, in pieces that others share who differ in a few of them.

    Args:
        pieces: none of them empty.
    """

    __slots__ = ("pieces",)

    def __init__(self, pieces: tuple[tuple[ThingT, ...], ...]) -> None:
        self.pieces = pieces

    @overload
    def __getitem__(self, at: int, /) -> ThingT: ...
    @overload
    def __getitem__(self, at: slice, /) -> tuple[ThingT, ...]: ...
    def __getitem__(self, at: int | slice, /) -> ThingT | tuple[ThingT, ...]:
        return tuple(self)[at]

    def __len__(self) -> int:
        return sum(map(len, self.pieces))

    def __iter__(self) -> Iterator[ThingT]:
        return chain.from_iterable(self.pieces)

    def __reversed__(self) -> Iterator[ThingT]:
        return chain.from_iterable(map(reversed, reversed(self.pieces)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pieces | tuple) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


class InPieces(InOrder[ThingT]):
    """The same where so many are asked for all of them that it counts what it takes to copy them."""

    def _hold(self, things: Sequence[ThingT]) -> None:
        cut = (tuple(things[at : at + _PIECE]) for at in range(0, len(things), _PIECE))
        self._pieces = list(things.pieces if isinstance(things, Pieces) else cut)

    def _as_they_are(self) -> Sequence[ThingT]:
        return Pieces(tuple(self._pieces))

    def _put(self, old: ThingT | None, new: ThingT | None) -> None:
        moves = old is None or new is None or self._place(old) != self._place(new)
        for gone, come in ((old, None), (None, new)) if moves else ((old, new),):
            self._put_in_piece(gone, come)

    def _put_in_piece(self, old: ThingT | None, new: ThingT | None) -> None:
        """In one piece; several things may have the same place, and stand in more than one."""
        thing = new if old is None else old
        if thing is None:
            return
        at = max(bisect_right(self._pieces, self._place(thing), key=lambda piece: self._place(piece[0])) - 1, 0)
        while old is not None and not any(each is old for each in self._pieces[at]):
            at -= 1
        things = list(self._pieces[at]) if self._pieces else []
        _exchange(things, old, new, self._place)
        self._pieces[at : at + 1] = [tuple(things)] if things else []


def _exchange(things: list[ThingT], old: ThingT | None, new: ThingT | None, place: Callable[[ThingT], Any]) -> None:
    """Put a thing in the place of another, among things in order."""
    if old is not None:
        at = bisect_left(things, place(old), key=place)
        while things[at] is not old:
            at += 1
        if new is not None and place(new) == place(old):
            things[at] = new
            return
        del things[at]
    if new is not None:
        insort(things, new, key=place)


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


def apart(one: Sequence[ThingT], other: Sequence[ThingT]) -> Apart[ThingT]:
    """What only one of two groups has, looked for between what both begin and end with."""
    if one is other:
        return [], []
    head, tail = _ends(one, other)
    left, right = one[head : len(one) - tail], other[head : len(other) - tail]
    shared = {id(each) for each in left} & {id(each) for each in right}
    return [each for each in left if id(each) not in shared], [each for each in right if id(each) not in shared]


def sorted_like(found: Sequence[ThingT], ordered: Sequence[ThingT], place: Callable[[ThingT], Any]) -> Sequence[ThingT]:
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


def _ends(one: Sequence[ThingT], other: Sequence[ThingT]) -> tuple[int, int]:
    """How many things two groups have in common at the beginning, and of the rest at the end."""
    shorter = min(len(one), len(other))
    head = next(compress(count(), map(is_not, one, other)), shorter)
    tail = next(compress(count(), map(is_not, reversed(one), reversed(other))), shorter)
    return head, min(tail, shorter - head)
