import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.policy_never_sent import RULE

SIDECARS = (namespace("shop"), *workload(inject(app("cart"), Sidecar())))
AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))


def policy(action, **more):
    return o.istio("AuthorizationPolicy", "ext", "shop", {"action": action, "rules": [{}], **more})


@pytest.mark.parametrize(
    ("action", "mesh", "severity"),
    [
        ("CUSTOM", AMBIENT, "blocker"),
        ("CUSTOM", SIDECARS, "warning"),
        ("AUDIT", AMBIENT, "warning"),
        ("AUDIT", SIDECARS, "info"),
    ],
)
def test_reports_what_is_lost(action, mesh, severity):
    (found,) = findings(RULE, *mesh, policy(action))
    assert found.severity == severity
    assert action in found.message


@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
def test_silent_on_what_is_sent(action):
    assert findings(RULE, *AMBIENT, policy(action)) == []


def test_silent_at_a_waypoint():
    assert findings(RULE, *AMBIENT, policy("CUSTOM", targetRefs=[{"kind": "Service", "name": "cart"}])) == []


def test_boundary_nobody_is_selected():
    assert findings(RULE, *AMBIENT, policy("CUSTOM", selector={"matchLabels": {"app": "other"}})) == []
