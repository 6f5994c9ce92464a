"""Where a waypoint stands for routes alone, policies of layer 4 come along: pods see it in its clients' place (D02)."""

import pytest
from tests.support.mesh import o
from tests.support.migrations import migrated, shown, town
from tests.support.scenes import pods, policy, principal, service

from sidestep.actions.memory import apply
from sidestep.prove.outcome import Leave
from sidestep.prove.prover import Terms, prove
from sidestep.semantics.index import MeshIndex

EXACT = Terms(Leave.SHAPE)
FRONT = {"from": [{"source": {"principals": [principal("front")]}}]}
POOL = {"trafficPolicy": {"connectionPool": {"http": {"http2MaxRequests": 10}}}}
SHAPED = o.istio("DestinationRule", "cart", "shop", {"host": "cart.shop.svc.cluster.local", **POOL})
CALLERS = (*pods("front", ip="10.1.0.1", account="front"), *pods("other", ip="10.1.0.2", account="other"))


@pytest.mark.parametrize(
    "policies",
    [
        [policy("only-front", FRONT, app="cart")],
        [policy("not-front", FRONT, action="DENY", app="cart")],
        [policy("nobody", space="istio-system"), policy("only-front", FRONT, app="cart")],
        [],
    ],
)
def test_clients_are_judged_as_before(policies):
    today = town(pods("cart", ip="10.1.0.3"), service("cart"), *CALLERS, SHAPED, policies)
    found = migrated(today)
    assert not found.staying
    assert found.plan.waypoints
    end = MeshIndex.of(apply(found.plan, today.mesh), today.settings.version)
    by_service = [each for each in shown(prove(today, end, EXACT)) if "cart.shop" in each.request]
    assert by_service == []


@pytest.mark.parametrize(("shaped", "staying"), [([SHAPED], {"cart", "second"}), ([], set())])
def test_pods_of_one_service_with_other_policies_wait_where_a_waypoint_would_stand_before_both(shaped, staying):
    second = pods("second", ip="10.1.0.4", labels={"tier": "cart"})
    first = pods("cart", ip="10.1.0.3", labels={"tier": "cart"})
    both = service("cart", selector={"tier": "cart"})
    assert migrated(town(first, second, both, *CALLERS, shaped, policy("p", FRONT, app="cart"))).staying == staying


def test_pods_of_one_service_with_the_same_policies_move():
    second = pods("second", ip="10.1.0.4", labels={"tier": "cart"})
    first = pods("cart", ip="10.1.0.3", labels={"tier": "cart"})
    both = service("cart", selector={"tier": "cart"})
    same = policy("p", FRONT, labels={"tier": "cart"})
    assert not migrated(town(first, second, both, *CALLERS, SHAPED, same)).staying
