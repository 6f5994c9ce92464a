"""Who dials a gateway: its listeners take that or not, its own policies judge it, and there the way ends."""

import pytest
from tests.semantics.differences.cases.scene import callers, gateway, istiod, methods, pair, to, vs
from tests.support import mesh as m
from tests.support.scenes import ask, get, index, mesh_config, pods, policy, service

from sidestep.semantics.decisions import CheckKind, Proxy, Shape, Transport, Verdict
from sidestep.semantics.requests import Tcp

HTTP = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
HTTPS = {"port": {"number": 443, "protocol": "HTTPS"}, "hosts": ["*"], "tls": {"mode": "SIMPLE"}}
MESH = {"port": {"number": 15443, "protocol": "TLS"}, "hosts": ["*"], "tls": {"mode": "ISTIO_MUTUAL"}}
PORTS = (
    {"name": "status-port", "port": 15021, "targetPort": 15021},
    {"name": "https", "port": 443, "targetPort": 8443},
    {"name": "tls-mesh", "port": 15443, "targetPort": 15443},
)
EDGE = service("edge", more_ports=PORTS)


def listener(*servers, selector=None, name="public", space="shop"):
    return m.o.istio("Gateway", name, space, {"selector": selector or {"app": "edge"}, "servers": list(servers)})


def scene(*more, client="sidecar"):
    return index(*pair(client, "sidecar"), gateway(), EDGE, *more)


@pytest.mark.parametrize("client", ["sidecar", "ambient", "none"])
def test_a_listener_takes_it_and_the_way_ends_there(client):
    found = ask(scene(listener(HTTP), client=client), "web", "edge")
    assert found.verdict is Verdict.ALLOW
    hop = found.path[-1]
    assert (hop.proxy, hop.at, hop.port, hop.transport) == (
        Proxy.GATEWAY, "Deployment shop/edge", 8080, Transport.PLAINTEXT
    )  # fmt: skip
    assert "shop/public (HTTP on 80, for *)" in hop.checks[-1].reason


def test_somebody_outside_comes_in_as_well():
    assert ask(scene(listener(HTTP)), "outside", "edge.shop").verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("client", "shape"), [("sidecar", Shape.UNAVAILABLE), ("ambient", Shape.CLOSED), ("none", Shape.CLOSED)]
)
def test_without_a_listener_of_the_port_nobody_gets_in(client, shape):
    found = ask(scene(listener(HTTPS), client=client), "web", "edge")
    assert (found.verdict, found.shape) == (Verdict.UNREACHABLE, shape)
    assert "listens on port 8080" in found.path[-1].checks[-1].reason


def test_a_gateway_for_other_pods_is_no_listener_of_these():
    assert ask(scene(listener(HTTP, selector={"app": "other"})), "web", "edge").verdict is Verdict.UNREACHABLE


def test_a_gateway_of_another_namespace_is_unless_they_are_kept_apart():
    elsewhere = listener(HTTP, space="conf")
    assert ask(scene(elsewhere), "web", "edge").verdict is Verdict.ALLOW
    apart = istiod(PILOT_SCOPE_GATEWAY_TO_NAMESPACE="true")
    assert ask(scene(elsewhere, *apart), "web", "edge").verdict is Verdict.UNREACHABLE


def test_a_number_that_no_service_has_is_the_port_of_the_pods():
    own = {**HTTP, "port": {"number": 8080, "protocol": "HTTP"}}
    assert ask(scene(listener(own)), "web", "edge").verdict is Verdict.ALLOW


def test_its_own_health_needs_no_listener():
    assert ask(scene(), "web", "edge", port=15021).verdict is Verdict.ALLOW


def test_http_is_read_in_tls_that_the_gateway_ends():
    guard = policy("guard", methods("DELETE"), action="DENY", app="edge")
    assert ask(scene(listener(HTTPS), guard), "web", "edge", port=443).verdict is Verdict.ALLOW
    assert ask(scene(listener(HTTPS), guard), "web", "edge", get(method="DELETE"), port=443).verdict is Verdict.DENY
    found = ask(scene(listener(HTTPS), guard), "web", "edge", Tcp(), port=443)
    assert (found.verdict, found.path[-1].checks[0].kind) == (Verdict.UNREACHABLE, CheckKind.PROTOCOL)


def test_tls_that_is_passed_on_is_bytes():
    passed = {**HTTPS, "tls": {"mode": "PASSTHROUGH"}}
    assert ask(scene(listener(passed)), "web", "edge", Tcp(sni="a.example.com"), port=443).verdict is Verdict.ALLOW


def test_mtls_of_the_mesh_is_wanted_or_not_at_all():
    assert ask(scene(listener(MESH)), "web", "edge", Tcp(), port=15443).verdict is Verdict.UNREACHABLE
    mutual = m.o.istio("DestinationRule", "edge", "shop", {
        "host": "edge", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}})  # fmt: skip
    found = ask(scene(listener(MESH), mutual), "web", "edge", Tcp(), port=15443)
    assert (found.verdict, found.path[-1].transport) == (Verdict.ALLOW, Transport.MTLS)
    found = ask(scene(listener(HTTP), mutual), "web", "edge")
    assert (found.verdict, found.shape) == (Verdict.UNREACHABLE, Shape.UNAVAILABLE)


def test_its_own_policies_judge_what_comes_in():
    guarded = scene(listener(HTTP), policy("none", app="edge"))
    found = ask(guarded, "web", "edge")
    assert (found.verdict, found.shape, found.path[-1].proxy) == (Verdict.DENY, Shape.FORBIDDEN, Proxy.GATEWAY)
    assert ask(scene(listener(HTTP), policy("web", callers("web"), app="edge")), "web", "edge").verdict is Verdict.DENY


def test_a_gateway_that_cannot_be_read_leaves_it_open():
    broken = listener({"port": {"number": "many"}, "hosts": ["*"]})
    found = ask(scene(broken), "web", "edge")
    assert found.verdict is Verdict.UNKNOWN
    assert "shop/public could not be read" in found.unknowns[0].reason


ROUTED = vs("in", "*", to("cart"), gateways=["public"])


@pytest.mark.parametrize("who", ["gateway:shop/public", "gateway:shop/edge"])
def test_what_it_forwards_is_asked_of_the_gateway_or_its_pods(who):
    found = ask(scene(listener(HTTP), ROUTED), who, "www.example.com")
    assert (found.verdict, str(found.branches[0].destination)) == (Verdict.ALLOW, "Deployment shop/cart")
    assert ask(scene(listener(HTTP)), who, "www.example.com").shape is Shape.NOT_FOUND


def test_a_gateways_own_route_for_a_service_is_followed():
    named = vs("in", "cart.shop.svc.cluster.local", to("other"), gateways=["public"])
    other = (pods("other", ip="10.1.0.9"), service("other"))
    found = ask(scene(listener(HTTP), named, *other), "gateway:shop/public", "cart.shop.svc.cluster.local")
    assert str(found.branches[0].destination) == "Deployment shop/other"
    found = ask(scene(listener(HTTPS), named, *other), "gateway:shop/public", "cart.shop.svc.cluster.local")
    assert str(found.branches[0].destination) == "Deployment shop/cart"


def test_the_way_from_a_sidecar_with_routes_for_the_gateway_keeps_them():
    mesh = scene(listener(HTTP), vs("slow", "edge", to("edge", timeout="3s")), mesh_config())
    assert ask(mesh, "web", "edge").branches[0].route.timeout == "3s"
