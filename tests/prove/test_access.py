"""Faults in the access rules of converted meshes are found, by a request that shows them; other words are the same."""

from functools import cache

import pytest
from tests.prove.access import WORLDS, converted, put
from tests.support.migrations import TERMS
from tests.support.proof_requests import request_of

from sidestep.prove.outcome import Leave
from sidestep.prove.proof import Conclusion
from sidestep.prove.prover import Terms, prove
from sidestep.semantics.decide import decide

EVERYTHING = Terms(Leave.NOTHING)
FAULTS = [(name, fault) for name, world in WORLDS.items() for fault in world.faults]
SAME = [(name, words) for name, world in WORLDS.items() for words in world.same]
converted_once = cache(converted)


def test_there_are_many_of_both():
    assert len(FAULTS) >= 120
    assert len(SAME) >= 80


@pytest.mark.parametrize("name", WORLDS)
def test_what_was_converted_is_the_same(name):
    assert prove(*converted_once(name), TERMS).verdict is Conclusion.EQUAL


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_a_fault_is_found(name, fault):
    whole = converted_once(name)[1]
    broken = put(whole, WORLDS[name].faults[fault])
    proof = prove(whole, broken, EVERYTHING)
    assert proof.verdict is Conclusion.DIFFERS
    for each in proof.counterexamples:
        assert decide(broken, request_of(each)).verdict == each.after.verdict
        assert decide(whole, request_of(each)).verdict == each.before.verdict


@pytest.mark.parametrize(("name", "words"), SAME)
def test_other_words_are_the_same(name, words):
    whole = converted_once(name)[1]
    other = put(whole, WORLDS[name].same[words])
    for one, two in ((whole, other), (other, whole)):
        proof = prove(one, two, EVERYTHING)
        assert not proof.counterexamples, [each.request for each in proof.counterexamples]
        assert not proof.undecided
