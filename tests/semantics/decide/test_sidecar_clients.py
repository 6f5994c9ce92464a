"""What a client's sidecar does by itself: which hosts it knows, when it sends mTLS, whose certificate it expects."""

import pytest
from tests.support import mesh as m
from tests.support.scenes import ask, get, index, mesh_config, peers, pods, policy, principal, service, waypoint

from sidestep.semantics.decisions import CheckKind, Proxy, Shape, Transport, Verdict
from sidestep.semantics.requests import Answers, Tcp
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


@pytest.mark.parametrize(
    ("client", "host", "verdict"),
    [("cart", "api.example.com", Verdict.UNKNOWN), ("cart", "cart", Verdict.ALLOW), ("web", "api.example.com", Verdict.DENY)],
)  # fmt: skip
def test_who_is_led_back_to_itself_by_kube_proxy_comes_from_its_node(client, host, verdict):
    """Which address that is, nobody says; its own sidecar, where it knows the host, comes from the pod's own."""
    only = policy("own", {"from": [{"source": {"ipBlocks": ["10.1.0.2"]}}]}, app="cart")
    assert ask(scene(only), client, "cart", get(host=host)).verdict is verdict


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


@pytest.mark.parametrize(
    ("client", "shape"), [("sidecar", Shape.UNAVAILABLE), ("ambient", Shape.CLOSED), ("none", Shape.CLOSED)]
)
def test_only_who_reads_a_request_answers_it_where_nobody_is(client, shape):
    mesh = index(pods("web", client), service("cart", selector={"app": "nobody"}))
    assert ask(mesh, "web", "cart").shape is shape


@pytest.mark.parametrize(("port", "shape"), [(80, Shape.UNAVAILABLE), (9999, Shape.RESET)])
def test_what_is_passed_on_is_read_where_somebody_declares_http_at_the_port(port, shape):
    found = ask(scene(hidden(), peers("STRICT", "bank")), "web", "10.1.0.9", port=port)
    assert found.verdict is Verdict.ALLOW
    refused = scene(*pods("books", "ambient", "bank", ip="10.1.0.9"), peers("STRICT", "bank"))
    assert ask(refused, "web", "10.1.0.9", port=port).shape is shape


def test_a_hidden_service_does_not_keep_a_request_from_the_host_that_it_names():
    found = ask(scene(hidden()), "web", "books.bank", get(host="cart.shop.svc.cluster.local"))
    assert found.path[-1].at == "Deployment shop/cart"


def test_a_port_of_a_pod_is_what_its_first_service_declares_whichever_was_dialled():
    two = service("cart", more_ports=[{"name": "tcp-b", "port": 81, "targetPort": 8080}])
    only = policy("only", {"to": [{"operation": {"paths": ["/open"]}}]}, app="cart")
    mesh = index(pods("web", "sidecar"), pods("cart", "sidecar"), two, only)
    assert ask(mesh, "web", "cart", get("/open"), port=81).verdict is Verdict.ALLOW
    assert ask(mesh, "web", "cart", get("/closed"), port=81).shape is Shape.FORBIDDEN


def test_a_proxy_answers_for_mutual_tls_that_nobody_reads():
    rule = dr({"tls": {"mode": "ISTIO_MUTUAL"}})
    assert ask(scene(rule, server="none"), "web", "cart").shape is Shape.UNAVAILABLE


ASKED = mesh_config(extensionProviders=[{"name": "asked", "envoyExtAuthzHttp": {"service": "authz.shop.svc.cluster.local", "port": 80}}])  # fmt: skip


@pytest.mark.parametrize("provider", ["asked", "nobody"])
@pytest.mark.parametrize(("path", "shape"), [("/asked", Shape.FORBIDDEN), ("/other", Shape.UNAUTHORIZED)])
def test_authorizers_are_asked_before_tokens_are_looked_at(provider, path, shape):
    tokens = m.o.istio("RequestAuthentication", "jwt", "shop", {"jwtRules": [{"issuer": "me"}]})
    custom = policy("custom", {"to": [{"operation": {"paths": ["/asked"]}}]}, action="CUSTOM", app="cart", provider={"name": provider})  # fmt: skip
    found = ask(scene(tokens, custom, ASKED), "web", "cart", get(path, token="invalid"), authorizer=Answers.DENIES)
    assert found.shape is shape


@pytest.mark.parametrize("claims", [{"iss": "me", "sub": "ann"}, {}])
@pytest.mark.parametrize(("side", "shape"), [("values", Shape.NONE), ("notValues", Shape.FORBIDDEN)])
def test_no_token_is_there_yet_when_it_is_decided_whether_authorizers_are_asked(side, shape, claims):
    tokens = m.o.istio("RequestAuthentication", "jwt", "shop", {"jwtRules": [{"issuer": "me"}]})
    who = {"when": [{"key": "request.auth.principal", side: ["me/ann"]}]}
    custom = policy("custom", who, action="CUSTOM", app="cart", provider={"name": "asked"})
    sent = get(token="valid", claims=claims)
    found = ask(scene(tokens, custom, ASKED), "web", "cart", sent, authorizer=Answers.DENIES)
    assert found.shape is shape


@pytest.mark.parametrize(("client", "verdict"), [("sidecar", Verdict.ALLOW), ("old", Verdict.UNREACHABLE)])
def test_mutual_tls_that_a_rule_insists_on_is_sent_to_ambient_pods_by_who_knows_no_hbone(client, verdict):
    rule = dr({"tls": {"mode": "ISTIO_MUTUAL"}})
    mesh = index(pods("web", client), pods("cart", "ambient", ip="10.1.0.2"), service("cart"), rule)
    assert ask(mesh, "web", "cart").verdict is verdict


@pytest.mark.parametrize(
    ("protocol", "shape"), [("tcp", Shape.CLOSED), ("http", Shape.FORBIDDEN), ("", Shape.FORBIDDEN)]
)
def test_what_a_clients_sidecar_sends_as_bytes_is_taken_as_such_where_a_sidecar_object_does_not_declare_the_port(protocol, shape):  # fmt: skip
    listener = {"port": {"number": 7070, "protocol": "GRPC", "name": "rpc"}}
    own = m.o.istio("Sidecar", "cart", "shop", {"workloadSelector": {"labels": {"app": "cart"}}, "ingress": [listener]})
    only = policy("only", {"from": [{"source": {"namespaces": ["bank"]}}]}, app="cart")
    assert ask(scene(own, only, protocol=protocol), "web", "cart").shape is shape


def test_who_reads_a_request_answers_it_where_the_server_reads_bytes_and_refuses_the_connection():
    first = service("cart", protocol="tcp", more_ports=[{"name": "http-b", "port": 81, "targetPort": 8080}])
    only = policy("only", {"from": [{"source": {"namespaces": ["bank"]}}]}, app="cart")
    mesh = index(pods("web", "sidecar"), pods("cart", "sidecar"), first, only)
    assert ask(mesh, "web", "cart", port=81).shape is Shape.UNAVAILABLE
    assert ask(mesh, "web", "cart", port=80).shape is Shape.CLOSED
