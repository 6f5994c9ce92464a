import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, o, workload

from sidestep.audit.rules.waypoint_shut_out import RULE

AMBIENT = (
    labelled("shop", {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"}),
    *workload(app("cart")),
    o.service("cart", "shop"),
    o.waypoint("waypoint", "shop"),
)


def policy(*sources, action="ALLOW", space="shop", name="p", **more):
    rules = [{"from": [{"source": source} for source in sources], **more}] if sources else []
    return o.istio("AuthorizationPolicy", name, space, {"action": action, "rules": rules})


@pytest.mark.parametrize(
    "source",
    [
        {"principals": ["cluster.local/ns/front/sa/web"]},
        {"namespaces": ["front"]},
        {"serviceAccounts": ["front/web", "web"]},
        {"principals": ["*"], "notNamespaces": ["shop"]},
    ],
)
def test_reports_policies_that_admit_only_clients(source):
    (found,) = findings(RULE, *AMBIENT, policy(source))
    assert found.object.kind == "Service"
    assert found.severity == "blocker"
    assert "cluster.local/ns/shop/sa/waypoint" in found.fix


@pytest.mark.parametrize("space", ["shop", "istio-system"])
def test_reports_default_deny(space):
    assert len(findings(RULE, *AMBIENT, policy(space=space))) == 1


def test_reports_a_deny_that_means_the_waypoint():
    (found,) = findings(RULE, *AMBIENT, policy({"notNamespaces": ["front"]}, action="DENY"))
    assert "denies it" in found.message


@pytest.mark.parametrize(
    "source",
    [
        {"principals": ["cluster.local/ns/shop/sa/waypoint"]},
        {"principals": ["other.domain/ns/shop/sa/waypoint"]},
        {"principals": ["*/sa/waypoint"]},
        {"namespaces": ["sh*"]},
        {"serviceAccounts": ["waypoint"]},
        {"ipBlocks": ["10.0.0.0/8"]},
    ],
)
def test_silent_where_the_waypoint_may_get_in(source):
    assert findings(RULE, *AMBIENT, policy(name="deny-all"), policy(source)) == []


def test_silent_without_policies_and_on_other_denials():
    assert findings(RULE, *AMBIENT) == []
    assert findings(RULE, *AMBIENT, policy({"namespaces": ["front"]}, action="DENY")) == []


def test_silent_on_sidecars_and_without_a_waypoint():
    sidecars = (labelled("shop", {"istio.io/use-waypoint": "waypoint"}), *workload(inject(app("cart"), Sidecar())))
    assert findings(RULE, *sidecars, *AMBIENT[3:], o.service("cart", "shop"), policy()) == []
    free = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *AMBIENT[1:])
    assert findings(RULE, *free, policy()) == []


def test_silent_where_istiod_admits_waypoints_by_itself():
    istiod = app("istiod")
    env = [{"name": "PILOT_AUTO_ALLOW_WAYPOINT_POLICY", "value": "true"}]
    istiod["spec"]["containers"][0] |= {"name": "discovery", "env": env}
    assert findings(RULE, *AMBIENT, policy(), *workload(istiod, "istiod", "istio-system")) == []


def test_boundary_a_policy_that_loses_all_its_rules_is_another_finding():
    assert findings(RULE, *AMBIENT, policy({"namespaces": ["x"]}, to=[{"operation": {"methods": ["GET"]}}])) == []


def test_boundary_a_deny_on_one_port_is_not_sure_to_mean_it():
    ports = policy({"notNamespaces": ["front"]}, action="DENY", to=[{"operation": {"ports": ["9090"]}}])
    assert findings(RULE, *AMBIENT, ports) == []
