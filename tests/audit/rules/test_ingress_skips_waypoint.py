from tests.support.mesh import findings, labelled, namespace, o

from sidestep.audit.rules.ingress_skips_waypoint import RULE

WAYPOINT = o.waypoint("waypoint", "shop")
INGRESS = o.thing("gateway.networking.k8s.io/v1", "Gateway", o.meta("in", "edge"), spec={"gatewayClassName": "istio"})


def served(**labels):
    spelled = {key.replace("_", "-"): value for key, value in labels.items()}
    named = {f"istio.io/{key}": value for key, value in {"use-waypoint": "waypoint", **spelled}.items()}
    return o.service("cart", "shop", labels=named)


def route(parent=None):
    made = o.http_route("in", "shop", "cart")
    made["spec"]["parentRefs"] = [parent or {"kind": "Gateway", "name": "in", "namespace": "edge"}]
    return made


def virtual(gateways=("edge/in",)):
    rules = [{"route": [{"destination": {"host": "cart.shop.svc.cluster.local"}}]}]
    return o.istio("VirtualService", "in", "edge", {"hosts": ["x"], "gateways": list(gateways), "http": rules})


def test_reports_a_service_that_a_route_exposes():
    (found,) = findings(RULE, namespace("shop"), WAYPOINT, INGRESS, served(), route())
    assert found.severity == "warning"
    assert "HTTPRoute shop/in" in found.message


def test_reports_one_that_a_virtual_service_exposes():
    assert len(findings(RULE, namespace("shop"), WAYPOINT, served(), virtual())) == 1


def test_reports_a_policy_that_is_passed_by():
    policy = o.istio("AuthorizationPolicy", "p", "shop", {"targetRefs": [{"kind": "Service", "name": "cart"}]})
    (found,) = findings(RULE, namespace("shop"), WAYPOINT, INGRESS, served(), route(), policy)
    assert found.severity == "error"
    assert "AuthorizationPolicy shop/p" in found.message


def test_silent_where_gateways_are_told():
    assert findings(RULE, namespace("shop"), WAYPOINT, INGRESS, served(ingress_use_waypoint="true"), route()) == []
    told = labelled("shop", {"istio.io/ingress-use-waypoint": "true"})
    assert findings(RULE, told, WAYPOINT, INGRESS, served(), route()) == []


def test_silent_on_services_without_a_waypoint_and_on_mesh_routes():
    assert findings(RULE, namespace("shop"), INGRESS, o.service("cart", "shop"), route()) == []
    assert findings(RULE, namespace("shop"), WAYPOINT, served(), virtual(("mesh",))) == []
    hung = route({"kind": "Service", "group": "", "name": "cart"})
    assert findings(RULE, namespace("shop"), WAYPOINT, INGRESS, served(), hung) == []


def test_boundary_the_services_own_label_beats_the_namespaces():
    told = labelled("shop", {"istio.io/ingress-use-waypoint": "true"})
    assert len(findings(RULE, told, WAYPOINT, INGRESS, served(ingress_use_waypoint="false"), route())) == 1


def test_boundary_a_gateway_that_was_not_read_is_not_judged():
    assert findings(RULE, namespace("shop"), WAYPOINT, served(), route()) == []
