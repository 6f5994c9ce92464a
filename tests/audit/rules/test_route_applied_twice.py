from tests.support.mesh import findings, labelled, namespace, o

from sidestep.audit.rules.route_applied_twice import RULE

THROUGH = {"istio.io/use-waypoint": "waypoint", "istio.io/ingress-use-waypoint": "true"}
WAYPOINT = o.waypoint("waypoint", "shop")
SERVED = o.service("cart", "shop", labels=THROUGH)


def route(gateways=("mesh", "edge/in"), hosts=("cart", "shop.example.com"), **http):
    rules = [{"route": [{"destination": {"host": "cart"}}], **(http or {"retries": {"attempts": 3}})}]
    return o.istio("VirtualService", "cart", "shop", {"hosts": list(hosts), "gateways": list(gateways), "http": rules})


def test_reports_retries_at_the_gateway_and_the_waypoint():
    (found,) = findings(RULE, namespace("shop"), WAYPOINT, SERVED, route())
    assert "retries act twice" in found.message


def test_reports_labels_of_the_namespace():
    assert len(findings(RULE, labelled("shop", THROUGH), WAYPOINT, o.service("cart", "shop"), route())) == 1


def test_silent_where_gateways_pass_the_waypoint_by():
    by = o.service("cart", "shop", labels={"istio.io/use-waypoint": "waypoint"})
    assert findings(RULE, namespace("shop"), WAYPOINT, by, route()) == []


def test_silent_on_routes_of_one_side():
    for gateways in (("mesh",), ("edge/in",), ()):
        assert findings(RULE, namespace("shop"), WAYPOINT, SERVED, route(gateways)) == []


def test_silent_on_what_may_be_done_twice():
    weighted = route(match=[{"uri": {"prefix": "/"}}])
    assert findings(RULE, namespace("shop"), WAYPOINT, SERVED, weighted) == []


def test_boundary_a_route_that_the_waypoint_does_not_take_for_the_service():
    assert findings(RULE, namespace("shop"), WAYPOINT, SERVED, route(hosts=("shop.example.com",))) == []
