"""What is exchanged among things in order is known without a search."""

import random
from operator import attrgetter

import pytest
from msgspec import Struct

from sidestep.model.in_order import InOrder, InPieces, Pieces, apart, net


class Thing(Struct, frozen=True, eq=False):
    name: str


PLACE = attrgetter("name")
A, B, C = Thing("a"), Thing("b"), Thing("c")


def test_what_came_and_went_again_counts_for_nothing():
    assert net([A, B], [B, C], PLACE) == ([A], [C])
    assert net([A, B, A], [B, A, B], PLACE) == ([A], [B])
    assert net([A], [A], PLACE) == ([], [])


@pytest.mark.parametrize("kind", [InOrder, InPieces])
@pytest.mark.parametrize("seed", range(20))
def test_what_has_changed_is_what_a_search_finds(seed, kind):
    chance = random.Random(seed)  # noqa: S311 - the same seed must give the same exchanges
    there = [Thing(f"{number:02}") for number in range(20)]
    ordered, away = kind(tuple(there), PLACE), []
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


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("many", [0, 1, 40])
def test_things_in_pieces_are_in_the_order_in_which_they_are_whole(seed, many, monkeypatch):
    monkeypatch.setattr("sidestep.model.in_order._PIECE", 4)
    chance = random.Random(seed)  # noqa: S311 - the same seed must give the same exchanges
    there = tuple(Thing(f"{number // 3:02}") for number in range(many))
    whole, pieces = InOrder(there, PLACE), InPieces(there, PLACE)
    for _ in range(30):
        known = (None, *whole.all())
        old, new = chance.choice(known), chance.choice((None, Thing(f"{chance.randrange(many // 3 + 1):02}")))
        whole.exchange(old, new)
        pieces.exchange(old, new)
        found = pieces.all()
        assert found == whole.all()
        assert len(found) == len(whole.all())
        assert list(reversed(found)) == list(reversed(whole.all()))
        assert found[1:-1] == whole.all()[1:-1]
        assert InPieces(found, PLACE).all() is found


def test_pieces_that_stay_are_shared():
    there = Pieces(((A, B), (C,)))
    ordered = InPieces(there, PLACE)
    other = Thing("c")
    ordered.exchange(C, other)
    assert ordered.all() == (A, B, other)
    assert there == (A, B, C)
    assert ordered.all().pieces[0] is there.pieces[0]
