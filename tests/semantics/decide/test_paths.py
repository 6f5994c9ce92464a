"""Which way a request takes, and what each hop sees: every client against every server."""

import pytest
from tests.support.scenes import ask, get, index, m, peers, pods, policy, principal, service, waypoint

from sidestep.semantics.decisions import Proxy, Shape, Transport, Verdict

BOUND = {"istio.io/use-waypoint": "waypoint"}


def scene(client, server, *more, labels=None):
    return index(pods("web", client), pods("cart", server), service("cart", labels=labels), *more)


def proxies(decision):
    return [hop.proxy for hop in decision.path]


@pytest.mark.parametrize(
    ("client", "server", "transport", "identified"),
    [
        ("sidecar", "sidecar", Transport.MTLS, True),
        ("sidecar", "ambient", Transport.HBONE, True),
        ("old", "ambient", Transport.PLAINTEXT, False),
        ("sidecar", "none", Transport.PLAINTEXT, False),
        ("ambient", "ambient", Transport.HBONE, True),
        ("ambient", "sidecar", Transport.HBONE, True),
        ("ambient", "old", Transport.PLAINTEXT, False),
        ("ambient", "none", Transport.PLAINTEXT, False),
        ("none", "ambient", Transport.PLAINTEXT, False),
        ("none", "sidecar", Transport.PLAINTEXT, False),
    ],
)
def test_the_last_leg(client, server, transport, identified):
    found = ask(scene(client, server), "web", "cart")
    assert found.verdict is Verdict.ALLOW
    assert found.path[-1].transport is transport
    assert found.path[-1].identity == (principal("web") if identified else None)


@pytest.mark.parametrize(
    ("client", "server", "verdict"),
    [
        ("sidecar", "sidecar", Verdict.ALLOW), ("ambient", "ambient", Verdict.ALLOW), ("ambient", "sidecar", Verdict.ALLOW),
        ("ambient", "old", Verdict.DENY), ("old", "ambient", Verdict.DENY), ("none", "sidecar", Verdict.DENY),
        ("none", "ambient", Verdict.DENY), ("sidecar", "none", Verdict.ALLOW),
    ],
)  # fmt: skip
def test_strict_refuses_plaintext_alone(client, server, verdict):
    assert ask(scene(client, server, peers("STRICT")), "web", "cart").verdict is verdict


def test_an_ambient_client_goes_through_the_waypoint_and_the_pod_sees_the_waypoint():
    found = ask(scene("ambient", "ambient", waypoint(), labels=BOUND), "web", "cart")
    assert proxies(found) == [Proxy.ZTUNNEL_OUT, Proxy.WAYPOINT, Proxy.ZTUNNEL_IN]
    assert found.path[1].identity == principal("web")
    assert found.path[2].identity == principal("waypoint")


@pytest.mark.parametrize("client", ["sidecar", "none", "outside", "node"])
def test_nobody_else_does(client):
    mesh = scene("none" if client == "none" else "sidecar", "ambient", waypoint(), labels=BOUND)
    found = ask(mesh, "web" if client in ("sidecar", "none") else client, "cart.shop")
    assert found.branches[0].destination is not None
    assert Proxy.WAYPOINT not in proxies(found)
    assert found.verdict is Verdict.ALLOW


def test_a_waypoint_that_was_never_ready_is_passed_by():
    found = ask(scene("ambient", "ambient", waypoint(ready=False), labels=BOUND), "web", "cart")
    assert Proxy.WAYPOINT not in proxies(found)


def test_an_unknown_host_leaves_the_mesh():
    found = ask(scene("ambient", "ambient"), "web", "api.example.com", port=443)
    assert found.verdict is Verdict.ALLOW
    assert found.path[-1].at == "api.example.com"


@pytest.mark.parametrize(("client", "shape"), [("sidecar", Shape.UNAVAILABLE), ("ambient", Shape.CLOSED)])
def test_a_service_without_pods(client, shape):
    found = ask(index(pods("web", client), service("ghost")), "web", "ghost")
    assert found.verdict is Verdict.UNREACHABLE


def ingress(**labels):
    gateway = m.o.thing(
        "gateway.networking.k8s.io/v1", "Gateway", m.o.meta("edge", "shop"),
        spec={"gatewayClassName": "istio", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
    )  # fmt: skip
    route = m.o.thing(
        "gateway.networking.k8s.io/v1", "HTTPRoute", m.o.meta("edge", "shop"),
        spec={
            "parentRefs": [{"name": "edge"}],
            "hostnames": ["shop.example.com"],
            "rules": [{"backendRefs": [{"name": "cart", "port": 80}]}],
        },
    )  # fmt: skip
    edge = pods("edge", "gateway", labels={"gateway.networking.k8s.io/gateway-name": "edge"})
    return [gateway, route, *edge, *pods("cart", "ambient"), service("cart", labels=labels), *waypoint()]


@pytest.mark.parametrize(
    ("labels", "passes"),
    [({}, False), (BOUND, False), ({**BOUND, "istio.io/ingress-use-waypoint": "true"}, True)],
)
def test_a_gateway_passes_the_waypoint_only_where_it_is_told(labels, passes):
    found = ask(index(*ingress(**labels)), "gateway:shop/edge", "shop.example.com", get(host="shop.example.com"))
    assert found.verdict is Verdict.ALLOW
    assert (Proxy.WAYPOINT in proxies(found)) is passes
    assert str(found.branches[0].destination) == "Deployment shop/cart"


@pytest.mark.parametrize("mode", ["ambient", "sidecar"])
def test_what_the_only_pod_sends_to_its_own_address_is_not_captured(mode):
    mesh = index(pods("cart", mode, ip="10.1.1.1"), service("cart", vip="10.96.0.9"), policy("nobody", app="cart"))
    own, by_service = ask(mesh, "cart", "10.1.1.1", port=8080), ask(mesh, "cart", "10.96.0.9")
    assert (own.verdict, proxies(own)) == (Verdict.ALLOW, [Proxy.APPLICATION])
    assert by_service.verdict is Verdict.DENY


def test_one_of_several_pods_is_taken_to_dial_another():
    mesh = index(pods("cart", "ambient", count=2), policy("nobody", app="cart"))
    address = next(iter(mesh.by_address))
    assert ask(mesh, "cart", address, port=8080).verdict is Verdict.DENY


def test_a_headless_name_leads_to_itself_and_to_others():
    mesh = index(
        pods("cart", "ambient", ip="10.1.1.1"), pods("stock", "ambient", ip="10.1.1.2", labels={"tier": "rear"}),
        pods("web", "ambient", ip="10.1.1.3", labels={"tier": "rear"}), policy("nobody", labels={"tier": "rear"}),
        service("peers", selector={"tier": "rear"}, headless=True),
    )  # fmt: skip
    found = ask(mesh, "web", "peers", port=8080)
    assert {str(each.destination): each.verdict for each in found.branches} == {
        "Deployment shop/web": Verdict.ALLOW, "Deployment shop/stock": Verdict.DENY,
    }  # fmt: skip
