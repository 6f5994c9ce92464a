"""However often somebody looks, a test is wrong no more often than it says; and where there is something, it sees it."""

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.actions.gates.sequential import bets, share

ALPHA = 0.05
RUNS = 200
WORST = RUNS * ALPHA + 3 * (RUNS * ALPHA * (1 - ALPHA)) ** 0.5
"""Three standard deviations above what is allowed."""


@cache
def bounds(bad, of):
    return share(bad, of, ALPHA)


def looked_at(chance, source, *, most=1500, each=25):
    """Bounds at every look."""
    bad = 0
    for number in range(1, most + 1):
        bad += source.random() < chance
        if number % each == 0:
            yield bounds(bad, number)


@pytest.mark.parametrize("chance", [0.0, 0.001, 0.01, 0.05, 0.3, 0.9])
def test_the_true_share_is_within_the_bounds_at_all_looks(chance):
    source = random.Random(7)  # noqa: S311
    left = sum(
        any(not each.lowest <= chance <= each.highest for each in looked_at(chance, source)) for _ in range(RUNS)
    )
    assert left <= WORST


@pytest.mark.parametrize(("chance", "limit"), [(0.05, 0.01), (0.1, 0.05), (0.5, 0.2)])
def test_what_is_too_much_is_seen(chance, limit):
    source = random.Random(7)  # noqa: S311
    seen = sum(any(each.lowest > limit for each in looked_at(chance, source)) for _ in range(50))
    assert seen == 50


@pytest.mark.parametrize(("chance", "limit"), [(0.0, 0.01), (0.001, 0.02), (0.05, 0.15)])
def test_what_is_little_enough_is_seen(chance, limit):
    source = random.Random(7)  # noqa: S311
    assert all(any(each.highest <= limit for each in looked_at(chance, source)) for _ in range(50))


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0.001, 0.5))
def test_what_was_seen_is_always_possible(bad, good, alpha):
    of = bad + good
    found = share(bad, of, alpha)
    assert 0.0 <= found.lowest <= found.highest <= 1.0
    if of:
        assert found.lowest <= bad / of + 1e-9
        assert found.highest >= bad / of - 1e-9
    surer = share(bad, of, alpha / 2)
    assert surer.lowest <= found.lowest + 1e-9
    assert surer.highest >= found.highest - 1e-9


def test_nothing_seen_tells_nothing():
    found = share(0, 0, ALPHA)
    assert (found.lowest, found.highest) == (0.0, 1.0)


@pytest.mark.parametrize("limit", [0.2, 0.5, 0.8])
def test_a_bet_at_the_limit_is_won_as_seldom_as_it_says(limit):
    source = random.Random(7)  # noqa: S311
    won = [bets([float(source.random() < limit) for _ in range(300)], limit) for _ in range(RUNS)]
    assert sum(each.above >= 1 / ALPHA for each in won) <= WORST
    assert sum(each.below >= 1 / ALPHA for each in won) <= WORST


@given(st.floats(0.0, 1.0), st.floats(0.05, 0.95))
def test_a_mean_on_one_side_never_wins_on_the_other(value, limit):
    won = bets([value] * 100, limit)
    assert won.above == 1.0 if value <= limit else won.below == 1.0


@pytest.mark.parametrize(("mean", "limit", "needed"), [(0.3, 0.8, 15), (0.95, 0.8, 40), (0.6, 0.8, 60)])
def test_a_level_is_told_from_few_values(mean, limit, needed):
    source = random.Random(7)  # noqa: S311
    won = bets([mean + source.uniform(-0.05, 0.05) for _ in range(needed)], limit)
    assert max(won.above, won.below) >= 1 / ALPHA
    assert (won.above > won.below) == (mean > limit)
