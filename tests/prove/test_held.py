"""What a proof holds for the next one changes nothing that the next one says."""

import msgspec
import pytest
from tests.prove.random_meshes import World
from tests.support.scenes import index

from sidestep.model.sharing import groups_of, ordered_as, unchanged
from sidestep.prove.held import Held
from sidestep.prove.outcome import Leave
from sidestep.prove.prover import Kept, Terms
from sidestep.prove.remembered import Recollection
from sidestep.prove.states import Journey

TERMS = Terms(Leave.NOTHING)
VERSION = index().settings.version


def held_against(held, before, after):
    """As the command does it, one pair of meshes after the other."""
    first = held.before(before, VERSION)
    second = held.after(after, first, VERSION)
    content = held.content(first, second, "terms")
    kept = Kept(callers=held.callers(first, second))
    proof = Journey(first, TERMS, kept=kept).recall(second, Recollection(content, held.memory(None)))
    held.note(kept.callers)
    return proof


def steps(seed, many=6):
    """Two meshes, of which now and then the first one is another too; all are read anew, or are the very same."""
    world = World(seed)
    sides = [world.guarded(), world.guarded()]
    meshes = [index(*world.objects(each)).mesh for each in sides]
    for number in range(many):
        yield tuple(meshes)
        at = int(number % 3 != 2)
        sides[at] = world.changed(sides[at])
        meshes[at] = index(*world.objects(sides[at])).mesh


@pytest.mark.parametrize("most", [2, 500])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_held_changes_no_answer(seed, most, monkeypatch):
    """However few differences are shown: those that were hidden are told where others are gone."""
    monkeypatch.setattr("sidestep.prove.prover._MOST_SHOWN", most)
    held = Held(stays=True)
    for before, after in steps(seed):
        fresh = held_against(Held(stays=False), before, after)
        assert msgspec.json.encode(held_against(held, before, after)) == msgspec.json.encode(fresh)


@pytest.mark.parametrize("seed", range(12))
def test_a_mesh_keeps_the_very_things_that_are_the_same(seed):
    last = next(steps(seed))[1]
    ordered = last.in_order
    for _, mesh in steps(seed):
        found = unchanged(ordered_as(mesh, last, ordered), ordered)
        assert found == mesh.in_order
        assert all(
            found.resources[key] is ordered.resources[key] for key in found.resources if same(found, ordered, key)
        )
        last, ordered = mesh, found


def same(one, other, key):
    """Whether two meshes have the same of a kind, wherever it was read."""
    return one.resources[key] == other.resources.get(key)


def test_groups_are_the_very_same_where_all_in_them_is():
    mesh = next(steps(1))[0]
    made = groups_of(msgspec.structs.replace(mesh, pods=(*mesh.pods,), resources=copied(mesh)), mesh)
    assert made.pods is mesh.pods
    assert all(made.resources[key] is own for key, own in mesh.resources.items())


def copied(mesh):
    return {key: (*own,) for key, own in mesh.resources.items()}


def test_what_was_compared_is_not_made_ready_again():
    before, after = next(steps(3))
    held = Held(stays=True)
    held_against(held, before, after)
    first = held.before(before, VERSION)
    assert first is held.before(before, VERSION)
    assert held.after(after, first, VERSION) is held.after(after, first, VERSION)
    made = held.made(after, msgspec.structs.replace)
    assert held.made(after, msgspec.structs.replace) is made


def test_only_namespaces_that_may_have_changed_are_asked_again(monkeypatch):
    held = Held(stays=True)
    before, after = next(steps(3))
    held_against(held, before, after)
    asked = []
    monkeypatch.setattr("sidestep.prove.prover.Run.compare", lambda _, way: asked.append(way.service))
    held_against(held, before, msgspec.structs.replace(after))
    assert set(asked) <= {""}
