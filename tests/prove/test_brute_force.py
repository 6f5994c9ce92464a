"""The prover against random requests: what it calls equal is equal, and what differs it has found.

`python -m bench.brute_force` asks a million of them.
"""

import pytest
from tests.prove.brute import Seeded
from tests.prove.random_meshes import World
from tests.support.scenes import index

from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.proof import Direction
from sidestep.prove.prover import Run, Terms

SEEDS, REQUESTS = 150, 340


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_request_differs_where_the_prover_found_nothing(seed):
    found = Seeded(seed)
    found.ask(REQUESTS)
    assert not found.wrong
    assert not [each for each in found.run.undecided if "internal error" in each.reason]


def test_a_prover_that_finds_nothing_would_be_noticed():
    noticed = 0
    for seed in range(0, SEEDS, 10):
        found = Seeded(seed)
        found.known = dict.fromkeys(found.known, (set(), False))
        found.ask(REQUESTS)
        assert len(found.wrong) == found.differing
        noticed += bool(found.wrong)
    assert noticed >= SEEDS / 10 / 4


def test_most_of_it_is_decided():
    decided = differing = 0
    for seed in range(0, SEEDS, 3):
        told = Seeded(seed).run.proof()
        decided += not told.undecided
        differing += bool(told.counterexamples)
    assert decided > SEEDS / 3 * 0.6
    assert SEEDS / 3 * 0.3 < differing < SEEDS / 3


def test_nothing_assumed_finds_no_less():
    for seed in range(0, SEEDS, 10):
        world = World(seed)
        parts = world.mesh()
        before, after = index(*world.objects(parts)), index(*world.objects(world.changed(parts)))
        runs = [
            Run(before, after, Terms(Leave.NOTHING, assume=assume)) for assume in (Assume.EVERYTHING, Assume.NOTHING)
        ]
        for run in runs:
            for way in run.ways.all():
                run.compare(way)
        plain, strict = ({each.direction for each in run.found} for run in runs)
        assert plain <= strict | {Direction.SEEN}
