import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.trust_domain_dropped import RULE

SIDECARS = (namespace("shop"), *workload(inject(app("cart"), Sidecar())))
AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))


def policy(source, action="ALLOW", **more):
    return o.istio(
        "AuthorizationPolicy", "p", "shop", {"action": action, "rules": [{"from": [{"source": source}]}], **more}
    )


MIXED = {"trustDomains": ["partner"], "namespaces": ["front"]}


@pytest.mark.parametrize(
    ("mesh", "action", "severity"),
    [(AMBIENT, "ALLOW", "blocker"), (AMBIENT, "DENY", "error"), (SIDECARS, "ALLOW", "warning")],
)
def test_reports_sources_that_get_wider(mesh, action, severity):
    (found,) = findings(RULE, *mesh, policy(MIXED, action))
    assert found.severity == severity


def test_silent_without_trust_domains():
    assert findings(RULE, *AMBIENT, policy({"namespaces": ["front"]})) == []


def test_silent_at_a_waypoint():
    assert findings(RULE, *AMBIENT, policy(MIXED, targetRefs=[{"kind": "Service", "name": "cart"}])) == []


def test_boundary_a_trust_domain_alone_is_another_finding():
    assert findings(RULE, *AMBIENT, policy({"trustDomains": ["partner"]})) == []
