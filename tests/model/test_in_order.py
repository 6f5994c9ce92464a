"""What is exchanged among things in order is known without a search."""

import random
from operator import attrgetter

import pytest
from msgspec import Struct

from sidestep.model.in_order import InOrder, apart, net


class Thing(Struct, frozen=True, eq=False):
    name: str


PLACE = attrgetter("name")
A, B, C = Thing("a"), Thing("b"), Thing("c")


def test_what_came_and_went_again_counts_for_nothing():
    assert net([A, B], [B, C], PLACE) == ([A], [C])
    assert net([A, B, A], [B, A, B], PLACE) == ([A], [B])
    assert net([A], [A], PLACE) == ([], [])


@pytest.mark.parametrize("seed", range(20))
def test_what_has_changed_is_what_a_search_finds(seed):
    chance = random.Random(seed)  # noqa: S311 - the same seed must give the same exchanges
    there = [Thing(f"{number:02}") for number in range(20)]
    ordered, away = InOrder(tuple(there), PLACE), []
    before = ordered.all()
    for _ in range(10):
        for _ in range(chance.randint(0, 6)):
            old = chance.choice((None, chance.choice(there)))
            new = chance.choice((None, Thing(f"{chance.randrange(20):02}"), *away[-1:]))
            if new in away:
                away.remove(new)
            if old is not None:
                there.remove(old)
                away.append(old)
            there += [] if new is None else [new]
            ordered.exchange(old, new)
        if not ordered.is_changed:
            continue
        if chance.random() < 0.5:
            ordered.all()
        told, found = ordered.changed()
        assert told is before
        gone, new = apart(told, ordered.all())
        assert [set(each) for each in found] == [set(gone), set(new)]
        assert all([each.name for each in side] == sorted(each.name for each in side) for side in found)
        before = ordered.all()
