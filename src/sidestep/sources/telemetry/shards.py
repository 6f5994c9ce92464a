"""Asking for less where all at once is too much."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from sidestep.sources.telemetry.http_api import QueryError

PATIENCE = 3
"""So many namespaces may be too heavy by themselves before no more are asked."""
_SMALLER = 4

Answer = TypeVar("Answer")


class Refused(Struct, frozen=True):
    """Namespaces (none: all) for which there is no answer."""

    namespaces: tuple[str, ...]
    error: QueryError


def in_parts(names: Sequence[str], ask: Callable[[Sequence[str]], Answer]) -> Iterator[Answer | Refused]:
    """The answer for all namespaces at once, or for ever fewer where a server finds that too heavy.

    Args:
        names: the namespaces to divide by.
        ask: asks for these namespaces; for all without a filter where none are given.
    """
    try:
        yield ask(())
    except QueryError as error:
        if error.too_heavy and names:
            yield from _divided(tuple(names), ask)
        else:
            yield Refused((), error)


def _divided(names: tuple[str, ...], ask: Callable[[Sequence[str]], Answer]) -> Iterator[Answer | Refused]:
    size, refused = -(-len(names) // _SMALLER), 0
    while names:
        part, rest = names[:size], names[size:]
        try:
            yield ask(part)
        except QueryError as error:
            if error.too_heavy and size > 1:
                size = -(-size // _SMALLER)
                continue
            refused += 1
            if refused == PATIENCE or not error.too_heavy:
                yield Refused(names, error)
                return
            yield Refused(part, error)
        names = rest
