import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.policy_shuts_everybody_out import RULE

SIDECARS = (namespace("shop"), *workload(inject(app("cart"), Sidecar())))
AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))
GET = {"to": [{"operation": {"methods": ["GET"]}}]}
PEERS = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]}


def policy(*rules, space="shop", **more):
    return o.istio("AuthorizationPolicy", "api", space, {"rules": list(rules), **more})


def test_reports_an_outage_where_pods_are_in_ambient():
    (found,) = findings(RULE, *AMBIENT, policy(GET))
    assert found.severity == "blocker"
    assert "nobody gets in by it" in found.message


def test_reports_what_a_migration_would_do_more_quietly():
    (found,) = findings(RULE, *SIDECARS, policy(GET))
    assert found.severity == "warning"
    assert "will drop" in found.message


def test_reports_how_many_rules_are_left():
    (found,) = findings(RULE, *AMBIENT, policy(GET, PEERS))
    assert "1 of its 2 ALLOW rules" in found.message
    assert "whom only those admit" in found.message


@pytest.mark.parametrize(
    "rule",
    [
        {"when": [{"key": "request.headers[x]", "values": ["1"]}]},
        {"from": [{"source": {"requestPrincipals": ["*"]}}]},
        {"from": [{"source": {"trustDomains": ["other"]}}]},
        {**PEERS, "to": [{"operation": {"ports": ["80"], "notPaths": ["/x"]}}]},
    ],
)
def test_reports_every_field_that_ztunnel_lacks(rule):
    assert len(findings(RULE, *AMBIENT, policy(rule))) == 1


def test_reports_what_istiod_says():
    told = policy(GET)
    condition = {"type": "ZtunnelAccepted", "status": "True", "reason": "UnsupportedValue", "message": "methods"}
    told["status"] = {"conditions": [condition]}
    (found,) = findings(RULE, *AMBIENT, told)
    assert [each.value for each in found.evidence if "ZtunnelAccepted" in each.field] == ["methods"]


def test_silent_on_layer_4():
    assert findings(RULE, *AMBIENT, policy(PEERS), policy({}), policy()) == []


def test_silent_on_policies_of_a_waypoint_and_other_actions():
    attached = policy(GET, targetRefs=[{"kind": "Service", "name": "cart"}])
    assert findings(RULE, *AMBIENT, attached, policy(GET, action="DENY"), policy(GET, action="CUSTOM")) == []


def test_silent_on_workloads_in_no_mesh_and_not_selected():
    assert findings(RULE, namespace("shop"), *workload(app("cart")), policy(GET)) == []
    assert findings(RULE, *AMBIENT, policy(GET, selector={"matchLabels": {"app": "other"}})) == []


def test_boundary_the_root_namespace_means_everybody():
    assert len(findings(RULE, *AMBIENT, policy(GET, space="istio-system"))) == 1
    assert findings(RULE, *AMBIENT, policy(GET, space="other")) == []


@pytest.mark.parametrize("rules", [None, "x", [None], [{"to": "x"}], [{"from": [{"source": 3}]}], [{"when": [7]}]])
def test_boundary_wrong_types_are_no_finding(rules):
    broken = o.istio("AuthorizationPolicy", "api", "shop", {"rules": rules})
    assert findings(RULE, *AMBIENT, broken) == []
