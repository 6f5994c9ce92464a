"""Registers name every destination that a look at all of them would find: to whom somebody is new, and what a step touches."""

import pytest
from tests.prove.random_meshes import World
from tests.prove.test_states import way_of
from tests.support.scenes import index, pods, policy, principal, service

from sidestep.prove.prover import Terms
from sidestep.prove.states import Journey
from sidestep.semantics.index import MeshIndex


class Watched(Journey):
    """Looks at all destinations beside, and counts those that it need not have looked at."""

    passed = 0

    def _affected(self, run, changed):
        found = list(super()._affected(run, changed))
        others = [each for each in self._services.values() if each not in found]
        self.passed += len(others)
        assert not [each.host for each in others if changed.callers and run.ways.has_new(each, changed.callers)]
        assert not [each.host for each in others if each.namespace in changed.namespaces]
        return found


def follow(today, way):
    journey, last = Watched(today, Terms()), today
    for step, mesh in way:
        last = MeshIndex.of(mesh, today.settings.version, like=last)
        journey.visit(step, last)
    return journey


NAMED = policy("named", {"from": [{"source": {"principals": [principal("job", "ops"), principal("web")]}}]}, app="cart")
NEAR = policy("near", {"from": [{"source": {"namespaces": ["ops"]}}]}, app="db", space="data")
SPACES = [
    *(each for name in ("web", "cart") for each in (*pods(name), service(name))),
    *(each for name in ("job", "clock") for each in (*pods(name, space="ops"), service(name, space="ops"))),
    *(each for name in ("db", "cache") for each in (*pods(name, space="data"), service(name, space="data"))),
]


@pytest.mark.parametrize("policies", [(), (NAMED,), (NAMED, NEAR)])
def test_on_the_way_of_a_plan(policies):
    today = index(SPACES, *policies)
    assert follow(today, way_of(today)).passed > 10


@pytest.mark.parametrize("seed", range(6))
def test_on_the_way_of_odd_meshes(seed):
    world = World(seed)
    today = index(*world.objects(world.guarded()))
    follow(today, way_of(today))
