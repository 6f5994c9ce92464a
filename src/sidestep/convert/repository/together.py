"""Changes that hold only together: of an object, of all that is made of it, and of whatever needs one of them.

A policy that goes while its twin has no file would let in; one that closes pods behind a waypoint, while the label that
leads there has none, would refuse everybody. So none of them is made where one of them has no place.
"""

from collections.abc import Iterable

from sidestep.convert.ledger import key_of
from sidestep.convert.repository.needs import hanging
from sidestep.convert.repository.values import Unplaced
from sidestep.convert.rewrite import Change


def torn(changes: Iterable[Change], unplaced: Iterable[Unplaced]) -> list[tuple[Change, Unplaced]]:
    """Changes that found a place and must not be made, each with what it belongs to and no file could be given.

    Args:
        changes: that were to be made.
        unplaced: those of them without a place.
    """
    refused = {key_of(each.object): each for each in unplaced}
    if not refused:
        return []
    found = list(changes)
    by_needed, causes, asked = hanging(found), dict(refused), list(refused)
    while asked:
        needed = asked.pop()
        for needy in by_needed.get(needed, ()):
            if needy not in causes:
                causes[needy] = causes[needed]
                asked.append(needy)
    told = ((each, key_of(each.object)) for each in found)
    return [(each, causes[key]) for each, key in told if key in causes and key not in refused]
