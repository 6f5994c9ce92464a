"""While one template follows another, a workload has pods of both: what either needs, the workload needs."""

import pytest
from tests.plan.test_no_gaps import BACKSTAGE, GET_ONLY, GRAPH, NO_DELETE, shop
from tests.support.scenes import index, m, pods, policy, service

from sidestep.plan.document import Fate
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Apply
from sidestep.sources.prices import load_prices


def following(version: str) -> list:
    """One more pod of stock, of another template."""
    found = [each for each in pods("stock", labels={"version": version}, ip="10.1.99.1") if each["kind"] == "Pod"]
    for each in found:
        each["metadata"]["name"] += "-new"
    return found


@pytest.mark.parametrize(("version", "fate"), [("new", Fate.WAYPOINT), ("old", Fate.AMBIENT)])
def test_a_policy_for_pods_of_one_template(version, fate):
    spec = {"selector": {"matchLabels": {"version": "new"}}, "action": "DENY", "rules": [NO_DELETE]}
    guard = m.o.istio("AuthorizationPolicy", "guard", "shop", spec)
    today = index(*shop(following(version), guard))
    plan = make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH))
    assert {each.fate for each in plan.workloads if each.workload.name == "stock"} == {fate}
    applied = {step.effect.object.name for step in plan.steps if isinstance(step.effect, Apply)}
    assert ("stock-guard" in applied) is (fate is Fate.WAYPOINT)


def test_no_waypoint_is_made_for_who_is_in_ambient_before():
    """Nobody would bind it: what is decided there today stays as it is."""
    captured = pods("cart", "ambient", labels={"istio.io/dataplane-mode": "ambient"}, count=2)
    today = index(*BACKSTAGE, *pods("web"), *captured, service("cart"), policy("reads", GET_ONLY, app="cart"))
    plan = make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH))
    assert plan.waypoints == ()
    assert not [step for step in plan.steps if isinstance(step.effect, Apply)]


def test_policies_that_say_the_same_of_all_pods_behind_a_service_need_no_service_for_each():
    labels = {"v1": {"app": "cart", "version": "v1"}, "v2": {"app": "cart", "version": "v2"}}
    found = [each for name in labels for each in pods(f"cart-{name}", labels=labels[name])]
    guards = [policy(f"reads-{name}", GET_ONLY, labels=labels[name]) for name in labels]
    today = index(*BACKSTAGE, *pods("web"), *found, service("web"), service("cart"), *guards)
    plan = make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH))
    assert {each.fate for each in plan.workloads if each.workload.name.startswith("cart")} == {Fate.WAYPOINT}
    twins = [step.effect.manifest for step in plan.steps if isinstance(step.effect, Apply)]
    attached = [each["spec"]["rules"] for each in twins if "targetRefs" in each.get("spec", {})]
    assert attached == [[GET_ONLY], [GET_ONLY]]
