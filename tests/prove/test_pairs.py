"""Classes of requests that no route tells apart are not all asked, and nothing that differs is missed for it."""

import pytest
from tests.prove.random_meshes import World
from tests.support.scenes import index

from sidestep.prove.expressions import Undecidable
from sidestep.prove.outcome import Assume
from sidestep.prove.pairs import Pairs
from sidestep.prove.ways import Ways


class Patient(Pairs):
    """Asks every class."""

    def _is_mere(self, like):
        return False


class Counting(Pairs):
    """Counts what it asks of the second mesh."""

    asked = 0

    def _now(self, way, like, routes):
        type(self).asked += 1
        return super()._now(way, like, routes)


class PatientlyCounting(Patient, Counting):
    asked = 0


def told(pairs, way):
    """What differs on a way, each with its class."""
    try:
        return [(pair, pairs.like(pair)) for pair in pairs.different(way)]
    except Undecidable as error:
        return str(error)


@pytest.mark.parametrize("assume", [Assume.EVERYTHING, Assume.NOTHING])
def test_one_class_stands_for_those_that_no_route_tells_apart(assume):
    Counting.asked = PatientlyCounting.asked = differing = 0
    for seed in range(30):
        world = World(seed)
        parts = world.mesh()
        before, after = index(*world.objects(parts)), index(*world.objects(world.changed(parts)))
        ways = Ways(before, after)
        one, every = Counting(before, after, ways, assume), PatientlyCounting(before, after, ways, assume)
        for way in ways.all():
            found = told(one, way)
            assert found == told(every, way)
            differing += bool(found)
    assert differing
    assert Counting.asked < PatientlyCounting.asked
