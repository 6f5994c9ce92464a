"""One mesh held against several: what is gathered, in which order, and how commands are completed."""

from tests.support.proofs import GUARD, TERMS, TODAY, shop, walked
from tests.support.scenes import policy

from sidestep.prove.accepted import Acceptance
from sidestep.prove.findings import Standing
from sidestep.prove.invariants import Inquiry
from sidestep.prove.proof import Conclusion
from sidestep.prove.walk import State, Walk, with_commands

SIDECARS, AMBIENT = shop("sidecar", GUARD), shop("ambient", GUARD)


def test_a_difference_is_told_once_with_the_first_state_that_has_it():
    found = walked(SIDECARS, SIDECARS, AMBIENT, AMBIENT)
    assert found.compared == ("before.yaml", "w001", "w002", "w003")
    assert found.states == 3
    assert {each.step for each in found.counterexamples} == {"w002"}
    keys = [(each.request, each.direction) for each in found.counterexamples]
    assert len(set(keys)) == len(keys)


def test_two_meshes_have_no_steps():
    assert {each.step for each in walked(SIDECARS, AMBIENT).counterexamples} == {""}


def test_objects_that_are_named_are_told_with_their_origin():
    before = {str(each.object) for each in walked(SIDECARS, AMBIENT).objects}
    assert "AuthorizationPolicy shop/guard" in before
    after = walked(SIDECARS, shop("sidecar", policy("shut", app="cart"))).objects
    assert "AuthorizationPolicy shop/shut" in {str(each.object) for each in after}
    assert all(each.origin for each in after)


def test_a_violated_invariant_makes_equal_meshes_differ_and_doubt_makes_them_undecided():
    assert walked(SIDECARS, SIDECARS, says=("nobody reaches shop/cart",)).verdict is Conclusion.DIFFERS
    assert walked(SIDECARS, SIDECARS, says=("nobody reaches shop/none",)).verdict is Conclusion.UNDECIDED
    held = walked(SIDECARS, SIDECARS, says=("only GET reaches shop/none", "nobody reaches shop/cart"))
    assert [each.standing for each in held.invariants] == [Standing.UNDECIDED, Standing.VIOLATED]


def test_what_was_not_read_is_taken_for_granted():
    told = " ".join(walked(SIDECARS, AMBIENT, says=("nobody reaches shop/cart",)).assumptions)
    assert "accounts that no pod has yet" in told
    assert "processes on the nodes" in told


def test_commands_ask_the_mesh_that_answers_otherwise_or_nothing():
    found = walked(SIDECARS, SIDECARS, AMBIENT)
    asked = with_commands(found, {"w002": ("--at", "plan#w002")}, None)
    assert all(each.command[-2:] == ("--at", "plan#w002") for each in asked.counterexamples)
    assert all(each.command == () for each in with_commands(found, {}, None).counterexamples)


def test_the_same_meshes_give_the_same_proof():
    assert walked(SIDECARS, AMBIENT) == walked(SIDECARS, AMBIENT)


def test_nothing_that_was_compared_has_no_findings():
    walk = Walk(State("alone", SIDECARS), TERMS, Acceptance((), TODAY), Inquiry((), 1), steps=False)
    assert (walk.proof().verdict, walk.proof().states, walk.proof().compared) == (Conclusion.EQUAL, 1, ("alone",))
