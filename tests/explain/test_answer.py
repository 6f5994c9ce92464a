"""The whole answer: states in order, what differs, what was taken for granted."""

import pytest
from tests.support.scenes import index, pods, policy, service, waypoint

from sidestep.errors import UsageError
from sidestep.explain.answer import LABELS_ALONE, PLANNED, TODAY, State, explain
from sidestep.explain.question import Question
from sidestep.model.gaps import Gap, GapReason
from sidestep.semantics.index import MeshIndex

READERS = policy("readers", {"to": [{"operation": {"methods": ["GET"]}}]}, app="cart")


def scene(mode, *more):
    return index(pods("web", mode), pods("cart", mode), service("cart"), *more)


def test_one_state_has_no_differences():
    told = explain([State(TODAY, scene("sidecar"))], Question("shop/web", "cart"))
    assert told.request == "Deployment shop/web sends GET / to cart:80"
    assert told.client == "Deployment shop/web"
    assert [state.verdict for state in told.states] == ["allow"]
    assert told.differences == ()


def test_what_labels_alone_break_is_told_with_its_code():
    states = [
        State(TODAY, scene("sidecar", READERS)),
        State(PLANNED, scene("ambient", READERS)),
    ]
    told = explain(states, Question("shop/web", "cart"))
    assert [(state.state, state.verdict, state.shape) for state in told.states] == [
        ("today", "allow", ""),
        ("planned", "deny", "reset"),
    ]
    first = told.differences[0]
    assert (first.code, first.direction) == ("", "closed")
    assert "allowed before, denied after" in first.text
    by_code = {each.code: each for each in told.differences}
    assert by_code["D05"].docs == "docs/differences/D05.md"


def test_an_optional_state_that_decides_the_same_is_left_out():
    today, same = State(TODAY, scene("sidecar")), State(LABELS_ALONE, scene("ambient"), optional=True)
    told = explain([today, same, State(PLANNED, scene("ambient"))], Question("shop/web", "cart"))
    assert [state.state for state in told.states] == ["today", "planned"]


def test_the_hops_say_who_decided_and_why():
    told = explain([State(TODAY, scene("sidecar", READERS))], Question("shop/web", "cart", method="POST"))
    (state,) = told.states
    assert (state.verdict, state.shape) == ("deny", "403")
    decider = state.path[-1]
    assert str(decider.decided_by.object) == "AuthorizationPolicy shop/readers"
    assert "method POST is not in GET" in decider.why[-1]
    assert "method POST is not in GET" in state.why


def test_a_waypoint_is_named_as_itself():
    guarded = index(
        pods("web", "ambient"),
        pods("cart", "ambient"),
        service("cart", labels={"istio.io/use-waypoint": "waypoint"}),
        waypoint(),
        policy("readers", {"to": [{"operation": {"methods": ["GET"]}}]}, service="cart"),
    )
    (state,) = explain([State(TODAY, guarded)], Question("shop/web", "cart", method="PUT")).states
    assert state.why.startswith("refused at the waypoint shop/waypoint with 403")


def test_names_mean_what_they_mean_today():
    today, then = scene("sidecar"), index(pods("web"), service("other"))
    told = explain([State(TODAY, today), State(PLANNED, then)], Question("shop/web", "cart"))
    assert told.states[0].verdict == "allow"
    assert told.states[1].path[-1].at == "cart"
    with pytest.raises(UsageError):
        explain([State(TODAY, then)], Question("shop/web", "cart"))


def test_what_was_not_read_and_what_was_granted_is_said_once():
    mesh = scene("sidecar").mesh
    gaps = tuple(Gap(f"file-{number}.yaml", GapReason.MALFORMED) for number in range(7))
    partial = MeshIndex.of(type(mesh)(mesh.source, mesh.pods, mesh.resources, gaps=gaps))
    told = explain(
        [State(TODAY, partial, ("granted",)), State(PLANNED, partial, ("granted",))], Question("shop/web", "cart")
    )
    assert told.assumptions.count("granted") == 1
    assert "not read: file-0.yaml: malformed" in told.assumptions
    assert told.assumptions[-1] == "not read: 2 more"


def test_a_pods_address_follows_its_workload():
    today = index(pods("web", ip="10.1.0.1"), pods("cart", ip="10.1.0.7"), service("cart"))
    then = index(pods("web", "ambient", ip="10.1.0.2"), pods("cart", "ambient", ip="10.1.0.9"), service("cart"))
    told = explain([State(TODAY, today), State(PLANNED, then)], Question("shop/web", "10.1.0.7", port=8080))
    assert told.states[1].path[-1].at == "Deployment shop/cart"
    assert any("made anew" in each for each in told.assumptions)
