from tests.support.mesh import findings, o, pod, waypoint, workload

from sidestep.audit.rules.waypoint_not_available import RULE

ZONE = "topology.kubernetes.io/zone"


def node(name, zone):
    return o.thing("v1", "Node", o.meta(name, labels={ZONE: zone}))


def replicas(*nodes):
    made = workload(waypoint("waypoint"), "waypoint", pods=0)
    owner = o.owner("ReplicaSet", "waypoint-abc")
    pods = [pod(waypoint("waypoint"), f"wp-{at}-{i}", owner=owner, node=at) for i, at in enumerate(nodes)]
    return [o.waypoint("waypoint", "shop"), *made, *pods]


SAFE = (
    o.autoscaler("waypoint", "shop"),
    o.disruption_budget("waypoint", "shop", {"gateway.networking.k8s.io/gateway-name": "waypoint"}, 1),
)
NODES = (node("n1", "a"), node("n2", "b"))


def lacking(*objects):
    (found,) = findings(RULE, *objects)
    return {each.field for each in found.evidence}, found.severity


def test_reports_everything_that_is_missing():
    assert lacking(*replicas("n1"), *NODES) == ({"replicas", "autoscaler", "disruption budget"}, "error")


def test_reports_one_zone():
    assert lacking(*replicas("n1", "n1"), *NODES, *SAFE) == ({"zone"}, "warning")


def test_silent_when_available():
    assert findings(RULE, *replicas("n1", "n2"), *NODES, *SAFE) == []


def test_silent_on_other_gateways():
    plain = {**o.waypoint("gw", "shop"), "spec": {"gatewayClassName": "istio", "listeners": []}}
    assert findings(RULE, plain) == []


def test_boundary_a_cluster_of_one_zone_cannot_spread():
    assert findings(RULE, *replicas("n1", "n1"), node("n1", "a"), *SAFE) == []


def test_boundary_a_budget_for_other_pods_does_not_help():
    other = o.disruption_budget("other", "shop", {"app": "other"}, 1)
    assert lacking(*replicas("n1", "n2"), *NODES, SAFE[0], other) == ({"disruption budget"}, "warning")
