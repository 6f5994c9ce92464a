"""Conditions on a connection: what an authorization asks, in a form that every matcher of Envoy's can be made of.

Constants are folded away as they arise, so that what is always true or never true is a plain truth value.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct


class Field(StrEnum):
    """What is looked at."""

    PEER = "peer"
    SOURCE_IP = "source_ip"
    DESTINATION_IP = "destination_ip"
    PORT = "port"


class Test(Struct, frozen=True):
    """Whether a field has one of some values: regular expressions for the peer's URI, networks, or ports."""

    __test__ = False  # pytest collects classes of this name

    field: Field
    values: tuple[str, ...]


class Every(Struct, frozen=True):
    """All parts hold; there are at least two."""

    parts: tuple["Condition", ...]


class Some(Struct, frozen=True):
    """One of the parts holds; there are at least two."""

    parts: tuple["Condition", ...]


class Not(Struct, frozen=True):
    """A part does not hold."""

    part: "Condition"


Condition = bool | Test | Every | Some | Not


def every(parts: Iterable[Condition]) -> Condition:
    """Whether all hold; true for none."""
    kept = [part for part in dict.fromkeys(parts) if part is not True]
    if any(part is False for part in kept):
        return False
    return _joined(Every, kept, empty=True)


def some(parts: Iterable[Condition]) -> Condition:
    """Whether one holds; false for none."""
    kept = [part for part in dict.fromkeys(parts) if part is not False]
    if any(part is True for part in kept):
        return True
    return _joined(Some, kept, empty=False)


def negated(part: Condition) -> Condition:
    """Whether it does not hold."""
    if isinstance(part, bool):
        return not part
    return part.part if isinstance(part, Not) else Not(part)


def _joined(kind: type[Every] | type[Some], kept: Sequence[Condition], *, empty: bool) -> Condition:
    if not kept:
        return empty
    return kept[0] if len(kept) == 1 else kind(tuple(kept))
