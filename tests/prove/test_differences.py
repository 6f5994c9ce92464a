"""Every difference of the catalogue that a decision can show is found on its minimal mesh, in its direction."""

import pytest
from tests.semantics.differences.cases import CASES

from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms, prove
from sidestep.semantics.differences.catalogue import BY_CODE
from sidestep.semantics.differences.difference import Direction as Goes

_STRICT = Terms(Leave.NOTHING, assume=Assume.NOTHING)
_HOSTS = Terms(Leave.NOTHING, assume=Assume.EVERYTHING & ~Assume.HOSTS)
_FINDS = {
    Goes.OPEN: {Direction.OPEN},
    Goes.CLOSED: {Direction.CLOSED},
    Goes.BOTH: {Direction.OPEN, Direction.CLOSED},
    Goes.ROUTE: {Direction.ROUTE, Direction.OPEN, Direction.SEEN},
    Goes.OBSERVED: {Direction.SEEN, Direction.SHAPE, Direction.ROUTE},
    Goes.INEXPRESSIBLE: {Direction.OPEN, Direction.CLOSED},
}
_SAME_IN_EFFECT = {"D14"}
"""Both meshes do the same with every request."""


def proofs(case):
    before, after = case.index(case.before), case.index(case.after)
    return [prove(before, after, terms) for terms in (_STRICT, _HOSTS)]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code} {case.name}" for case in CASES])
def test_it_is_found(case):
    found = [each for proof in proofs(case) for each in proof.counterexamples]
    directions = {each.direction for each in found if case.code in each.differences}
    if case.code in _SAME_IN_EFFECT:
        assert not directions
    else:
        assert directions & _FINDS[BY_CODE[case.code].direction]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code} {case.name}" for case in CASES])
def test_a_mesh_is_equal_to_itself(case):
    for objects in (case.before, case.after):
        one, other = case.index(objects), case.index(objects)
        proof = prove(one, other, _STRICT)
        assert proof.verdict is not Conclusion.DIFFERS
        assert not proof.counterexamples


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code} {case.name}" for case in CASES])
def test_nothing_is_found_that_does_not_happen_again(case):
    assert not [each for proof in proofs(case) for each in proof.undecided if "internal error" in each.reason]
