"""Journeys beside each other, each of which asks other namespaces, find together what one finds, to the byte."""

from itertools import count

import msgspec
import pytest
from tests.prove.faults import worsened
from tests.prove.random_meshes import World
from tests.prove.test_register import SPACES
from tests.prove.test_states import plan_of
from tests.support.proofs import TODAY
from tests.support.scenes import index, service

from sidestep.actions.memory import states
from sidestep.plan.naive import naive_plan
from sidestep.prove.accepted import Acceptance
from sidestep.prove.invariants import Inquiry
from sidestep.prove.outcome import Leave
from sidestep.prove.partial import with_partial
from sidestep.prove.prover import Terms
from sidestep.prove.states import Findings, Journey, Part
from sidestep.prove.walk import State, Walk
from sidestep.semantics.index import MeshIndex

TERMS = Terms(Leave.NOTHING)


def through(today, way):
    """The states of a way, made anew as each process makes them."""
    last = today
    for step, mesh in way:
        last = MeshIndex.of(mesh, today.settings.version, like=last)
        yield State(step, last)


def walked(today, way, parts):
    """The proof, as the command writes it, and in how many states other parts found anything to ask."""
    today_itself, nothing = State("today", today), Acceptance((), TODAY)
    walk = Walk(today_itself, TERMS, nothing, Inquiry((), 1), steps=True, part=Part(0, parts))
    others = [
        [told(journey.findings(each.name, each.index)) for each in through(today, way)]
        for journey in (Journey(today, TERMS, Part(number, parts)) for number in range(1, parts))
    ]
    found = ([each[number] for each in others] for number in count())
    for state in through(today, way):
        walk.follow(state, found)
    walk.catch_up(found)
    return msgspec.json.encode(walk.proof()), sum(any(each) for each in others)


def told(findings):
    """As one process tells another."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(findings), type=Findings)


@pytest.mark.parametrize("seed", range(12))
def test_on_random_ways(seed):
    world = World(seed)
    today = index(*world.objects(world.guarded()))
    steps = [(f"step-{number}", mesh) for number, mesh in enumerate(worsened(today.mesh, world.chance, 4))]
    way = list(with_partial(today.mesh, steps))
    alone, _ = walked(today, way, 1)
    for many in (2, 5):
        together, asked = walked(today, way, many)
        assert together == alone
        assert asked or not way


@pytest.mark.parametrize("planned", [plan_of, lambda today: naive_plan(today.mesh)])
def test_on_the_way_of_a_plan(planned):
    today = index(SPACES, service("everybody", selector={}))
    way = list(with_partial(today.mesh, ((step.id, mesh) for step, mesh in states(planned(today), today.mesh))))
    assert walked(today, way, 3)[0] == walked(today, way, 1)[0]


def test_every_namespace_is_asked_by_one_part():
    today = index(SPACES)
    alone, *parts = (Journey(today, TERMS, part) for part in (Part(), *(Part(number, 5) for number in range(5))))
    asked = [[place for place, _ in each.findings("", today)] for each in parts]
    assert sorted(place for own in asked for place in own) == [place for place, _ in alone.findings("", today)]
    assert sum(map(bool, asked)) == 3


@pytest.mark.parametrize("seed", range(6))
def test_what_the_first_step_leaves_alone_is_asked_of_the_first_mesh_itself(seed, monkeypatch):
    world = World(seed)
    today = index(*world.objects(world.guarded()))
    steps = [(f"step-{number}", mesh) for number, mesh in enumerate(worsened(today.mesh, world.chance, 2))]
    way = list(with_partial(today.mesh, steps))
    found = walked(today, way, 1)
    monkeypatch.setattr(Journey, "_mirror", lambda *_: None)
    assert walked(today, way, 1) == found
