from hypothesis import given
from hypothesis import strategies as st

from sidestep.semantics.by_selector import ByLabel, BySelector, grouped

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3)
SELECTORS = st.none() | LABELS


@given(st.lists(SELECTORS, max_size=12), LABELS)
def test_finds_what_asking_each_would_find_in_the_same_order(selectors, labels):
    things = tuple(enumerate(selectors))
    found = BySelector(things, lambda thing: thing[1]).taking(labels)
    assert found == [thing for thing in things if not thing[1] or thing[1].items() <= labels.items()]


@given(st.lists(LABELS, max_size=12), LABELS)
def test_finds_what_carries_all_labels_in_the_same_order(carried, wanted):
    things = tuple(enumerate(carried))
    found = ByLabel(things, lambda thing: thing[1]).taken(wanted.items())
    assert found == [thing for thing in things if wanted.items() <= thing[1].items()]


def test_groups_keep_their_order():
    assert grouped(["ab", "b", "ac"], lambda text: text[0]) == {"a": ("ab", "ac"), "b": ("b",)}
