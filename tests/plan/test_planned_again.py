"""A plan that is made anew when a part of an earlier one was carried out: it can be carried out where that left things."""

import pytest
from tests.support.runs import EXAMPLE, example_plan, healthy

from sidestep.actions.memory import apply
from sidestep.actions.runs.outlook import foresee
from sidestep.actions.worlds.effects import Stand
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Apply, reverse
from sidestep.sources.files import FilesSource
from sidestep.sources.prices import load_prices

PLAN = example_plan()
WAVES = sorted(wave.number for wave in PLAN.waves)


def stood(mesh):
    return [each.tree() for found in mesh.resources.values() for each in found if each.body]


@pytest.mark.parametrize("until", WAVES[:-1])
def test_nothing_of_it_is_taken_for_somebody_elses_change(until):
    left = apply(PLAN, FilesSource([str(EXAMPLE)]).read(), until)
    plan = make_plan(PlanRequest(left, load_prices(None)))
    world = MemoryWorld(stood(left), healthy(plan))
    others = [(each.step.id, each.why) for each in foresee(world, plan.steps) if each.stand is Stand.OTHER]
    assert others == []


def test_what_stood_there_is_put_back_by_the_way_back():
    left = apply(PLAN, FilesSource([str(EXAMPLE)]).read(), 0)
    plan = make_plan(PlanRequest(left, load_prices(None)))
    again = [step.effect for step in plan.steps if isinstance(step.effect, Apply) and step.effect.before is not None]
    assert again
    assert all(reverse(each) == Apply(each.object, each.before, each.manifest) for each in again)
    named = {each["metadata"]["name"]: each["spec"] for each in stood(left) if each["kind"] == "AuthorizationPolicy"}
    assert all(named[each.object.name] == each.before["spec"] for each in again)
