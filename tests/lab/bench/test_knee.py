"""Where requests begin to queue: rates in steps, and what is said of them."""

import pytest
from tests.lab.bench.test_samples import bench, sample

from sidestep.lab.bench.knee import LATE, Step, climbed, knee
from sidestep.report.lab.bench import text

QUICK, SLOW = 1000, round(2 * LATE)


def climb(*answers):
    """Steps from 100/s where each measurement ends as the next answer says."""
    rest = iter(answers)
    return tuple(climbed(100, lambda _: sample("l4", next(rest))))


def test_rates_grow_until_one_is_late_twice():
    steps = climb(QUICK, QUICK, SLOW, SLOW)
    assert [(each.rate, each.carried) for each in steps] == [(100, True), (150, True), (225, False)]
    assert knee(steps) == steps[1]


def test_a_rate_that_is_late_once_is_the_machines():
    steps = climb(QUICK, SLOW, QUICK, SLOW, SLOW)
    assert [each.rate for each in steps] == [100, 150, 225]
    assert knee(steps).rate == 150


def test_a_rate_that_loses_requests_is_not_carried():
    assert not Step(100, 10, 0.01).carried


def test_where_not_even_the_first_is_carried_that_is_said():
    steps = climb(SLOW, SLOW)
    assert knee(steps) is None
    assert "below 100" in text(bench(sample("l4", 10), knees={"l4": steps}))


def test_the_table_says_what_becomes_of_requests_beyond():
    shown = text(bench(sample("sidecar", 10), sample("l4", 10), knees={"sidecar": climb(QUICK, SLOW, SLOW), "l4": climb(QUICK, QUICK, SLOW, SLOW)}))  # fmt: skip
    [line] = [each for each in shown.splitlines() if "1.50x" in each]
    assert "150 (1.50x)" in line
    assert f"225/s: {SLOW / 1000:.0f} ms" in line


@pytest.mark.parametrize(("rate", "last"), [(20_000, 20_000), (15_000, 15_000)])
def test_no_more_is_asked_than_a_client_can(rate, last):
    assert [each.rate for each in climbed(rate, lambda _: sample("l4", QUICK))] == [last]
