import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.tracing_gap import RULE

AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))
SIDECARS = (namespace("shop"), *workload(inject(app("cart"), Sidecar())))


def telemetry(*tracing, space="shop", **more):
    return o.istio("Telemetry", "traces", space, {"tracing": list(tracing or ({},)), **more})


def test_reports_ambient_workloads_without_a_waypoint():
    (found,) = findings(RULE, *AMBIENT, telemetry(), o.service("cart", "shop"))
    assert found.severity == "warning"
    assert "no spans are made for shop/cart" in found.message


def test_reports_what_will_be_dark():
    (found,) = findings(RULE, *SIDECARS, telemetry(space="istio-system"))
    assert found.severity == "info"


def test_silent_where_a_waypoint_makes_them():
    served = o.service("cart", "shop", labels={"istio.io/use-waypoint": "waypoint"})
    assert findings(RULE, *AMBIENT, telemetry(), served, o.waypoint("waypoint", "shop")) == []


def test_silent_on_other_telemetry():
    metrics = o.istio("Telemetry", "metrics", "shop", {"metrics": [{}]})
    attached = telemetry(targetRefs=[{"kind": "Service", "name": "cart"}])
    assert findings(RULE, *AMBIENT, metrics, attached) == []


@pytest.mark.parametrize(
    ("entry", "count"),
    [({"disableSpanReporting": True}, 0), ({"randomSamplingPercentage": 0}, 0), ({"randomSamplingPercentage": 0.1}, 1)],
)
def test_boundary_tracing_that_is_switched_off(entry, count):
    assert len(findings(RULE, *AMBIENT, telemetry(entry))) == count
