"""Every difference that one decision can show, shown: a mesh before and after, one request, both decisions."""

from collections.abc import Callable

import pytest
from tests.semantics.differences.cases import CASES
from tests.semantics.differences.cases.case import told

from sidestep.semantics.decisions import Decision, Verdict
from sidestep.semantics.differences.catalogue import BY_CODE, DIFFERENCES
from sidestep.semantics.differences.difference import Direction

_NAMES = [f"{case.code} {case.name}" for case in CASES]
_REFUSED = (Verdict.DENY, Verdict.UNREACHABLE)


@pytest.mark.parametrize("case", CASES, ids=_NAMES)
def test_both_decisions(case):
    before, after = case.decisions()
    assert told(before, case.expected_before.facts) == case.expected_before
    assert told(after, case.expected_after.facts) == case.expected_after


@pytest.mark.parametrize("case", CASES, ids=_NAMES)
def test_it_goes_the_way_that_the_catalogue_says(case):
    difference = BY_CODE[case.code]
    before, after = case.decisions()
    if difference.decidable:
        assert _GOES[difference.direction](before, after)
    else:
        assert (before.verdict, before.shape) == (after.verdict, after.shape)


def test_every_difference_that_a_decision_can_show_is_shown():
    assert {each.code for each in DIFFERENCES if each.decidable} <= {case.code for case in CASES}


def test_cases_are_told_apart():
    assert len(set(_NAMES)) == len(CASES)


def test_what_a_decision_cannot_show_says_why():
    assert all(bool(each.undecidable) is not each.decidable for each in DIFFERENCES)


def test_numbers_are_complete_and_in_order():
    assert [each.code for each in DIFFERENCES] == [f"D{number:02}" for number in range(1, 64)]


def _opens(before: Decision, after: Decision) -> bool:
    return before.verdict in _REFUSED and after.verdict is Verdict.ALLOW


def _either(before: Decision, after: Decision) -> bool:
    return _opens(before, after) or _opens(after, before)


def _routes(before: Decision, after: Decision) -> bool:
    return before.route != after.route or before.branches[0].destination != after.branches[0].destination


def _seen(before: Decision, after: Decision) -> bool:
    """Admitted or not by both, and what somebody sees is another thing."""
    same = (before.verdict is Verdict.ALLOW) is (after.verdict is Verdict.ALLOW)
    return same and (_view(before) != _view(after))


def _view(decision: Decision) -> object:
    delivered = decision.branches[0].delivered
    noted = [
        (check.outcome.shadowed, check.outcome.audited)
        for hop in decision.path
        for check in hop.checks
        if check.outcome
    ]
    return decision.shape, delivered, noted


_GOES: dict[Direction, Callable[[Decision, Decision], bool]] = {
    Direction.OPEN: _opens,
    Direction.CLOSED: lambda before, after: _opens(after, before),
    Direction.BOTH: _either,
    Direction.ROUTE: _routes,
    Direction.OBSERVED: _seen,
    Direction.INEXPRESSIBLE: lambda before, after: before.verdict is not after.verdict,
}
