from hypothesis import given
from hypothesis import strategies as st

from sidestep.lab.agent.histogram import Histogram, merged

VALUES = st.lists(st.integers(0, 100_000_000), min_size=1, max_size=200)


def counted(values: list[int]) -> Histogram:
    histogram = Histogram()
    for each in values:
        histogram.add(each)
    return histogram


@given(VALUES, st.floats(0.001, 1))
def test_a_quantile_is_within_its_bucket(values, share):
    exact = sorted(values)[max(-(-len(values) * share // 1), 1).__int__() - 1]
    assert abs(counted(values).quantile(share) - exact) <= max(exact * 0.032, 0)


@given(VALUES, VALUES)
def test_two_are_merged_as_if_counted_together(one, two):
    assert merged((counted(one), counted(two))) == counted([*one, *two])


@given(VALUES)
def test_sum_and_largest_are_exact(values):
    histogram = counted(values)
    assert (histogram.count(), histogram.total, histogram.largest) == (len(values), sum(values), max(values))
    assert histogram.quantile(1) <= histogram.largest


def test_nothing_was_counted():
    assert (Histogram().quantile(0.5), Histogram().mean()) == (0, 0)


def test_what_is_below_zero_counts_as_zero():
    assert counted([-5]) == counted([0])
