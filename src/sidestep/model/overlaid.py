"""Mappings by the thousand, one for each state of a plan, of which each differs from the one before in a few keys.

They share what they have in common, so that a state costs what it changes: a copy of a thousand namespaces for each of
a hundred thousand states costs more than all that is asked in most of them.
"""

from collections.abc import ItemsView, Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")
DefaultT = TypeVar("DefaultT")
_UNSAID: Any = object()
_GONE: Any = object()
_MOST = 128
"""So many keys may be otherwise before all are written down anew: every state that follows copies them."""


class Overlaid(Mapping[KeyT, ValueT]):
    """What others share, and what is otherwise here; in the order of what is shared, what is new last.

    Args:
        shared: never changed.
        own: in place of it, and beside it.
    """

    __slots__ = ("_own", "_shared")

    def __init__(self, shared: Mapping[KeyT, ValueT] | None = None, own: dict[KeyT, ValueT] | None = None) -> None:
        self._shared: Mapping[KeyT, ValueT] = {} if shared is None else shared
        self._own: dict[KeyT, ValueT] = {} if own is None else own

    def otherwise(self, changed: Mapping[KeyT, ValueT], gone: Iterable[KeyT] = ()) -> "Overlaid[KeyT, ValueT]":
        """Another one, in which some keys are otherwise and some are not there; what is added to either is its own."""
        own = {**self._own, **changed}
        for key in gone:
            own[key] = _GONE
        if len(own) <= _MOST:
            return Overlaid(self._shared, own)
        together = {**self._shared, **own}
        for key in [key for key, value in own.items() if value is _GONE]:
            del together[key]
        return Overlaid(together)

    def __setitem__(self, key: KeyT, value: ValueT) -> None:
        self._own[key] = value

    @overload
    def get(self, key: KeyT, /) -> ValueT | None: ...
    @overload
    def get(self, key: KeyT, default: ValueT | DefaultT, /) -> ValueT | DefaultT: ...
    def get(self, key: KeyT, default: Any = None, /) -> Any:
        """As of any mapping; every decision asks it many times."""
        found = self._own.get(key, _UNSAID)
        if found is _UNSAID:
            return self._shared.get(key, default)
        return default if found is _GONE else found

    def __getitem__(self, key: KeyT) -> ValueT:
        found = self._own[key] if key in self._own else self._shared[key]
        if found is _GONE:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[KeyT]:
        own = self._own
        yield from (key for key in self._shared if own.get(key) is not _GONE)
        yield from (key for key, value in own.items() if value is not _GONE and key not in self._shared)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def items(self) -> ItemsView[KeyT, ValueT]:
        """All of them, written down once for who looks at each."""
        return {key: self[key] for key in self}.items() if self._own else self._shared.items()
