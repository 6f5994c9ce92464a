"""Who calls in a state is handed on from the one before, and is who would be found anew."""

import pytest
from tests.prove.faults import worsened
from tests.prove.random_meshes import World
from tests.prove.test_register import SPACES
from tests.prove.test_states import plan_of
from tests.support.scenes import index, service

from sidestep.actions.memory import states
from sidestep.plan.naive import naive_plan
from sidestep.prove.affected import affected
from sidestep.prove.callers import Callers
from sidestep.prove.partial import with_partial
from sidestep.prove.ways import Ways
from sidestep.semantics.index import MeshIndex


def hold_on(today, way):
    """In every state, classes of callers that are handed on beside those found anew; how many kinds there were."""
    last, known, kinds = today, Callers(today, today), set()
    for _, mesh in way:
        now = MeshIndex.of(mesh, today.settings.version, like=last)
        known, anew = known.beside(now, affected(last, now).namespaces), Callers(today, now)
        for each in today.services.services:
            apart = Ways(today, now, everybody=anew).apart(each.host)
            assert [*known.classes(apart).items()] == [*anew.classes(apart).items()]
        assert known.guised.inhabited == anew.guised.inhabited
        spaces = (*anew.guised.inhabited, "nowhere")
        assert [known.guised.at(each) for each in spaces] == [anew.guised.at(each) for each in spaces]
        kinds.add(frozenset(each.kind for each in anew.all))
        last = now
    return kinds


@pytest.mark.parametrize("seed", range(20))
def test_on_random_ways(seed):
    world = World(seed)
    today = index(*world.objects(world.guarded()))
    hold_on(today, ((str(number), mesh) for number, mesh in enumerate(worsened(today.mesh, world.chance, 5))))


@pytest.mark.parametrize("planned", [plan_of, lambda today: naive_plan(today.mesh)])
@pytest.mark.parametrize("through", [with_partial, lambda _first, steps: steps])
def test_on_the_way_of_a_plan(planned, through):
    today = index(SPACES, service("everybody", selector={}))
    steps = ((step.id, mesh.in_order) for step, mesh in states(planned(today), today.mesh))
    assert len(hold_on(today, through(today.mesh, steps))) > 2
