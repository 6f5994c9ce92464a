import pytest
from tests.support.mesh import app, findings, labelled, namespace, o, workload

from sidestep.audit.rules.policy_target_unbound import RULE
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import SERVICE
from sidestep.model.mesh import SourceKind

AMBIENT = labelled("shop", {"istio.io/dataplane-mode": "ambient"})


def policy(kind="Service", name="cart", made="AuthorizationPolicy"):
    return o.istio(made, "api", "shop", {"targetRefs": [{"kind": kind, "name": name}], "rules": [{}]})


def test_reports_a_service_without_a_waypoint():
    (found,) = findings(RULE, namespace("shop"), o.service("cart", "shop"), policy())
    assert found.severity == "warning"
    assert "is bound to no waypoint" in found.message


def test_reports_a_blocker_while_its_pods_are_in_ambient():
    (found,) = findings(RULE, AMBIENT, *workload(app("cart")), o.service("cart", "shop"), policy())
    assert found.severity == "blocker"


@pytest.mark.parametrize("kind", ["Service", "ServiceEntry", "Gateway"])
@pytest.mark.parametrize("made", ["AuthorizationPolicy", "RequestAuthentication"])
def test_reports_what_does_not_exist(kind, made):
    (found,) = findings(RULE, namespace("shop"), policy(kind, "crat", made))
    assert found.severity == "error"
    assert f"{kind} shop/crat, which does not exist" in found.message


def test_reports_more_quietly_what_files_may_not_hold():
    (found,) = findings(RULE, namespace("shop"), policy(), kind=SourceKind.FILES)
    assert found.severity == "warning"


def test_reports_istiods_reason():
    told = policy()
    told["status"] = {"conditions": [{"type": "WaypointAccepted", "status": "False", "reason": "AncestorNotBound"}]}
    (found,) = findings(RULE, namespace("shop"), o.service("cart", "shop"), told)
    assert "AncestorNotBound" in [each.value for each in found.evidence]


def test_silent_where_a_waypoint_is_bound():
    own = o.service("cart", "shop", labels={"istio.io/use-waypoint": "waypoint"})
    assert findings(RULE, namespace("shop"), own, o.waypoint("waypoint", "shop"), policy()) == []
    inherited = labelled("shop", {"istio.io/use-waypoint": "waypoint"})
    assert findings(RULE, inherited, o.service("cart", "shop"), o.waypoint("waypoint", "shop"), policy()) == []


def test_silent_on_a_binding_that_is_broken_which_is_another_finding():
    own = o.service("cart", "shop", labels={"istio.io/use-waypoint": "wayponit"})
    assert findings(RULE, namespace("shop"), own, policy()) == []


def test_silent_on_gateways_and_their_classes():
    assert findings(RULE, o.waypoint("waypoint", "shop"), policy("Gateway", "waypoint")) == []
    assert findings(RULE, policy("GatewayClass", "istio-waypoint")) == []


def test_boundary_silent_on_what_was_not_read():
    assert findings(RULE, namespace("shop"), policy(), gaps=(Gap(SERVICE.key, GapReason.FORBIDDEN),)) == []
    assert findings(RULE, o.service("cart", "shop"), policy()) == [], "the namespace may bind it"
