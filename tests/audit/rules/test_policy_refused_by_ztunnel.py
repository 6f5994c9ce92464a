from tests.support.mesh import app, findings, labelled, o, workload

from sidestep.audit.rules.policy_refused_by_ztunnel import RULE

AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))


def policy(reason="UnsupportedValue", status="False", rules=({},), dry=True):
    made = o.istio("AuthorizationPolicy", "try", "shop", {"rules": list(rules)})
    made["metadata"]["annotations"] = {"istio.io/dry-run": "true"} if dry else {}
    condition = {"type": "ZtunnelAccepted", "status": status, "reason": reason, "message": "dry-run is not enabled"}
    made["status"] = {"conditions": [condition]}
    return made


def test_reports_what_istiod_says_of_a_dry_run():
    (found,) = findings(RULE, *AMBIENT, policy())
    assert "istio.io/dry-run" in found.fix
    assert any(each.value == "dry-run is not enabled" for each in found.evidence)


def test_reports_by_reason_whatever_the_status_is():
    (found,) = findings(RULE, *AMBIENT, policy(status="True", dry=False))
    assert found.severity == "warning"


def test_silent_where_all_is_accepted():
    assert findings(RULE, *AMBIENT, policy("Accepted", "True")) == []


def test_silent_where_the_rules_themselves_say_why():
    assert findings(RULE, *AMBIENT, policy(rules=[{"to": [{"operation": {"methods": ["GET"]}}]}])) == []


def test_boundary_status_of_another_shape():
    odd = policy()
    odd["status"] = {"conditions": ["x", {"type": "ZtunnelAccepted"}]}
    assert findings(RULE, *AMBIENT, odd) == []
