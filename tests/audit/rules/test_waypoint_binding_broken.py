from tests.support.mesh import app, findings, labelled, namespace, o, workload

from sidestep.audit.rules.waypoint_binding_broken import RULE
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import GATEWAY
from sidestep.model.mesh import SourceKind


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


def test_reports_workload_entries_and_pod_templates():
    only_services = o.waypoint("waypoint", "shop")
    entry = o.istio("WorkloadEntry", "vm", "shop", {"address": "10.0.0.1"})
    entry["metadata"]["labels"] = {"istio.io/use-waypoint": "waypoint"}
    template = app("cart", **{"istio.io/use-waypoint": "waypoint"})
    wrong = "UnsupportedTrafficType"
    assert states(namespace("shop"), entry, only_services) == [wrong]
    assert states(namespace("shop"), *workload(template), only_services) == [wrong]


def test_reports_policies_that_guard_nothing_as_blocker():
    served = o.service("cart", "shop", labels={"istio.io/use-waypoint": "wayponit"})
    policy = o.istio("AuthorizationPolicy", "api", "shop", {"targetRefs": [{"kind": "Service", "name": "cart"}]})
    (found,) = findings(RULE, namespace("shop"), served, policy)
    assert found.severity == "blocker"
    assert "AuthorizationPolicy shop/api acts there in vain" in found.message
    (inherited,) = findings(RULE, bound("wayponit"), policy)
    assert inherited.severity == "blocker"
    elsewhere = {**policy, "metadata": {"name": "api", "namespace": "other"}}
    assert [each.severity for each in findings(RULE, namespace("shop"), served, elsewhere)] == ["error"]


def test_reports_more_quietly_what_files_may_merely_not_hold():
    (found,) = findings(RULE, bound(), kind=SourceKind.FILES)
    assert found.severity == "warning"
    assert "these files do not hold" in found.message


def test_silent_on_what_a_manifest_cannot_tell():
    assert states(bound(), o.waypoint("waypoint", "shop", ready=False), kind=SourceKind.FILES) == []


def test_silent_on_workloads_that_inherit_a_waypoint_for_services():
    assert states(bound(), *workload(app("cart")), o.waypoint("waypoint", "shop")) == []


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
