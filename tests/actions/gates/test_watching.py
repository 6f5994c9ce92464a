"""Levels are looked at over times that have data, before a wave and after it."""

from sidestep.actions.gates.judging import Answer
from sidestep.actions.gates.watching import Watch, seen_before
from sidestep.plan.measures import Level, Quantity, Query
from sidestep.plan.steps import Comparison, Gate

CPU = Gate(
    "sidecar-cpu", "cpu[$window]", Comparison.NO_WORSE_THAN_BASELINE, 1.5, 1800,
    reading=Level(Query(Quantity.SIDECAR_CPU, "cpu[$window]"), every=60),
)  # fmt: skip


class Scraped:
    """A Prometheus that has data of no time shorter than two scrapes."""

    def __init__(self, every):
        self.every, self.asked, self.value = every, [], 0.05

    def __call__(self, query, seconds):
        inner = next((each for each in (60, 120) if f"[{each}s]" in query.promql), seconds)
        self.asked.append(inner)
        return self.value if inner >= 2 * self.every else None


def test_what_was_before_is_the_average_of_looks_as_short_as_they_have_data():
    for every, expected in ((15, [60]), (60, [60, 120]), (300, [60, 120, 1800])):
        scraped = Scraped(every)
        assert seen_before(scraped, CPU, 1800).value == 0.05
        assert scraped.asked == expected


def test_a_look_that_had_no_data_is_made_again_over_a_longer_time():
    scraped = Scraped(60)
    watch = Watch(scraped, CPU, seen_before(scraped, CPU, 1800), 1800)
    scraped.value = 0.01
    told = [watch.look(seconds, over=False).answer for seconds in range(5, 1200, 5)]
    assert Answer.HOLDS in told
    assert all(each >= 60 for each in scraped.asked)


def test_where_nothing_is_ever_measured_nothing_is_told():
    scraped = Scraped(10_000)
    watch = Watch(scraped, CPU, seen_before(scraped, CPU, 1800), 1800)
    assert {watch.look(seconds, over=seconds == 1800).answer for seconds in range(5, 1801, 5)} == {Answer.NOT_YET}
