"""Differences are found again in the decisions of the cases that show them."""

import pytest
from tests.semantics.differences.cases import CASES

from sidestep.explain.differences import between
from sidestep.semantics.differences.catalogue import BY_CODE

_ALWAYS = {"D33", "D43"}
"""Of any HTTP request that leaves two sidecars for ztunnel."""


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code} {case.name}" for case in CASES])
def test_a_case_is_accounted_for_by_its_difference(case):
    found = between(*case.decisions())
    assert set(found) <= BY_CODE.keys()
    assert (case.code in found) is BY_CODE[case.code].decidable


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code} {case.name}" for case in CASES])
def test_nothing_accounts_for_no_change(case):
    before, after = case.decisions()
    assert between(before, before) == ()
    assert between(after, after) == ()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code} {case.name}" for case in CASES])
def test_few_others_are_named(case):
    """What the decisions cannot tell apart stays small: no code that fits everything."""
    others = set(between(*case.decisions())) - {case.code} - _ALWAYS
    assert len(others) <= 2, others


def test_any_two_decisions_can_be_compared():
    """Whatever is asked of: other requests, planned states before today's, waypoints on both sides."""
    made = [decision for case in CASES for decision in case.decisions()]
    assert all(set(between(one, other)) <= BY_CODE.keys() for one in made for other in made)
