"""What a benchmark says about the planner's waypoints, in the planner's units."""

from collections.abc import Iterable
from statistics import median

from sidestep.lab.bench.samples import Sample, kept

_PER_1000_RPS = "millicoresPer1000Rps"
_WAYPOINT = "waypoint"


def coefficients(paced: Iterable[Sample]) -> dict[str, float]:
    """Figures by the names of `plan.waypoints.coefficients`; none where no waypoint was measured.

    CPU for 1,000 requests/s, in thousandths of a core, is a thousand times a thousand times the seconds of one request.

    Args:
        paced: samples of a scenario with a waypoint, at a steady rate.
    """
    told = [each.cpu[_WAYPOINT] / max(each.count - each.failed, 1) for each in kept(paced) if each.cpu.get(_WAYPOINT)]
    return {_PER_1000_RPS: round(median(told) * 1e6, 1)} if told else {}
