"""What was open by another way already is known without a request: the proof is the same as if each had been asked."""

import pytest
from tests.prove.faults import worsened
from tests.prove.random_meshes import World
from tests.support.scenes import index, pods, policy, principal, service

from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.pairs import Pairs
from sidestep.prove.proof import Conclusion
from sidestep.prove.prover import Terms, prove
from sidestep.semantics.index import MeshIndex

FROM_WEB = [{"source": {"principals": [principal("web")]}}]
OPERATIONS = [
    {"paths": ["/a/*"]},
    {"methods": ["GET"]},
    {"hosts": ["cart.shop.svc.cluster.local"]},
    {"hosts": ["*.example.com"], "paths": ["/a"]},
]


def called(mode, operation):
    """A caller in some mode, whom a policy lets do something with pods that can be dialled by their address too."""
    rule = {"from": FROM_WEB, "to": [{"operation": operation}]}
    return index(*pods("web", mode), *pods("cart"), service("cart"), policy("p", rule, app="cart"))


def found(before, after, terms, monkeypatch, *, asked):
    with monkeypatch.context() as patched:
        if asked:
            patched.setattr(Pairs, "is_open_otherwise", lambda *_: False)
        proof = prove(before, after, terms)
    return (proof.verdict, proof.counterexamples, proof.undecided), proof.requests


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("assume", [Assume.EVERYTHING, Assume.EVERYTHING & ~Assume.FORMS, Assume.NOTHING])
def test_a_caller_who_becomes_ambient(operation, assume, monkeypatch):
    meshes, terms = (called("sidecar", operation), called("ambient", operation)), Terms(Leave.SHAPE, assume=assume)
    known, _ = found(*meshes, terms, monkeypatch, asked=False)
    assert known == found(*meshes, terms, monkeypatch, asked=True)[0]


def test_no_request_is_asked_of_what_was_open_otherwise(monkeypatch):
    meshes = called("sidecar", OPERATIONS[0]), called("ambient", OPERATIONS[0])
    (verdict, *_), few = found(*meshes, Terms(), monkeypatch, asked=False)
    assert verdict is Conclusion.EQUAL
    assert few < found(*meshes, Terms(), monkeypatch, asked=True)[1]


def test_what_is_open_now_and_was_by_no_other_way_is_found():
    assert prove(called("sidecar", {"paths": ["/a/*"]}), called("ambient", {"paths": ["/*"]})).counterexamples


@pytest.mark.parametrize("seed", range(5))
def test_on_random_meshes(seed, monkeypatch):
    world = World(seed)
    today = index(*world.objects(world.guarded()))
    for mesh in worsened(today.mesh, world.chance, 2):
        after = MeshIndex.of(mesh, today.settings.version)
        known, _ = found(today, after, Terms(Leave.SHAPE), monkeypatch, asked=False)
        assert known == found(today, after, Terms(Leave.SHAPE), monkeypatch, asked=True)[0]
