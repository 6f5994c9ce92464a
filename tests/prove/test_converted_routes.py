"""Every value of converted routes and rules, edited: what changes a decision is found, and nothing else is."""

import pytest
from tests.prove.converted_routes import SCENES, broken, differs, found

from sidestep.convert.rewrite import Severity
from sidestep.prove.outcome import Leave
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms, prove

_LEAST = {"canary": 100, "versions": 200, "shaped": 80, "as routes": 240, "delegated": 150, "streams": 70, "outside": 100, "policies": 70}  # fmt: skip
_OPENS = {"streams": "D54: a waypoint's route leads past the policies of the other Service", "outside": "REGISTRY_ONLY"}
"""What is a loss in security, which convert says."""


@pytest.mark.parametrize("name", SCENES)
def test_edits_that_matter_are_found(name):
    whole, counted = found(name).end, 0
    for number, (words, other) in enumerate(broken(name)):
        proof = prove(whole, other, Terms(Leave.SHAPE, most=1))
        assert not [each for each in proof.undecided if "internal error" in each.reason], words
        counted += proof.verdict is Conclusion.DIFFERS
        if proof.verdict is Conclusion.EQUAL:
            assert differs(whole, other, number) is None, words
    assert counted >= _LEAST[name]


@pytest.mark.parametrize("name", SCENES)
def test_what_came_out_is_equal_or_said(name):
    migration = found(name)
    proof = migration.proof()
    assert not proof.undecided
    opened = [each for each in proof.counterexamples if each.direction is Direction.OPEN]
    assert bool(opened) is (name in _OPENS)
    assert (proof.verdict is Conclusion.EQUAL) is (name not in _OPENS)
    assert not opened or Severity.SECURITY in migration.severities
    assert not migration.staying
