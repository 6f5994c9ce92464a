"""Where the digest of a namespace is the same, so is what differs there: nothing that counts is left out of it."""

import pytest
from tests.prove.faults import faults, faulty
from tests.prove.random_meshes import World
from tests.support.mesh import namespace
from tests.support.scenes import index, pods, policy, service, waypoint

from sidestep.prove.content import Content
from sidestep.prove.outcome import Leave
from sidestep.prove.prover import Terms
from sidestep.prove.remembered import Recollection
from sidestep.prove.states import Journey
from sidestep.semantics.index import MeshIndex

TERMS = Terms(Leave.NOTHING)


class Notes(dict):
    """A memory that never forgets."""

    recall = dict.get
    keep = dict.__setitem__


def learnt(before, after):
    """What was found of every namespace, by its digest, and the proof."""
    notes = Notes()
    proof = Journey(before, TERMS).recall(after, Recollection(Content(before, after, "terms"), notes))
    return notes, proof


def told(found):
    """What was found, the numbers of requests too: they do not hang on what was asked before."""
    return found.ways, found.requests, sorted(map(repr, found.examples)), sorted(map(repr, found.undecided))


def changed(before, after, chance):
    """Both meshes with a fault in one of them, each in turn."""
    for number, side in enumerate((before, after)):
        effects = [effect for _, effect in faults(side.mesh)]
        for effect in chance.sample(effects, min(3, len(effects))):
            made = MeshIndex.of(faulty(side.mesh, effect), side.settings.version)
            yield (before, made) if number else (made, after)


@pytest.mark.parametrize("seed", range(25))
def test_what_is_remembered_is_what_would_be_found(seed):
    world = World(seed)
    parts = world.guarded()
    before, after = index(*world.objects(parts)), index(*world.objects(world.changed(parts)))
    known, _ = learnt(before, after)
    for pair in changed(before, after, world.chance):
        fresh, proof = learnt(*pair)
        for digest in fresh.keys() & known.keys():
            assert told(fresh[digest]) == told(known[digest])
        helped = Journey(pair[0], TERMS).recall(pair[1], Recollection(Content(*pair, "terms"), known))
        assert helped.verdict is proof.verdict
        assert set(map(repr, helped.counterexamples)) == set(map(repr, proof.counterexamples))


BOUND = {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "ops"}
GUARD = policy("guard", {"to": [{"operation": {"methods": ["GET"]}}]}, app="stock", space="ops")


def two(*more, labels=None):
    """Two namespaces, of which one may ask for the waypoint of the other."""
    shop = (namespace("shop"), *pods("cart", "ambient"), service("cart", labels=labels))
    return index(
        *shop, namespace("ops"), *pods("stock", space="ops"), service("stock", "ops"), *waypoint(space="ops"), *more
    )


def same(one, other):
    """Namespaces whose proof rests on the same with either of two second meshes."""
    first, second = Content(one, one, "terms"), Content(one, other, "terms")
    return {space for space in ("shop", "ops") if first.digest(space) == second.digest(space)}


def test_a_policy_of_one_namespace_leaves_the_other_as_it_was():
    assert same(two(), two(GUARD)) == {"shop"}
    assert same(two(GUARD), two(GUARD)) == {"shop", "ops"}


def test_what_a_waypoint_of_another_namespace_says_counts():
    assert same(two(labels=BOUND), two(GUARD, labels=BOUND)) == set()


def test_who_calls_counts_for_all():
    assert same(two(), two(*pods("web"))) == set()


def test_where_a_gateway_runs_nobody_can_tell():
    edge = two(*pods("edge", "gateway"))
    assert Content(edge, edge, "terms").digest("shop") == ""
    assert Content(edge, edge, "terms").digest("ops")


def test_other_terms_are_other_proofs():
    mesh = two()
    assert Content(mesh, mesh, "terms").digest("shop") != Content(mesh, mesh, "others").digest("shop")
