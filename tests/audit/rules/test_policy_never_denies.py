import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.policy_never_denies import RULE

SIDECARS = (namespace("shop"), *workload(inject(app("cart"), Sidecar())))
AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))
PEERS = [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]


def policy(*rules, action="DENY", **more):
    return o.istio("AuthorizationPolicy", "block", "shop", {"action": action, "rules": list(rules), **more})


@pytest.mark.parametrize(
    "rule",
    [
        {"to": [{"operation": {"methods": ["DELETE"]}}]},
        {"from": PEERS, "to": [{"operation": {"methods": ["DELETE"]}}]},
        {"from": PEERS, "when": [{"key": "request.auth.claims[x]", "values": ["1"]}]},
        {"from": [{"source": {"trustDomains": ["other"]}}]},
    ],
)
def test_reports_rules_that_deny_nothing(rule):
    (found,) = findings(RULE, *AMBIENT, policy(rule))
    assert found.severity == "blocker"
    assert "deny nothing: " in found.message


def test_reports_alternatives_that_are_lost():
    to = [{"operation": {"methods": ["GET"]}}, {"operation": {"ports": ["8080"]}}]
    (found,) = findings(RULE, *AMBIENT, policy({"to": to}))
    assert "or not all they name" in found.message


def test_reports_what_a_migration_would_open():
    (found,) = findings(RULE, *SIDECARS, policy({"to": [{"operation": {"paths": ["/admin"]}}]}))
    assert found.severity == "warning"


def test_silent_on_layer_4_and_on_everything():
    ports = {"to": [{"operation": {"ports": ["8080"]}}]}
    assert findings(RULE, *AMBIENT, policy({"from": PEERS}), policy(ports), policy({})) == []


def test_silent_on_rules_that_get_wider_instead():
    wider = {"to": [{"operation": {"methods": ["GET"], "ports": ["8080"]}}]}
    assert findings(RULE, *AMBIENT, policy(wider)) == []


def test_silent_on_other_actions():
    assert findings(RULE, *AMBIENT, policy({"to": [{"operation": {"methods": ["GET"]}}]}, action="ALLOW")) == []


def test_boundary_one_powerless_rule_among_others_is_told_by_its_place():
    (found,) = findings(RULE, *AMBIENT, policy({"from": PEERS}, {"to": [{"operation": {"hosts": ["x"]}}]}))
    assert found.evidence[0].field == "spec.rules[1]"
    assert "1 of its 2" in found.message
