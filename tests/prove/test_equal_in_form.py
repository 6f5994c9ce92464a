"""Meshes that differ in form alone: renamed, reordered, split, merged, said twice; all of them are equal."""

import copy
import random

import pytest
from tests.prove.forms import pair_of, renamed, reordered
from tests.prove.random_meshes import World
from tests.support.scenes import index

from sidestep.prove.outcome import Leave
from sidestep.prove.proof import Conclusion
from sidestep.prove.prover import Terms, prove

SEEDS = 240


@pytest.mark.parametrize("seed", range(SEEDS))
def test_it_is_equal(seed):
    world, parts, other = pair_of(seed)
    proof = prove(index(*world.objects(parts)), index(*world.objects(other)), Terms(Leave.NOTHING))
    assert not proof.counterexamples
    assert proof.verdict is Conclusion.EQUAL or proof.undecided


def test_almost_all_of_them_are_decided():
    undecided = 0
    for seed in range(0, SEEDS, 4):
        world, chance = World(seed), random.Random(seed)  # noqa: S311 - the same seed must make the same pair
        parts = world.mesh()
        other = copy.deepcopy(parts)
        renamed(other["policies"], chance)
        reordered(other["policies"], chance)
        proof = prove(index(*world.objects(parts)), index(*world.objects(other)))
        assert not proof.counterexamples
        undecided += bool(proof.undecided)
    assert undecided <= SEEDS / 4 * 0.1
