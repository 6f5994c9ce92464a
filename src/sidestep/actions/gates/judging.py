"""What a gate says of what was seen: it holds, it fails, or it cannot be told yet. Pure.

What is told is told with the gate's confidence: of a hundred gates at 95 % that ought to hold five fail at most, and
of a hundred that ought to fail five hold, however often they were looked at. Requests are taken to fail independently
of each other; where they fail together, a gate is surer than it may be.
"""

from bisect import bisect_left
from enum import StrEnum
from typing import assert_never

from msgspec import Struct

from sidestep.actions.gates.sequential import Interval, bets, share
from sidestep.plan.measures import Count, Level, Shares, Slower
from sidestep.plan.steps import Comparison, Gate
from sidestep.plan.wording import many

BOUNDS = (
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
)  # fmt: skip
"""Milliseconds at which Istio's proxies divide latencies (envoy's own, which nobody needs to set)."""
_FEWEST = 1.0
"""Requests before a wave that must have been slower than its quantile, for that to say anything."""


class Answer(StrEnum):
    """What a gate says."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_YET = "not-yet"


class Seen(Struct, frozen=True):
    """What was measured.

    Attributes:
        value: a number; how many were bad, of shares; None for no data.
        of: how many there were.
        values: of a level, one after the other.
    """

    value: float | None = None
    of: float = 0.0
    values: tuple[float, ...] = ()


class Finding(Struct, frozen=True):
    """What a gate says, and why.

    Attributes:
        answer: holds, fails, or not yet.
        told: in words, with the confidence.
    """

    answer: Answer
    told: str


def judge(gate: Gate, before: Seen, now: Seen, *, over: bool) -> Finding:
    """What a gate says.

    Args:
        gate: which.
        before: what was seen before its wave.
        now: what was seen since.
        over: it was looked for as long as it may.
    """
    compared = gate.comparison is Comparison.NO_WORSE_THAN_BASELINE
    if now.value is None:
        return Finding(Answer.NOT_YET if gate.stops else Answer.FAILS, f"{gate.name} has no data")
    if compared and before.value is None:
        return Finding(Answer.NOT_YET, f"{gate.name} has no data of before its wave")
    match gate.reading:
        case Shares():
            return _shares(gate, gate.reading, before, now)
        case Slower():
            return _slower(gate, gate.reading, before, now)
        case Level():
            return _level(gate, gate.reading, before, now)
        case Count() | None:
            return _count(gate, before, now, over=over)
        case _:
            assert_never(gate.reading)


def bound(gate: Gate, before: Seen) -> float | None:
    """The milliseconds that a request may take, by what was before; None where that says nothing."""
    reading = gate.reading
    if not isinstance(reading, Slower) or before.value is None:
        return None
    if before.of * (1.0 - reading.latency.quantile) < _FEWEST - 1e-9:
        return None
    place = bisect_left(BOUNDS, before.value * gate.threshold)
    return float(BOUNDS[min(place, len(BOUNDS) - 1)])


def _shares(gate: Gate, reading: Shares, before: Seen, now: Seen) -> Finding:
    alpha = 1.0 - gate.confidence
    was, what = "", f"{now.value or 0.0:.0f} of {now.of:.0f}"
    limit = Interval(gate.threshold, gate.threshold)
    if gate.comparison is Comparison.NO_WORSE_THAN_BASELINE:
        alpha /= 2
        past = share(before.value or 0.0, before.of, alpha)
        limit = Interval(*(gate.threshold * each + reading.tolerance for each in (past.lowest, past.highest)))
        was = f", {before.value or 0.0:.0f} of {before.of:.0f} before"
    found = share(now.value or 0.0, now.of, alpha)
    return _compared(gate, f"{what} ({_percent(found)}{was})", found, limit)


def _slower(gate: Gate, reading: Slower, before: Seen, now: Seen) -> Finding:
    quantile, longest = reading.latency.quantile, bound(gate, before)
    if longest is None:
        few = f"{before.of:.0f} requests before its wave do not tell how long {quantile:.0%} of them take"
        return Finding(Answer.NOT_YET, f"{gate.name}: {few}")
    found = share(now.value or 0.0, now.of, 1.0 - gate.confidence)
    past = f"{quantile:.0%} took at most {before.value or 0.0:.3g} ms before"
    what = f"{now.value or 0.0:.0f} of {now.of:.0f} took longer than {longest:g} ms ({_percent(found)}, {past})"
    limit = 1.0 - quantile + reading.tolerance
    return _compared(gate, what, found, Interval(limit, limit))


def _level(gate: Gate, reading: Level, before: Seen, now: Seen) -> Finding:
    """Values beyond twice the limit count as that, so that they are bounded: a mean that fails fails all the more."""
    limit = gate.threshold
    if gate.comparison is Comparison.NO_WORSE_THAN_BASELINE:
        limit = limit * (before.value or 0.0) + reading.tolerance
    won = bets((min(max(each / (2 * limit), 0.0), 1.0) for each in now.values if limit > 0), 0.5)
    enough = 1.0 / (1.0 - gate.confidence)
    what = f"{now.value or 0.0:.3g} on the average of {many(len(now.values), 'look')}"
    return _finding(
        gate, what, f"at most {limit:.3g}", holds=won.below >= enough, fails=won.above >= enough or limit <= 0
    )


def _count(gate: Gate, before: Seen, now: Seen, *, over: bool) -> Finding:
    """Nothing is left to chance: what is too much is so at once, and what may still come is waited for."""
    value, limit = now.value or 0.0, gate.threshold
    if gate.comparison is Comparison.NO_WORSE_THAN_BASELINE:
        limit *= before.value or 0.0
    if gate.comparison is Comparison.AT_LEAST:
        answer = Answer.HOLDS if value >= limit else Answer.FAILS if over else Answer.NOT_YET
        return Finding(answer, f"{gate.name}: {value:g}, and at least {limit:g} is asked for")
    told = f"{gate.name}: {value:g}, and at most {limit:g} is fine"
    if isinstance(gate.reading, Count) and gate.reading.patient:
        return Finding(Answer.HOLDS if value <= limit else Answer.FAILS if over else Answer.NOT_YET, told)
    return Finding(Answer.FAILS if value > limit else Answer.HOLDS if over else Answer.NOT_YET, told)


def _compared(gate: Gate, what: str, found: Interval, limit: Interval) -> Finding:
    holds, fails = found.highest <= limit.lowest, found.lowest > limit.highest
    word = "at most"
    if gate.comparison is Comparison.AT_LEAST:
        holds, fails, word = found.lowest >= limit.highest, found.highest < limit.lowest, "at least"
    return _finding(gate, what, f"{word} {_percent(limit)}", holds=holds, fails=fails)


def _finding(gate: Gate, what: str, asked: str, *, holds: bool, fails: bool) -> Finding:
    sure = f"with {100 * gate.confidence:.4g} % confidence"
    if fails:
        return Finding(Answer.FAILS, f"{gate.name}: {what}, and not {asked}, {sure}")
    if holds:
        return Finding(Answer.HOLDS, f"{gate.name}: {what}, {asked}, {sure}")
    return Finding(Answer.NOT_YET, f"{gate.name}: {what}; whether it is {asked} cannot be told {sure} yet")


def _percent(found: Interval) -> str:
    lowest, highest = (f"{100 * each:.3g}" for each in (found.lowest, found.highest))
    return f"{lowest} %" if lowest == highest else f"{lowest} to {highest} %"
