"""Mappings of which each differs from the one before in a few keys: as if each had been copied."""

from hypothesis import given
from hypothesis import strategies as st

from sidestep.model.overlaid import Overlaid

KEYS = st.integers(0, 400)
STEPS = st.lists(
    st.tuples(st.dictionaries(KEYS, st.integers(), max_size=40), st.lists(KEYS, max_size=20), st.booleans()),
    max_size=25,
)


@given(st.dictionaries(KEYS, st.integers()), STEPS)
def test_every_one_is_what_a_copy_would_be(first, steps):
    kept = [(Overlaid(first), dict(first))]
    for changed, gone, adds in steps:
        made, copied = kept[-1][0].otherwise(changed, gone), {**kept[-1][1], **changed}
        for key in gone:
            copied.pop(key, None)
        if adds:
            made[500] = copied[500] = len(kept)
        kept.append((made, copied))
    for made, copied in kept:
        assert dict(made) == copied
        assert dict(made.items()) == copied
        assert len(made) == len(copied)
        assert all(made.get(key) == copied.get(key) for key in (*range(401), 500))
        assert all((key in made) is (key in copied) for key in range(401))


def test_what_is_shared_keeps_its_order():
    made = Overlaid({"c": 1, "a": 2, "b": 3}).otherwise({"a": 4, "z": 5}, ["b"])
    assert list(made.items()) == [("c", 1), ("a", 4), ("z", 5)]
    assert list(made) == ["c", "a", "z"]
