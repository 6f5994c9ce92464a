"""An object that goes and one of its kind that was made from it are one object that changed, for who reads the file."""

from collections.abc import Iterable

from msgspec import Struct

from sidestep.convert.ledger import Key, key_of
from sidestep.convert.rewrite import Change, ChangeKind


class Turned(Struct, frozen=True):
    """One object in the place of another.

    Attributes:
        removed: the one that goes.
        added: the one that comes.
    """

    removed: Change
    added: Change


def paired(changes: Iterable[Change]) -> list[Change | Turned]:
    """Changes in their order, each that removes an object together with the first that makes one of its kind of it."""
    found = list(changes)
    made: dict[Key, Change] = {}
    for each in found:
        if each.kind is ChangeKind.ADD and _type(key_of(each.object)) == _type(key_of(each.origin)):
            made.setdefault(key_of(each.origin), each)
    turned = {
        key: Turned(each, made[key])
        for each in found
        if each.kind is ChangeKind.REMOVE and (key := key_of(each.object)) in made
    }
    taken = {id(each.added) for each in turned.values()}
    return [
        turned.get(key_of(each.object), each) if each.kind is ChangeKind.REMOVE else each
        for each in found
        if id(each) not in taken
    ]


def _type(key: Key) -> Key:
    """Group, kind and namespace."""
    return (*key[:3], "")
