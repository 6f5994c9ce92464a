"""What a benchmark says about the planner's waypoints, in the planner's units."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from sidestep.lab.bench.measuring import Load
from sidestep.lab.bench.outcome import Bench
from sidestep.lab.bench.samples import Sample, kept

_PER_1000_RPS, _PER_MB_S, _PER_CONNECTION = "millicoresPer1000Rps", "millicoresPerMbS", "bytesPerConnection"
_WAYPOINT = "waypoint"


def coefficients(bench: Bench, steady: Load, larger: Sequence[Load], behind: Iterable[str]) -> dict[str, float]:
    """Figures by the names of `plan.waypoints.coefficients`; those that were measured.

    CPU for 1,000 requests/s, in thousandths of a core, is a thousand times a thousand times the seconds of one request;
    CPU for 10^6 bytes a second is what requests cost more that carry more.

    Args:
        bench: what was measured.
        steady: load of small requests at a steady rate.
        larger: loads of requests or answers that are larger.
        behind: scenarios with a waypoint.
    """
    places = tuple(behind)
    found = {
        _PER_1000_RPS: [each * 1e6 for name in places for each in _seconds(bench.of(name, steady.name))],
        _PER_MB_S: [each * 1e9 for name in places for each in _of_bytes(bench, name, steady, larger)],
        _PER_CONNECTION: [each for name in places for each in _of_streams(bench, name)],
    }
    return {name: round(median(values), 2) for name, values in found.items() if values}


def _seconds(samples: Iterable[Sample]) -> list[float]:
    """CPU of the waypoint for each request, in each round."""
    return [each.cpu[_WAYPOINT] / max(each.count - each.failed, 1) for each in kept(samples) if each.cpu.get(_WAYPOINT)]


def _of_bytes(bench: Bench, name: str, steady: Load, larger: Iterable[Load]) -> Iterator[float]:
    """CPU seconds of a byte more, by each larger load."""
    small = _seconds(bench.of(name, steady.name))
    for load in larger:
        own = _seconds(bench.of(name, load.name))
        if small and own and median(own) > median(small):
            yield (median(own) - median(small)) / (load.bytes - steady.bytes)


def _of_streams(bench: Bench, name: str) -> Iterator[float]:
    more = bench.streams.get(name, {}).get(_WAYPOINT, 0.0)
    if more > 0 and bench.asked.streams:
        yield more / bench.asked.streams
