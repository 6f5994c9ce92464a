"""Tests that may be looked at as often as one likes, and keep their confidence. Pure.

A share of requests lies in a *confidence sequence*: bounds that hold at all times together with the stated confidence,
however often somebody looks and whenever he stops. They follow from a martingale and Ville's inequality: a likelihood
that is mixed over what the share may be, against that of one share, exceeds 1/alpha with probability alpha at most.

Source: H. Robbins, Statistical methods related to the law of the iterated logarithm, Ann. Math. Statist. 41 (1970);
S. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, Time-uniform, nonparametric, nonasymptotic confidence sequences, Ann.
Statist. 49 (2021); for means of bounded values I. Waudby-Smith, A. Ramdas, Estimating means of bounded random variables
by betting, JRSS B 86 (2024).
"""

import math
from collections.abc import Callable, Iterable

from msgspec import Struct

_FEW, _MANY = 0.5, 50.0
"""Of the beta distribution that is mixed over: shares of about a percent are told apart soonest."""
_HALVINGS = 40
_BOLDEST = 0.75
"""Of what may be put on the next value, so that no single one ruins a bet."""


class Interval(Struct, frozen=True):
    """Between two values, with the confidence that was asked for."""

    lowest: float
    highest: float


def share(bad: float, of: float, alpha: float) -> Interval:
    """Between which shares the true one has been at all looks so far, but for a probability of `alpha`.

    Args:
        bad: how many so far; a counter that was extrapolated need not be whole.
        of: how many there were; 0 for none yet.
        alpha: 1 less the confidence.
    """
    bad = min(max(bad, 0.0), of)
    good = of - bad
    mixed = _log_beta(_FEW + bad, _MANY + good) - _log_beta(_FEW, _MANY)

    def excluded(value: float) -> bool:
        return mixed - _times_log(bad, value) - _times_log(good, 1.0 - value) >= -math.log(alpha)

    seen = bad / of if of > 0 else 0.5
    lowest = _edge(excluded, 0.0, seen) if excluded(0.0) else 0.0
    highest = _edge(excluded, 1.0, seen) if excluded(1.0) else 1.0
    return Interval(lowest, highest)


class Bets(Struct, frozen=True):
    """What a fair game has made of 1 that was put against a mean: the chance of reaching n is 1/n at most.

    Attributes:
        above: where the mean were the limit at most.
        below: where it were the limit at least.
    """

    above: float
    below: float


def bets(values: Iterable[float], limit: float) -> Bets:
    """How the most that was ever had grows, where means are on one side of a limit.

    Args:
        values: between 0 and 1, in order.
        limit: between 0 and 1, neither of which.
    """
    above = below = best_above = best_below = 1.0
    seen, number, spread = 0.5, 1, 0.25
    for value in values:
        lead = (seen - limit) / max(spread, 0.01)
        above *= 1.0 + min(max(lead, 0.0), _BOLDEST / limit) * (value - limit)
        below *= 1.0 - min(max(-lead, 0.0), _BOLDEST / (1.0 - limit)) * (value - limit)
        best_above, best_below = max(best_above, above), max(best_below, below)
        number += 1
        spread += ((value - seen) ** 2 - spread) / number
        seen += (value - seen) / number
    return Bets(best_above, best_below)


def _edge(excluded: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where a value begins to be possible, to the cautious side."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if excluded(middle) else (outside, middle)
    return outside


def _times_log(count: float, value: float) -> float:
    if count <= 0:
        return 0.0
    return count * math.log(value) if value > 0 else -math.inf


def _log_beta(one: float, other: float) -> float:
    return math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other)
