"""Proofs of every kind: equal, different in each direction, undecided, accepted in part, walked, and nasty."""

from collections.abc import Iterable
from datetime import date

from tests.support.explanations import NASTY
from tests.support.scenes import index, pods, policy, service

from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.origin import ClusterOrigin, FileOrigin
from sidestep.prove.accepted import Acceptance, Entry
from sidestep.prove.assertions import sentence
from sidestep.prove.findings import DecidingObject, Finding, InvariantResult, Standing
from sidestep.prove.invariants import Inquiry
from sidestep.prove.proof import Conclusion, Counterexample, Direction, Proof, Side, Undecided
from sidestep.prove.prover import Leave, Terms
from sidestep.prove.subject import Subject
from sidestep.prove.walk import State, Walk
from sidestep.semantics.index import MeshIndex

TODAY = date(2026, 6, 1)
GUARD = policy("guard", {"to": [{"operation": {"methods": ["DELETE"]}}]}, app="cart", action="DENY")
PATHS = policy("guard", {"to": [{"operation": {"paths": ["/a", "/b"]}}]}, app="cart", action="DENY")
TERMS = Terms(Leave.NOTHING)


def shop(mode: str = "sidecar", *more) -> MeshIndex:
    return index(pods("web", mode), pods("cart", mode), service("cart"), *more)


def walked(before: MeshIndex, *after: MeshIndex, entries: tuple[Entry, ...] = (), says: tuple[str, ...] = ()) -> Proof:
    """As the command makes it, of two meshes or of the steps of a plan."""
    inquiry = Inquiry([sentence(each) for each in says], 1_000)
    walk = Walk(State("before.yaml", before), TERMS, Acceptance(entries, TODAY), inquiry, steps=len(after) > 1)
    walk.ask(before, "today" if after else "")
    for number, each in enumerate(after, 1):
        state = State(f"w00{number}" if len(after) > 1 else "after.yaml", each)
        walk.visit(state)
        walk.ask(each, state.name)
    return walk.proof()


def visited(before: MeshIndex, states: Iterable[tuple[str, Mesh]], terms: Terms) -> Proof:
    """All states of a way, with nothing accepted but what the terms leave."""
    walk = Walk(State("today", before), terms, Acceptance((), TODAY), Inquiry((), 1), steps=True)
    last = before
    for step, mesh in states:
        last = MeshIndex.of(mesh, before.settings.version, like=last)
        walk.visit(State(step, last))
    return walk.proof()


def equal() -> Proof:
    return walked(shop("sidecar", GUARD), shop("sidecar", GUARD))


def opened() -> Proof:
    return walked(shop("sidecar", GUARD), shop("ambient", GUARD))


def steps() -> Proof:
    return walked(shop("sidecar", GUARD), shop("sidecar", GUARD), shop("ambient", GUARD))


def invariants_alone() -> Proof:
    says = ("nobody reaches shop/cart", "shop/web reaches shop/cart with GET", "shop/web reaches shop/none")
    return walked(shop(), says=says)


def nasty() -> Proof:
    named = ObjectId("v1", "Kind", "a", NASTY)
    side = Side("deny", NASTY, f"rule 1 of {named} {NASTY * 4}", (NASTY, NASTY))
    examples = tuple(
        Counterexample(
            NASTY,
            ("--client", NASTY),
            side,
            side,
            each,
            ("D05", "D33"),
            NASTY,
            accepted,
            (),
            Subject(NASTY, host=NASTY),
        )
        for each in Direction
        for accepted in ("", NASTY)
    )
    return Proof(
        Conclusion.DIFFERS,
        examples * 4,
        (Undecided(NASTY, NASTY * 5, named, NASTY),) * 30,
        (NASTY,),
        3,
        2,
        1,
        findings=(Finding("SID401", NASTY, NASTY, NASTY, "guides/accept-a-difference.md"),),
        invariants=tuple(
            InvariantResult(NASTY, f"{NASTY} text", each, NASTY, NASTY, (NASTY,), NASTY, (NASTY,), NASTY)
            for each in Standing
        ),
        objects=(
            DecidingObject(named, FileOrigin(f"git:main:{NASTY}.yaml", 3)),
            DecidingObject(named, ClusterOrigin(NASTY)),
        ),
        compared=(NASTY, "w1", "w2", "w3"),
    )


def nothing() -> Proof:
    return Proof(Conclusion.EQUAL)


PROOFS = (equal, opened, steps, invariants_alone, nasty, nothing)
