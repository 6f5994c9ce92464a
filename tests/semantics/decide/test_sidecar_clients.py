"""What a client's sidecar does by itself: which hosts it knows, when it sends mTLS, whose certificate it expects."""

import pytest
from tests.support import mesh as m
from tests.support.scenes import ask, get, index, mesh_config, peers, pods, principal, service, waypoint

from sidestep.semantics.decisions import CheckKind, Proxy, Shape, Transport, Verdict
from sidestep.semantics.requests import Tcp
from sidestep.semantics.routing.route import RouteSource

REGISTRY_ONLY = mesh_config(outboundTrafficPolicy={"mode": "REGISTRY_ONLY"})


def scene(*more, server="sidecar", **how):
    return index(pods("web", "sidecar"), pods("cart", server, ip="10.1.0.2"), service("cart", **how), *more)


def dr(policy, host="cart"):
    return m.o.istio("DestinationRule", "cart", "shop", {"host": host, "trafficPolicy": policy})


def hidden(to="."):
    found = service("books", "bank")
    found["metadata"]["annotations"] = {"networking.istio.io/exportTo": to}
    return [*pods("books", "sidecar", "bank"), found]


@pytest.mark.parametrize(("policy", "transport"), [("DISABLE", Transport.PLAINTEXT), ("PERMISSIVE", Transport.MTLS)])
def test_mtls_is_not_sent_to_ports_that_refuse_it(policy, transport):
    found = ask(scene(peers(policy, "shop", app="cart")), "web", "cart")
    assert found.verdict is Verdict.ALLOW
    assert found.path[-1].transport is transport


def test_unless_a_rule_insists():
    found = ask(scene(peers("DISABLE", "shop", app="cart"), dr({"tls": {"mode": "ISTIO_MUTUAL"}})), "web", "cart")
    assert found.verdict is Verdict.UNREACHABLE


@pytest.mark.parametrize(
    ("name", "verdict"), [("cart", Verdict.ALLOW), ("basket", Verdict.UNREACHABLE)]
)  # fmt: skip
@pytest.mark.parametrize(("payload", "shape"), [(get(), Shape.UNAVAILABLE), (Tcp(), Shape.CLOSED)])
def test_names_in_certificates(name, verdict, payload, shape):
    names = [f"spiffe://{principal(name)}", "spiffe://elsewhere"]
    mesh = scene(dr({"tls": {"mode": "ISTIO_MUTUAL", "subjectAltNames": names}}), protocol="" if payload else "http")
    found = ask(mesh, "web", "cart", payload)
    assert found.verdict is verdict
    assert found.shape is (Shape.NONE if verdict is Verdict.ALLOW else shape)


def test_names_are_not_asked_of_ambient_pods():
    rule = dr({"tls": {"mode": "ISTIO_MUTUAL", "subjectAltNames": ["spiffe://elsewhere"]}})
    assert ask(scene(rule, server="ambient"), "web", "cart").verdict is Verdict.ALLOW


@pytest.mark.parametrize("to", [".", "~", "other"])
def test_a_hidden_service_is_sent_plaintext(to):
    found = ask(scene(hidden(to)), "web", "books.bank")
    assert found.route.source is RouteSource.PASSTHROUGH
    assert found.path[-1].transport is Transport.PLAINTEXT
    assert found.path[0].checks[0].object.name == "books"
    assert ask(scene(hidden(to), peers("STRICT")), "web", "books.bank").verdict is Verdict.DENY
    assert ask(scene(hidden(to), REGISTRY_ONLY), "web", "books.bank").shape is Shape.BAD_GATEWAY


@pytest.mark.parametrize("to", ["*", "shop", ". , shop"])
def test_an_exported_one_is_sent_mtls(to):
    assert ask(scene(hidden(to)), "web", "books.bank").path[-1].transport is Transport.MTLS


def test_a_known_host_is_routed_by_its_name_whatever_is_dialled():
    found = ask(scene(), "web", "198.51.100.7", get(host="cart"))
    assert found.branches[0].destination.name == "cart"
    assert found.path[-1].transport is Transport.MTLS


def test_an_unknown_one_goes_to_the_dialled_address():
    found = ask(scene(), "web", "cart", get(host="api.example.com"))
    assert found.route.source is RouteSource.PASSTHROUGH
    assert found.path[-1].transport is Transport.PLAINTEXT
    assert ask(scene(REGISTRY_ONLY), "web", "cart", get(host="api.example.com")).verdict is Verdict.DENY


def test_pods_are_not_known_hosts():
    assert ask(scene(), "web", "10.1.0.2", port=8080).path[-1].transport is Transport.PLAINTEXT
    assert ask(scene(REGISTRY_ONLY), "web", "10.1.0.2", port=8080).verdict is Verdict.DENY


@pytest.mark.parametrize(("name", "at"), [("api.example.com", "api.example.com"), ("cart.shop.svc.cluster.local", "")])
def test_an_external_name_is_followed(name, at):
    alias = service("alias")
    alias["spec"] = {"type": "ExternalName", "externalName": name, "ports": [{"name": "http", "port": 80}]}
    found = ask(scene(alias), "web", "alias")
    assert found.verdict is Verdict.ALLOW
    assert found.path[-1].at == (at or "Deployment shop/cart")
    assert found.path[-1].transport is Transport.PLAINTEXT


def test_a_node_may_be_the_pods_own():
    """What a pod's own node sends is exempt from capture; from another it is plaintext like any other."""
    mesh = index(pods("cart", "ambient"), service("cart"), peers("STRICT"))
    found = ask(mesh, "node", "cart.shop")
    assert [branch.verdict for branch in found.branches] == [Verdict.DENY, Verdict.ALLOW]
    assert found.branches[1].path[-1].checks[0].kind is CheckKind.CAPTURE
    assert ask(index(pods("cart", "ambient"), service("cart")), "node", "cart.shop").verdict is Verdict.ALLOW
    assert len(ask(index(pods("cart", "sidecar"), service("cart")), "node", "cart.shop").branches) == 1


def test_a_waypoint_that_serves_pods_waits_on_every_port():
    for serves, verdict in (("service", Verdict.ALLOW), ("all", Verdict.UNREACHABLE)):
        labels = {"istio.io/use-waypoint": "waypoint"}
        cart = pods("cart", "ambient", labels=labels)
        mesh = index(
            pods("web", "ambient"), cart, service("cart", protocol="tcp", labels=labels), waypoint(serves=serves)
        )
        found = ask(mesh, "web", "cart", Tcp(server_first=True))
        assert found.verdict is verdict
        assert any(hop.proxy is Proxy.WAYPOINT for hop in found.path)
