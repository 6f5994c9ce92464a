from tests.support.mesh import Sidecar, app, findings, inject, namespace, o, workload

from sidestep.audit.rules.sidecars_skip_waypoint import RULE

BOUND = (
    namespace("shop"),
    o.waypoint("waypoint", "shop"),
    o.service("cart", "shop", labels={"istio.io/use-waypoint": "waypoint"}),
)
CLIENTS = workload(inject(app("web"), Sidecar()), "web", "front")


def policy(kind, name):
    return o.istio("AuthorizationPolicy", "p", "shop", {"targetRefs": [{"kind": kind, "name": name}], "rules": [{}]})


def test_reports_sidecars_beside_a_waypoint():
    (found,) = findings(RULE, *BOUND, *CLIENTS)
    assert (found.object.kind, found.severity) == ("Gateway", "info")
    assert "cannot be seen" in found.message


def test_reports_policies_that_do_not_bind_them():
    for made in (policy("Service", "cart"), policy("Gateway", "waypoint")):
        (found,) = findings(RULE, *BOUND, *CLIENTS, made)
        assert found.severity == "error"
        assert "AuthorizationPolicy shop/p does not bind them" in found.message


def test_silent_where_no_sidecar_is_left():
    assert findings(RULE, *BOUND, *workload(app("web"), "web", "front")) == []


def test_silent_where_nothing_is_bound():
    assert findings(RULE, namespace("shop"), o.waypoint("waypoint", "shop"), *CLIENTS) == []


def test_boundary_one_finding_for_a_waypoint_of_many_services():
    second = o.service("web", "shop", labels={"istio.io/use-waypoint": "waypoint"})
    (found,) = findings(RULE, *BOUND, second, *CLIENTS)
    assert "serves 2 Services" in found.message
