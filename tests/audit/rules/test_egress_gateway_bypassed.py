from tests.support.mesh import Sidecar, app, findings, gateway, inject, labelled, o, workload

from sidestep.audit.rules.egress_gateway_bypassed import RULE

SIDECARS = workload(inject(app("cart"), Sidecar()))
GATEWAY = (*workload(gateway("egress"), "egress", "istio-system"), o.service("egress", "istio-system"))
ENTRY = o.istio("ServiceEntry", "api", "shop", {"hosts": ["api.example.com"]})


def route(host="api.example.com", to="egress.istio-system.svc.cluster.local", gateways=("mesh", "egress")):
    rules = [{"route": [{"destination": {"host": to}}]}]
    return o.istio("VirtualService", "api", "shop", {"hosts": [host], "gateways": list(gateways), "tls": rules})


def test_reports_the_detour_over_a_gateway():
    (found,) = findings(RULE, *SIDECARS, *GATEWAY, ENTRY, route())
    assert "istio-system/egress" in found.message
    assert found.severity == "warning"


def test_reports_it_as_lost_where_clients_are_in_ambient():
    moved = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))
    assert [each.severity for each in findings(RULE, *moved, *GATEWAY, ENTRY, route())] == ["error"]


def test_reports_a_gateway_that_was_not_read_where_the_route_names_one():
    (found,) = findings(RULE, *SIDECARS, ENTRY, route())
    assert "egress.istio-system.svc.cluster.local" in found.message
    assert findings(RULE, *SIDECARS, ENTRY, route(gateways=("mesh",))) == []
    assert findings(RULE, *SIDECARS, ENTRY, route(to="other.example.com")) == []


def test_silent_on_routes_of_the_gateway_alone():
    assert findings(RULE, *SIDECARS, *GATEWAY, ENTRY, route(gateways=("egress",))) == []


def test_silent_on_routes_within_the_cluster():
    assert findings(RULE, *SIDECARS, *GATEWAY, ENTRY, route("cart", "cart")) == []
    assert findings(RULE, *SIDECARS, *GATEWAY, route()) == [], "the host is not declared external"


def test_silent_where_a_waypoint_stands_instead():
    served = o.istio("ServiceEntry", "api", "shop", {"hosts": ["api.example.com"]})
    served["metadata"]["labels"] = {"istio.io/use-waypoint": "egress"}
    assert findings(RULE, *SIDECARS, *GATEWAY, served, o.waypoint("egress", "shop"), route()) == []


def test_boundary_a_destination_that_is_no_gateway():
    plain = (*workload(app("egress"), "egress", "istio-system"), o.service("egress", "istio-system"))
    assert findings(RULE, *SIDECARS, *plain, ENTRY, route()) == []
