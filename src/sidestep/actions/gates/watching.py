"""A gate is looked at again and again, in any world that answers its queries, until it says something."""

from collections.abc import Callable

from msgspec.structs import replace

from sidestep.actions.gates.judging import Answer, Finding, Seen, bound, judge
from sidestep.errors import WorldError
from sidestep.plan.measures import Count, Level, Quantity, Query, Shares, Slower
from sidestep.plan.steps import Gate

Measure = Callable[[Query, float], float | None]
"""A value over the last seconds; None where there is no data."""
_LOOKS = 10


class GateError(WorldError):
    """A gate does not hold, or cannot be told to.

    Attributes:
        finding: what it said at last.
        stops: the plan, by its own word.
    """

    def __init__(self, gate: Gate, finding: Finding) -> None:
        unknown = finding.answer is Answer.NOT_YET
        head = "the gate cannot be told to hold" if unknown else "the gate does not hold"
        remedy = "see that its metrics are there and that there is load, and resume" if unknown else ""
        super().__init__(f"{head}: {finding.told}", where=gate.name, remedy=remedy)
        self.finding, self.stops = finding, gate.stops


def seen_before(measure: Measure, gate: Gate, seconds: float) -> Seen:
    """What a gate sees over the last seconds, before its wave begins."""
    match gate.reading:
        case Shares(bad=bad, all=all_):
            return _shares(measure, bad, all_, seconds)
        case Slower(latency=latency, all=all_):
            return Seen(measure(latency, seconds), measure(all_, seconds) or 0.0)
        case Count(value=value, over=over):
            return Seen(measure(value, over or seconds))
        case Level(value=value, every=every):
            return Seen(_level_before(measure, value, every, seconds))
        case None:
            return Seen(measure(_only(gate), seconds))


def _level_before(measure: Measure, value: Query, every: int, seconds: float) -> float | None:
    """As looks after the wave will see it; by longer ones, or at once, where so short a time has no data."""
    for each in (every, 2 * every):
        looked = measure(value.average_of_looks(each), seconds) if seconds > each else None
        if looked is not None:
            return looked
    return measure(value, seconds)


class Watch:
    """One gate, after its wave.

    Args:
        measure: asks the world.
        gate: which.
        before: what it saw before its wave.
        longest: seconds for which it is looked at most.
    """

    def __init__(self, measure: Measure, gate: Gate, before: Seen, longest: float) -> None:
        self._measure, self._gate, self._before, self._longest = measure, gate, before, longest
        self._values: tuple[float, ...] = ()
        self._last = 0.0

    def look(self, seconds: float, *, over: bool) -> Finding:
        """What it says now.

        Args:
            seconds: since its wave was done.
            over: there will be no further look.
        """
        return judge(self._gate, self._before, self._now(seconds), over=over)

    def _now(self, seconds: float) -> Seen:
        match self._gate.reading:
            case Shares(bad=bad, all=all_):
                return _shares(self._measure, bad, all_, seconds)
            case Slower(within=within, all=all_):
                return self._slow(within, all_, seconds)
            case Level(value=value, every=every):
                return self._level(value, every, seconds)
            case Count(value=value, over=over):
                return Seen(self._measure(value, over or seconds))
            case None:
                return Seen(self._measure(_only(self._gate), seconds))

    def _slow(self, within: Query, all_: Query, seconds: float) -> Seen:
        longest = bound(self._gate, self._before)
        of = self._measure(all_, seconds)
        fast = self._measure(replace(within, bound=longest or 0.0), seconds) if longest is not None else 0.0
        return Seen() if of is None or fast is None else Seen(max(of - fast, 0.0), of)

    def _level(self, value: Query, every: int, seconds: float) -> Seen:
        """One more look, over a time that no look before it saw; over a longer one where that has no data."""
        if seconds - self._last >= min(every, self._longest / _LOOKS):
            found = self._measure(value, seconds - self._last)
            if found is not None:
                self._last, self._values = seconds, (*self._values, found)
        mean = sum(self._values) / len(self._values) if self._values else None
        return Seen(mean, float(len(self._values)), self._values)


def _shares(measure: Measure, bad: Query, all_: Query, seconds: float) -> Seen:
    of = measure(all_, seconds)
    found = measure(bad, seconds)
    return Seen() if of is None or found is None else Seen(min(found, of), of)


def _only(gate: Gate) -> Query:
    return Query(Quantity.OTHER, gate.query)
