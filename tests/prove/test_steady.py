"""Who dials pods by their own address: asked again where anything before those pods may be another, and only there."""

import pytest
from tests.support.proofs import visited
from tests.support.scenes import index, pods, policy, service, waypoint

from sidestep.model.sharing import sharing
from sidestep.prove.affected import affected
from sidestep.prove.outcome import Leave
from sidestep.prove.prover import Terms
from sidestep.prove.steady import Steady
from sidestep.semantics.index import MeshIndex

WEB, CART, ADDRESS = pods("web", ip="10.1.0.1"), pods("cart", ip="10.1.0.2"), "10.1.0.2"
NAMED = service("cart", labels={"istio.io/use-waypoint": "waypoint"})
ASKING = pods("cart", ip="10.1.0.2", labels={"istio.io/use-waypoint": "waypoint"})


def steady(one, other):
    last = index(*one)
    now = MeshIndex.of(sharing(index(*other).mesh.in_order, last.mesh), last.settings.version)
    return Steady(last, now, affected(last, now).named).at(ADDRESS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((*WEB, *CART, *waypoint(), service("cart")), (*WEB, *CART, *waypoint(), NAMED)),
        ((*WEB, *CART, service("cart")), (*WEB, *CART, service("cart"), policy("p", app="web"))),
        ((*WEB, *CART, service("cart")), (*pods("web", "ambient", ip="10.1.0.1"), *CART, service("cart"))),
    ],
    ids=["labels of a Service", "a policy for others", "other pods"],
)
def test_what_is_about_others_leaves_an_address_as_it_was(one, other):
    assert steady(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((*WEB, *CART, service("cart")), (*WEB, *CART, service("cart"), policy("p", app="cart"))),
        ((*WEB, *CART, service("cart")), (*WEB, *CART, service("cart"), policy("p"))),
        ((*WEB, *CART), (*WEB, *pods("cart", "ambient", ip="10.1.0.2"))),
        ((*WEB, *CART), WEB),
        ((*WEB, *ASKING, *waypoint()), (*WEB, *ASKING, *waypoint(), policy("p", app="web"))),
        ((*WEB, *CART), (*WEB, *CART, *waypoint())),
    ],
    ids=["a policy for it", "for all", "its pods", "no pods", "pods with a waypoint", "a waypoint that comes"],
)
def test_what_may_be_about_it_does_not(one, other):
    assert not steady(one, other)


def test_nothing_is_known_before_the_first_state():
    today = index(*WEB, *CART)
    assert not Steady(None, today, None).at(ADDRESS)


def test_a_difference_by_address_alone_is_found_in_the_step_that_makes_it():
    """A Service's label comes between two policies, of which only the second speaks of what is dialled by address."""
    there = (*WEB, *CART, *waypoint(), service("cart", port=80, target=8080))
    guard = policy("guard", {"to": [{"operation": {"ports": ["9999"]}}]}, app="cart", action="DENY")
    today, *way = (
        index(*there, *more) for more in ((), (policy("p", {}, app="web"),), (policy("p", {}, app="web"), guard))
    )
    proof = visited(today, [(f"step-{number}", each.mesh) for number, each in enumerate(way)], Terms(Leave.SHAPE))
    by_address = {each.step for each in proof.counterexamples if f"{ADDRESS}:9999" in each.request}
    assert by_address == {"step-1"}
