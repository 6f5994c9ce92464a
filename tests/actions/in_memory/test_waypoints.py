"""A waypoint serves nothing before it is ready; then it has an address, and pods where pods are observed."""

import pytest
from tests.support.mesh import labelled, mesh, o
from tests.support.plan_steps import WAYPOINT, applied, deleted, labels, mode, plan, shop

from sidestep.actions.memory import apply, problems, rollback
from sidestep.model.kinds import GATEWAY, SERVICE
from sidestep.model.mesh import SourceKind
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Wait, WaitFor
from sidestep.semantics.proxies import Role, recognise
from sidestep.semantics.waypoints import BindingState, binding

PODS = WorkloadRef("shop", "Deployment", "wp")
READY = Wait(WaitFor.WAYPOINT_READY, "shop/wp", 300)
USE = {"istio.io/use-waypoint": "wp"}


def gateway(name="wp", of_class="istio-waypoint"):
    made = o.waypoint(name, "shop", ready=False)
    made["spec"]["gatewayClassName"] = of_class
    del made["status"]
    return made


MADE = applied(gateway())


def state(found):
    return binding(found, USE, "shop", "service").state


def waypoint_pods(found):
    return [each for each in found.pods if recognise(each.shape).role is Role.WAYPOINT]


def test_nothing_is_ready_before_somebody_waited_for_it():
    after = apply(plan(MADE), shop())
    assert state(after) is BindingState.NOT_READY
    assert waypoint_pods(after) == []


def test_then_it_has_an_address_and_two_pods():
    after = apply(plan(MADE, READY), shop())
    assert state(after) is BindingState.ACCEPTED
    assert after.find(GATEWAY, "shop", "wp").tree()["status"]["addresses"] == [
        {"type": "Hostname", "value": "wp.shop.svc.cluster.local"}
    ]
    assert mode(after, PODS) == [("waypoint", 2)]
    assert all(each.status.ready for each in waypoint_pods(after))
    assert {each.shape.spec.service_account_name for each in waypoint_pods(after)} == {"wp"}
    assert len({id(each.shape) for each in waypoint_pods(after)}) == 1


def test_a_second_wait_changes_nothing():
    once = apply(plan(MADE, READY), shop())
    assert apply(plan(READY), once) is once


def test_a_waypoint_that_was_ready_is_left_alone():
    before = shop(o.waypoint("wp", "shop"))
    assert apply(plan(READY), before) is before


def test_the_pods_carry_what_the_gateway_hands_down():
    own = gateway()
    own["spec"]["infrastructure"] = {"labels": {"team": "a"}}
    (shape, _) = [each.shape for each in waypoint_pods(apply(plan(applied(own), READY), shop()))]
    assert shape.labels["team"] == "a"
    assert "istio.io/waypoint-for" not in shape.labels


def test_a_service_account_of_its_own_is_the_pods_identity():
    own = gateway()
    own["metadata"]["annotations"] = {"gateway.istio.io/service-account": "edge"}
    after = apply(plan(applied(own), READY), shop())
    assert {each.shape.spec.service_account_name for each in waypoint_pods(after)} == {"edge"}


def test_no_pods_where_none_are_observed():
    before = mesh(labelled("shop", {}), kind=SourceKind.FILES)
    after = apply(plan(MADE, READY), before)
    assert after.pods == ()
    assert state(after) is BindingState.ACCEPTED


def test_its_pods_go_with_it():
    before = apply(plan(MADE, READY), shop())
    after = apply(plan(deleted(gateway())), before)
    assert waypoint_pods(after) == []
    assert len(after.pods) == len(before.pods) - 2
    assert state(after) is BindingState.ABSENT


def test_taken_back_it_leaves_nothing():
    before, doing = shop(), plan(MADE, READY)
    after = rollback(doing, apply(doing, before), 1)
    assert (after.pods, after.resources) == (before.pods, before.resources)


def test_a_waypoint_that_comes_back_with_its_address_serves_again():
    before = apply(plan(MADE, READY), shop())
    tree = before.find(GATEWAY, "shop", "wp").tree()
    doing = plan(deleted(tree))
    after = rollback(doing, apply(doing, before), 1)
    assert state(after) is BindingState.ACCEPTED
    assert mode(after, PODS) == [("waypoint", 2)]


@pytest.mark.parametrize("what", [each for each in WaitFor if each is not WaitFor.WAYPOINT_READY])
def test_other_waits_change_nothing(what):
    before = apply(plan(MADE), shop())
    assert apply(plan(Wait(what, "shop/wp", 300)), before) is before


@pytest.mark.parametrize(
    ("effects", "reason"),
    [
        ((READY,), "Gateway shop/wp is absent"),
        ((Wait(WaitFor.WAYPOINT_READY, "", 1),), "Gateway / is absent"),
        ((applied(gateway(of_class="istio")), READY), "Gateway shop/wp is no waypoint"),
    ],
)
def test_nobody_waits_for_what_cannot_be(effects, reason):
    assert [each.reason for each in problems(plan(*effects), shop())] == [reason]


def test_a_bound_service_is_served_once_the_waypoint_is():
    bound = labels(ObjectId("v1", "Service", "shop", "cart"), USE)
    after = apply(plan(MADE, READY, bound), shop(o.service("cart", "shop", labels={})))
    assert (
        binding(after, after.find(SERVICE, "shop", "cart").meta.labels, "shop", "service").state
        is BindingState.ACCEPTED
    )
    assert after.find(GATEWAY, WAYPOINT.namespace, WAYPOINT.name).meta.labels == {"istio.io/waypoint-for": "service"}
