from tests.support.mesh import findings, labelled, namespace, o

from sidestep.audit.rules.waypoint_binding_broken import RULE
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import GATEWAY


def bound(name="waypoint", **more):
    return labelled("shop", {"istio.io/use-waypoint": name, **more})


def states(*objects, **how):
    return [each.value for found in findings(RULE, *objects, **how) for each in found.evidence if each.field == "state"]


def test_reports_a_gateway_that_is_absent():
    assert states(bound("wayponit"), o.waypoint("waypoint", "shop")) == ["WaypointAbsent"]


def test_reports_one_that_is_not_ready():
    assert states(bound(), o.waypoint("waypoint", "shop", ready=False)) == ["WaypointIsNotReady"]


def test_reports_one_that_refuses_the_namespace():
    elsewhere = bound(**{"istio.io/use-waypoint-namespace": "infra"})
    assert states(elsewhere, o.waypoint("waypoint", "infra")) == ["AttachmentDenied"]


def test_reports_a_gateway_that_is_no_waypoint():
    plain = o.waypoint("waypoint", "shop")
    plain["spec"]["gatewayClassName"] = "istio"
    assert states(bound(), plain) == ["NotAWaypoint"]


def test_reports_a_service_bound_to_a_waypoint_for_workloads():
    served = o.service("cart", "shop", labels={"istio.io/use-waypoint": "waypoint"})
    wrong = o.waypoint("waypoint", "shop")
    wrong["metadata"]["labels"]["istio.io/waypoint-for"] = "workload"
    assert states(namespace("shop"), served, wrong) == ["UnsupportedTrafficType"]


def test_silent_when_accepted():
    assert states(bound(), o.waypoint("waypoint", "shop")) == []


def test_silent_on_none():
    assert states(bound("none")) == []


def test_silent_across_namespaces_when_all_are_admitted():
    open_to_all = o.waypoint("waypoint", "infra")
    open_to_all["spec"]["listeners"][0]["allowedRoutes"] = {"namespaces": {"from": "All"}}
    assert states(bound(**{"istio.io/use-waypoint-namespace": "infra"}), open_to_all) == []


def test_boundary_silent_where_gateways_were_not_read():
    assert states(bound(), gaps=(Gap(GATEWAY.key, GapReason.FORBIDDEN),)) == []


def test_boundary_selected_namespaces():
    by_label = o.waypoint("waypoint", "infra")
    selector = {"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}
    by_label["spec"]["listeners"][0]["allowedRoutes"] = {"namespaces": selector}
    target = {"istio.io/use-waypoint-namespace": "infra"}
    assert states(bound(**target), by_label) == ["AttachmentDenied"]
    assert states(bound(**target, team="shop"), by_label) == []
