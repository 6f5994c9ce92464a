"""How many requests a second are carried: rates in steps, until answers come too late.

Saturation asks again as soon as it is answered, so it never asks for more than there is. Here requests come by the
clock, as users do: past the knee they queue, and the slowest of them tell.
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from sidestep.lab.bench.samples import Sample

LATE = 25_000.0
"""Microseconds: a rate at which more than one request in a hundred takes longer is not carried."""
_GROWTH, _MOST, _TRIES = 1.5, 20_000.0, 2
_FAILED = 0.001


class Step(Struct, frozen=True, rename="camel"):
    """One rate.

    Attributes:
        rate: requests a second.
        p99: microseconds.
        failed: share of the requests.
    """

    rate: float
    p99: float
    failed: float

    @property
    def carried(self) -> bool:
        """Whether it was not too much."""
        return self.p99 <= LATE and self.failed <= _FAILED


def climbed(first: float, measure: Callable[[float], Sample]) -> Iterator[Step]:
    """Rates up to the first that is not carried: twice, for the machine may have stood still.

    Args:
        first: rate.
        measure: a rate.
    """
    rate = first
    while rate <= _MOST:
        tried = [_step(rate, measure(rate))]
        while not tried[-1].carried and len(tried) < _TRIES:
            tried.append(_step(rate, measure(rate)))
        best = min(tried, key=lambda each: (not each.carried, each.p99))
        yield best
        if not best.carried:
            return
        rate *= _GROWTH


def knee(steps: Sequence[Step]) -> Step | None:
    """The highest rate that was carried; None where not even the first was."""
    return next((each for each in reversed(steps) if each.carried), None)


def _step(rate: float, sample: Sample) -> Step:
    return Step(rate, sample.latency.quantile(0.99), sample.failed / max(sample.count, 1))
