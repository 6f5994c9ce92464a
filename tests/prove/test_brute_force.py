"""The prover against random requests: what it calls equal is equal, and what differs it has found."""

import pytest
from tests.prove.random_meshes import WORKLOADS, World
from tests.support.scenes import client, index

from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.proof import Direction
from sidestep.prove.prover import Run, Terms
from sidestep.semantics.requests import Answers, Http

SEEDS = 150
PAYLOADS = 60


def run_of(seed):
    world = World(seed)
    parts = world.mesh()
    before, after = index(*world.objects(parts)), index(*world.objects(world.changed(parts)))
    return world, Run(before, after, Terms(Leave.NOTHING))


def found_on(run, way):
    """Directions that are known of one way, and whether something of it is undecided."""
    shown, undecided = len(run.found), len(run.undecided)
    run.compare(way)
    return {each.direction for each in run.found[shown:]}, len(run.undecided) > undecided


def names_what_is_dialled(way, payload):
    """Other hosts are assumed away where nothing asks for them; here a route or a policy may."""
    return not isinstance(payload, Http) or payload.authority == ""


def usual(way, payload):
    """What goes over a port as the port says."""
    return isinstance(payload, Http) if way.protocol.value == "HTTP" else True


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_request_differs_where_the_prover_found_nothing(seed):
    world, run = run_of(seed)
    reached = {}
    ways = list(run.ways.all())
    for way in ways:
        directions, undecided = found_on(run, way)
        known = reached.setdefault((way.to, way.port), [set(), False])
        known[0] |= directions
        known[1] = known[1] or undecided
        for _ in range(6):
            payload = world.payload()
            if usual(way, payload) and names_what_is_dialled(way, payload) and way.protocol.value != "TCP":
                told = run._direction(way, payload, Answers.UNSTATED)
                assert not isinstance(told, Direction) or told in directions or undecided, (way, payload, told)
    assert not [each for each in run.undecided if "internal error" in each.reason]
    dialled = [way for way in ways if (way.to, way.port) in reached]
    for _ in range(PAYLOADS):
        way, payload = world.chance.choice(dialled), world.payload()
        name, space = world.chance.choice(WORKLOADS)
        if usual(way, payload) and names_what_is_dialled(way, payload) and way.protocol.value != "TCP":
            anybody = way.__class__(
                client(f"{space}/{name}"),
                name,
                way.to,
                way.port,
                way.protocol,
                way.service,
                client(f"{space}/{name}"),
                way.instead,
                way.also,
            )
            told = run._direction(anybody, payload, Answers.UNSTATED)
            directions, undecided = reached[way.to, way.port]
            assert not isinstance(told, Direction) or told in directions or undecided, (anybody, payload, told)


def test_most_of_it_is_decided():
    decided = differing = 0
    for seed in range(0, SEEDS, 3):
        proof = run_of(seed)[1]
        for way in proof.ways.all():
            proof.compare(way)
        told = proof.proof()
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
