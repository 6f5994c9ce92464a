from tests.support.mesh import app, findings, o, pod, waypoint, workload

from sidestep.audit.rules.waypoint_on_one_node import RULE

NODES = (o.thing("v1", "Node", o.meta("n1")), o.thing("v1", "Node", o.meta("n2")))


def replicas(*nodes, template=None):
    made = workload(template or waypoint("waypoint"), "waypoint", pods=0)
    owner = o.owner("ReplicaSet", "waypoint-abc")
    pods = [pod(template or waypoint("waypoint"), f"wp-{i}", owner=owner, node=at) for i, at in enumerate(nodes)]
    return [*made, *pods]


def test_reports_replicas_on_one_node():
    (found,) = findings(RULE, *replicas("n1", "n1"), *NODES)
    assert found.object.name == "waypoint"
    assert "all 2 replicas" in found.message


def test_silent_when_spread():
    assert findings(RULE, *replicas("n1", "n2"), *NODES) == []


def test_silent_on_applications():
    assert findings(RULE, *replicas("n1", "n1", template=app("cart")), *NODES) == []


def test_boundary_one_replica_is_another_finding_and_one_node_cannot_spread():
    assert findings(RULE, *replicas("n1"), *NODES) == []
    assert findings(RULE, *replicas("n1", "n1"), NODES[0]) == []
