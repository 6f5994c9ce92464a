"""Whether a gate holds, fails or cannot be told yet, by what was seen."""

import pytest
from msgspec.structs import replace

from sidestep.actions.gates.judging import Answer, Seen, bound, judge
from sidestep.plan.measures import Count, Level, Quantity, Query, Shares, Slower
from sidestep.plan.steps import Comparison, Gate

WORSE, MOST, LEAST = Comparison.NO_WORSE_THAN_BASELINE, Comparison.AT_MOST, Comparison.AT_LEAST
ASKED = Query(Quantity.OTHER, "up")
SHARES = Shares(ASKED, ASKED, 0.01)
SLOWER = Slower(Query(Quantity.LATENCY, "p99", (), 0.99), ASKED, ASKED, 0.01)


def gate(reading, comparison=WORSE, threshold=1.1):
    return Gate("g", "up", comparison, threshold, 300, reading=reading)


def answer(asked, before, now, *, over=False):
    return judge(asked, before, now, over=over).answer


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (Seen(0, 1000), Seen(0, 1000), Answer.HOLDS),
        (Seen(0, 1000), Seen(0, 50), Answer.NOT_YET),
        (Seen(0, 0), Seen(0, 1000), Answer.HOLDS),
        (Seen(0, 1000), Seen(100, 1000), Answer.FAILS),
        (Seen(100, 1000), Seen(100, 1000), Answer.NOT_YET),
        (Seen(1000, 10_000), Seen(1000, 10_000), Answer.NOT_YET),
        (Seen(1000, 10_000), Seen(2000, 10_000), Answer.FAILS),
        (Seen(1000, 10_000), Seen(500, 10_000), Answer.HOLDS),
        (Seen(), Seen(0, 1000), Answer.NOT_YET),
        (Seen(0, 1000), Seen(), Answer.NOT_YET),
        (Seen(0, 1000), Seen(0, 0), Answer.NOT_YET),
    ],
)
def test_a_share_is_held_against_the_share_before(before, now, expected):
    assert answer(gate(SHARES), before, now) is expected
    assert answer(gate(SHARES), before, now, over=True) is expected, "time alone makes nothing hold"


@pytest.mark.parametrize(
    ("comparison", "now", "expected"),
    [
        (MOST, Seen(0, 500), Answer.HOLDS),
        (MOST, Seen(0, 100), Answer.NOT_YET),
        (MOST, Seen(50, 500), Answer.FAILS),
        (LEAST, Seen(0, 500), Answer.FAILS),
        (LEAST, Seen(50, 500), Answer.HOLDS),
    ],
)
def test_a_share_is_held_against_a_number(comparison, now, expected):
    assert answer(gate(SHARES, comparison, 0.02), Seen(), now) is expected


@pytest.mark.parametrize(
    ("before", "milliseconds"),
    [(Seen(18.2, 1000), 25), (Seen(21.0, 1000), 50), (Seen(0.2, 1000), 0.5), (Seen(1.0, 99), None), (Seen(), None)],
)
def test_what_is_slow_follows_from_what_was_before(before, milliseconds):
    assert bound(gate(SLOWER, WORSE, 1.2), before) == milliseconds


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (Seen(18.2, 1000), Seen(2, 1000), Answer.HOLDS),
        (Seen(18.2, 1000), Seen(100, 1000), Answer.FAILS),
        (Seen(18.2, 1000), Seen(20, 1000), Answer.NOT_YET),
        (Seen(18.2, 50), Seen(0, 1000), Answer.NOT_YET),
    ],
)
def test_requests_are_slower_than_before_or_not(before, now, expected):
    found = judge(gate(SLOWER, WORSE, 1.2), before, now, over=False)
    assert found.answer is expected
    assert ("25 ms" in found.told) == (before.of > 100)


@pytest.mark.parametrize(
    ("values", "expected"),
    [((0.3,) * 15, Answer.HOLDS), ((0.3,) * 2, Answer.NOT_YET), ((0.95,) * 60, Answer.FAILS), ((), Answer.NOT_YET)],
)
def test_a_level_needs_several_looks(values, expected):
    now = Seen(values[-1] if values else None, len(values), values)
    assert answer(gate(Level(ASKED), MOST, 0.8), Seen(), now) is expected


def test_a_level_is_held_against_what_was_before():
    looked = Seen(0.02, 20, (0.02,) * 20)
    asked = gate(Level(ASKED, tolerance=0.005), WORSE, 1.5)
    assert answer(asked, Seen(0.02), looked) is Answer.HOLDS
    assert answer(asked, Seen(0.005), looked) is Answer.FAILS
    assert answer(asked, Seen(), looked) is Answer.NOT_YET


@pytest.mark.parametrize("reading", [Count(ASKED), None])
def test_what_is_no_chance_is_so_at_once_and_what_may_come_is_waited_for(reading):
    most, least = gate(reading, MOST, 0), gate(reading, LEAST, 2)
    assert answer(most, Seen(), Seen(1)) is Answer.FAILS
    assert answer(most, Seen(), Seen(0)) is Answer.NOT_YET
    assert answer(most, Seen(), Seen(0), over=True) is Answer.HOLDS
    assert answer(least, Seen(), Seen(2)) is Answer.HOLDS
    assert answer(least, Seen(), Seen(1)) is Answer.NOT_YET
    assert answer(least, Seen(), Seen(1), over=True) is Answer.FAILS


def test_what_is_about_this_moment_is_waited_for():
    asked = gate(Count(ASKED, patient=True), MOST, 0)
    assert answer(asked, Seen(), Seen(3)) is Answer.NOT_YET
    assert answer(asked, Seen(), Seen(0)) is Answer.HOLDS
    assert answer(asked, Seen(), Seen(3), over=True) is Answer.FAILS
    assert answer(asked, Seen(), Seen(), over=True) is Answer.NOT_YET


def test_what_stops_nothing_is_not_waited_for_where_nobody_counts():
    asked = replace(gate(Count(ASKED, patient=True), MOST, 0), stops=False)
    assert answer(asked, Seen(), Seen(3)) is Answer.NOT_YET
    assert answer(asked, Seen(), Seen()) is Answer.FAILS


def test_it_is_told_with_its_confidence_and_what_was_seen():
    told = judge(gate(SHARES), Seen(1, 1000), Seen(100, 1000), over=False).told
    assert told.startswith("g: 100 of 1000 (6.3 to 14.8 %")
    assert "1 of 1000 before" in told
    assert told.endswith("and not at most 1 to 1.88 %, with 95 % confidence")
    assert judge(gate(SHARES), Seen(), Seen(0, 9), over=True).told == "g has no data of before its wave"
