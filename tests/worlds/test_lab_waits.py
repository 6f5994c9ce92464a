"""What a lab says to who waits for a binding or for a policy: what its proxies have taken, and not what stands there."""

import pytest
from tests.support.labs import AMBIENT, eventually, lab, namespace, workload

from sidestep.actions.worlds.lab import LabWorld
from sidestep.plan.steps import Wait, WaitFor

pytestmark = pytest.mark.real

BOUND = {"istio.io/use-waypoint": "waypoint"}
GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "waypoint", "namespace": "shop"},
    "spec": {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]},
}  # fmt: skip


def policy(name, **spec):
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": meta, "spec": spec}


TO_CART = {"targetRefs": [{"group": "", "kind": "Service", "name": "cart"}]}
POLICIES = [
    policy("good", rules=[{"from": [{"source": {"namespaces": ["shop"]}}]}]),
    policy("attached", **TO_CART, action="DENY", rules=[{"to": [{"operation": {"paths": ["/no"]}}]}]),
    policy("unknown", action="AUDIT", rules=[{}]),
    policy("broken", rules="none"),
]


@pytest.fixture(scope="module")
def world():
    with lab(namespace("shop", **AMBIENT), *workload("cart"), *workload("web"), *POLICIES, node_count=1) as made:
        yield LabWorld("one", made.client), made


def missing(world, what, subject):
    return world.holds(Wait(what, subject, 10))


def test_a_service_is_bound_once_proxies_are_told_its_waypoint(world):
    waiting, made = world
    assert "absent" in missing(waiting, WaitFor.WAYPOINT_BOUND, "Service shop/gone")
    assert missing(waiting, WaitFor.WAYPOINT_BOUND, "Service shop/cart") == "no waypoint is told for it"
    _, service = workload("cart")
    made.apply({**service, "metadata": {**service["metadata"], "labels": BOUND}})
    made.settle()
    assert missing(waiting, WaitFor.WAYPOINT_BOUND, "Service shop/cart") == "no waypoint is told for it"
    made.apply(GATEWAY)
    assert eventually(lambda: missing(waiting, WaitFor.WAYPOINT_BOUND, "Service shop/cart") == "", 30)


@pytest.mark.parametrize(("name", "said"), [("good", ""), ("attached", ""), ("unknown", "AUDIT"), ("broken", "could not be read"), ("gone", "absent")])  # fmt: skip
def test_a_policy_is_accepted_where_it_counts(world, name, said):
    waiting, made = world
    made.settle()
    found = missing(waiting, WaitFor.POLICY_ACCEPTED, f"AuthorizationPolicy shop/{name}")
    assert said in found
    assert bool(said) is bool(found)
