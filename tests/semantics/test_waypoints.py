"""Which waypoint an object is bound to, as istiod decides it."""

import pytest
from tests.support.mesh import labelled, mesh, namespace, o

from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import GATEWAY
from sidestep.model.mesh import SourceKind
from sidestep.semantics.waypoints import binding, traffic_type

USE = {"istio.io/use-waypoint": "wp"}
INFRA = {**USE, "istio.io/use-waypoint-namespace": "infra"}


def gateway(
    space="shop", *, ready=True, of_class="istio-waypoint", allowed=None, listeners=None, annotations=None, served=""
):
    made = o.waypoint("wp", space, ready=ready)
    made["metadata"]["labels"] = {"istio.io/waypoint-for": served} if served else {}
    made["metadata"]["annotations"] = annotations or {}
    made["spec"]["gatewayClassName"] = of_class
    if allowed:
        made["spec"]["listeners"][0]["allowedRoutes"] = {"namespaces": allowed}
    if listeners is not None:
        made["spec"]["listeners"] = listeners
    return made


def state(*objects, labels=USE, space="shop", traffic="service", **how):
    found = binding(mesh(*objects, **how), labels, space, traffic)
    return found and found.state.value


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, None), ({"istio.io/use-waypoint": "none"}, None), (USE, "WaypointAccepted"),
        ({"istio.io/use-waypoint": "typo"}, "WaypointAbsent"), ({"istio.io/use-waypoint": ""}, "WaypointAbsent"),
        ({**USE, "gateway.istio.io/managed": "istio.io-mesh-controller"}, None),
        ({**USE, "gateway.istio.io/managed": "istio.io-gateway-controller"}, "WaypointAccepted"),
    ],
)  # fmt: skip
def test_labels_ask(labels, expected):
    """§2.2 resolution; a waypoint's own Service never has one."""
    assert state(gateway(), labels=labels) == expected


@pytest.mark.parametrize(
    ("served", "service", "workload", "anything"),
    [
        ("service", True, False, True),
        ("workload", False, True, True),
        ("all", True, True, True),
        ("none", False, False, False),
    ],
)
def test_traffic_types(served, service, workload, anything):
    """§2.2 acceptance: traffic type; a namespace does not say which it means."""
    for traffic, accepted in (("service", service), ("workload", workload), ("any", anything)):
        expected = "WaypointAccepted" if accepted else "UnsupportedTrafficType"
        assert state(gateway(served=served), traffic=traffic) == expected


def test_the_traffic_type_is_the_gateways_then_its_classes_then_services():
    declared = o.gateway_class()
    declared["metadata"]["labels"] = {"istio.io/waypoint-for": "all"}
    bare, own = gateway(), gateway(served="workload")
    for objects, expected in (((bare,), "service"), ((bare, declared), "all"), ((own, declared), "workload")):
        found = mesh(*objects)
        assert traffic_type(found, found.of(GATEWAY)[0]) == expected


TEAM = {"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}
BY_NAME = {"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}


@pytest.mark.parametrize(
    ("allowed", "own_labels", "expected"),
    [
        (None, {}, "AttachmentDenied"), ({"from": "Same"}, {}, "AttachmentDenied"), ({"from": "All"}, {}, "WaypointAccepted"),
        (TEAM, {"team": "shop"}, "WaypointAccepted"), (TEAM, {"team": "other"}, "AttachmentDenied"),
        (BY_NAME, {}, "WaypointAccepted"), ({"from": "Selector"}, {}, "AttachmentDenied"),
        ({"from": "Selector", "selector": "nonsense"}, {}, "AttachmentDenied"),
    ],
)  # fmt: skip
def test_admission_from_another_namespace(allowed, own_labels, expected):
    """§2.2 acceptance: allowedRoutes of the HBONE listener, `Same` unless it says otherwise."""
    assert state(labelled("shop", own_labels), gateway("infra", allowed=allowed), labels=INFRA) == expected


def test_a_namespace_whose_labels_were_not_read_cannot_be_judged_by_them():
    assert state(gateway("infra", allowed=TEAM), labels=INFRA) == "Undecided"


@pytest.mark.parametrize(
    ("annotation", "ports", "admitted"),
    [(None, (15008, 15088), True), ("PROXY/15088", (15008, 15088), False), ("PROXY", (15008, 15088), False),
     ("NONE", (15008, 15088), True), ("PROXY/9", (15008, 15088), True)],
)  # fmt: skip
def test_the_listener_that_is_asked(annotation, ports, admitted):
    """§2.2 acceptance: the listener of the inbound binding, else the one for HBONE."""
    outer = {"port": ports[0], "protocol": "HBONE", "allowedRoutes": {"namespaces": {"from": "All"}}}
    inner = {"port": ports[1], "protocol": "istio.io/PROXY"}
    annotations = {"ambient.istio.io/waypoint-inbound-binding": annotation} if annotation else {}
    found = gateway("infra", listeners=[inner, outer], annotations=annotations)
    assert (state(namespace("shop"), found, labels=INFRA) == "WaypointAccepted") is admitted


@pytest.mark.parametrize(
    ("of_class", "listener", "annotation", "expected"),
    [
        ("istio-waypoint", "HBONE", False, "WaypointAccepted"), ("istio-agentgateway-waypoint", "HBONE", False, "WaypointAccepted"),
        ("istio", "HTTP", False, "NotAWaypoint"), ("istio", "HBONE", False, "NotAWaypoint"),
        ("vendor", "HTTP", False, "NotAWaypoint"), ("vendor", "HBONE", False, "WaypointAccepted"),
        ("vendor", "HTTP", True, "WaypointAccepted"),
    ],
)  # fmt: skip
def test_whatever_answers_hbone_may_be_a_waypoint(of_class, listener, annotation, expected):
    annotations = {"ambient.istio.io/waypoint-inbound-binding": "PROXY/15088"} if annotation else {}
    listeners = [{"port": 15008, "protocol": listener}]
    assert state(gateway(of_class=of_class, listeners=listeners, annotations=annotations)) == expected


def test_what_was_not_read_is_not_absent():
    assert state(labels=USE) == "WaypointAbsent"
    assert state(labels=USE, gaps=(Gap(GATEWAY.key, GapReason.FORBIDDEN),)) == "Undecided"
    assert state(labels=USE, gaps=(Gap(GATEWAY.key, GapReason.ABSENT),)) == "WaypointAbsent"


def test_a_manifest_does_not_tell_whether_its_waypoint_is_ready():
    assert state(gateway(ready=False)) == "WaypointIsNotReady"
    assert state(gateway(ready=False), kind=SourceKind.FILES) == "Undecided"
    dumped = gateway(ready=False) | {"status": {"conditions": [{"type": "Programmed", "status": "False"}]}}
    assert state(dumped, kind=SourceKind.FILES) == "WaypointIsNotReady"


@pytest.mark.parametrize(
    "listeners",
    ["nonsense", [None, 3], [{"allowedRoutes": []}], [{"port": 15008, "protocol": "HBONE", "allowedRoutes": "x"}]],
)
def test_nonsense_is_no_crash(listeners):
    assert state(gateway(listeners=listeners)) == "WaypointAccepted"
