"""Faults and other words for the same, made by hand, in small meshes of kinds that the random ones do not have."""

import pytest
from tests.prove import by_hand, places_by_hand, routes_by_hand
from tests.prove.by_hand import put
from tests.support.scenes import index

from sidestep.prove.proof import Conclusion
from sidestep.prove.prover import prove

SCENES = {**by_hand.SCENES, **routes_by_hand.SCENES, **places_by_hand.SCENES}
FAULTS = [(name, fault) for name, scene in SCENES.items() for fault in scene.faults]
SAME = [(name, words) for name, scene in SCENES.items() for words in scene.same]


UNDECIDED = {("tokens", "another header"), ("tokens", "a parameter")}
"""Where tokens are looked for in one place here, and in another there."""


def pair(name, part):
    scene = SCENES[name]
    return index(*put(scene, scene.part)), index(*put(scene, part))


def test_there_are_many_of_both():
    assert len(SCENES) >= 50
    assert len(FAULTS) >= 280
    assert len(SAME) >= 145


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_a_fault_is_found(name, fault):
    before, after = pair(name, SCENES[name].faults[fault])
    for proof in (prove(before, after), prove(after, before)):
        assert proof.verdict is (Conclusion.UNDECIDED if (name, fault) in UNDECIDED else Conclusion.DIFFERS)


@pytest.mark.parametrize(("name", "words"), SAME)
def test_other_words_are_the_same(name, words):
    before, after = pair(name, SCENES[name].same[words])
    for one, other in ((before, after), (after, before)):
        proof = prove(one, other)
        assert not proof.counterexamples, [each.request for each in proof.counterexamples]
        assert not proof.undecided
