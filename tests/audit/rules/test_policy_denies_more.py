from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.policy_denies_more import RULE

SIDECARS = (namespace("shop"), *workload(inject(app("cart"), Sidecar())))
AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))
MIXED = {"to": [{"operation": {"methods": ["GET"], "ports": ["8080"]}}]}


def policy(*rules, action="DENY"):
    return o.istio("AuthorizationPolicy", "block", "shop", {"action": action, "rules": list(rules)})


def test_reports_rules_that_lose_their_http_part():
    (found,) = findings(RULE, *AMBIENT, policy(MIXED))
    assert found.severity == "error"
    assert "without looking at methods" in found.message


def test_reports_what_a_migration_would_widen():
    (found,) = findings(RULE, *SIDECARS, policy(MIXED))
    assert found.severity == "warning"


def test_silent_on_rules_that_deny_nothing_at_all():
    assert findings(RULE, *AMBIENT, policy({"to": [{"operation": {"methods": ["GET"]}}]})) == []


def test_silent_on_layer_4_and_on_allow():
    assert (
        findings(RULE, *AMBIENT, policy({"to": [{"operation": {"ports": ["8080"]}}]}), policy(MIXED, action="ALLOW"))
        == []
    )


def test_boundary_one_clause_without_anything_makes_the_rule_powerless():
    powerless = {**MIXED, "when": [{"key": "request.headers[x]", "values": ["1"]}]}
    assert findings(RULE, *AMBIENT, policy(powerless)) == []
    kept = {**MIXED, "when": [{"key": "source.namespace", "values": ["x"]}]}
    assert len(findings(RULE, *AMBIENT, policy(kept))) == 1
