"""Keep a list's order though the Gateway API sorts: each case in a form that puts it behind those it must not precede.

Exact paths go before prefixes, prefixes before expressions, longer ones first (D42). Order matters only between cases
that may take the same request and do something else with it. An expression can be made longer without meaning more.
"""

from collections.abc import Callable, Sequence

from sidestep.convert.routes.cases import Case
from sidestep.convert.routes.forms import Match, as_expression, natural
from sidestep.convert.routes.overlap import apart

_LENGTH = 2

Same = Callable[[int, int], bool]
"""Whether two cases, by their places, do the same with a request that both take."""
Strict = Callable[[int, int], bool]
"""Whether a tie between two cases may be settled the wrong way, because they stand in different objects."""


def arranged(cases: Sequence[Case], fixed: Sequence[bool], same: Same, strict: Strict) -> list[Match] | None:
    """Cases in forms that keep their order; None where no forms do.

    Args:
        cases: in order.
        fixed: of each, whether its path must not become an expression.
        same: see there.
        strict: see there.
    """
    ahead = [[i for i in range(at) if not same(i, at) and not apart(cases[i], case)] for at, case in enumerate(cases)]
    matches: list[Match] = []
    for at, case in enumerate(cases):
        found = natural(case)
        if found is None or any(_wrong(matches[i], found, tie=strict(i, at)) for i in ahead[at]):
            found = None if fixed[at] else as_expression(case)
        if found is None or any(not matches[i].is_expression and _wrong(matches[i], found) for i in ahead[at]):
            return None
        if fixed[at] and any(_wrong(matches[i], found, tie=strict(i, at)) for i in ahead[at]):
            return None
        matches.append(found)
    return _lengthened(matches, ahead, strict)


def _wrong(first: Match, second: Match, *, tie: bool = False) -> bool:
    """Whether the second would go first. Of expressions only those that both stand for good are compared."""
    if first.is_expression and second.is_expression:
        return False
    return first.rank >= second.rank if tie else first.rank > second.rank


def _lengthened(matches: list[Match], ahead: list[list[int]], strict: Strict) -> list[Match] | None:
    """From the last to the first, expressions as long as it takes to stay ahead."""
    for at in range(len(matches) - 1, -1, -1):
        if not matches[at].is_expression:
            continue
        for i in ahead[at]:
            if not matches[i].is_expression or not _behind(matches[i], matches[at], tie=strict(i, at)):
                continue
            longer = as_expression(matches[i].case, _longer(matches[i], matches[at], tie=strict(i, at)))
            if longer is None:
                return None
            matches[i] = longer
    return matches


def _behind(first: Match, second: Match, *, tie: bool) -> bool:
    return first.rank >= second.rank if tie else first.rank > second.rank


def _longer(first: Match, second: Match, *, tie: bool) -> int:
    """How long the first must be at least: as long as the second where that is enough, or else longer."""
    rest = first.rank[_LENGTH + 1 :], second.rank[_LENGTH + 1 :]
    enough = rest[0] < rest[1] if tie else rest[0] <= rest[1]
    return -second.rank[_LENGTH] + int(not enough)
