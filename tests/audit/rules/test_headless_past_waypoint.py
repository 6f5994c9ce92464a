from tests.support.mesh import findings, labelled, namespace, o

from sidestep.audit.rules.headless_past_waypoint import RULE


def headless(labels=None):
    return o.service("db", "shop", headless=True, labels=labels)


POLICY = o.istio(
    "AuthorizationPolicy", "db", "shop", {"targetRefs": [{"kind": "Service", "name": "db"}], "rules": [{}]}
)


def test_reports_a_label_without_effect():
    (found,) = findings(RULE, namespace("shop"), headless({"istio.io/use-waypoint": "waypoint"}))
    assert found.severity == "warning"


def test_reports_a_policy_that_guards_nothing():
    (found,) = findings(RULE, namespace("shop"), headless(), POLICY)
    assert found.severity == "error"
    assert "AuthorizationPolicy shop/db" in found.message


def test_reports_routes():
    assert len(findings(RULE, namespace("shop"), headless(), o.http_route("db", "shop", "db"))) == 1


def test_silent_on_services_with_an_address():
    served = o.service("db", "shop", labels={"istio.io/use-waypoint": "waypoint"})
    assert findings(RULE, namespace("shop"), served, POLICY) == []


def test_silent_on_others_and_on_none():
    assert findings(RULE, namespace("shop"), headless({"istio.io/use-waypoint": "none"})) == []
    assert findings(RULE, namespace("shop"), headless(), o.http_route("cart", "shop", "cart")) == []


def test_boundary_a_label_of_the_namespace_is_meant_for_the_others():
    assert findings(RULE, labelled("shop", {"istio.io/use-waypoint": "waypoint"}), headless()) == []
