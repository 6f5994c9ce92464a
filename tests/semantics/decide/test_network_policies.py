"""NetworkPolicies see the wire: HBONE is TCP 15008, whoever it carries, and the waypoint is a sender of its own."""

import pytest
from tests.support.scenes import ask, index, m, pods, service, waypoint

from sidestep.semantics.decisions import CheckKind, Shape, Verdict

BOUND = {"istio.io/use-waypoint": "waypoint"}


def network(name, app, *, ingress=None, egress=None):
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": []}
    for direction, rules in (("ingress", ingress), ("egress", egress)):
        if rules is not None:
            spec[direction] = rules
            spec["policyTypes"].append(direction.capitalize())
    return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta(name, "shop"), spec=spec)


def on(*ports):
    return [{"port": port, "protocol": "TCP"} for port in ports]


WEB = [{"podSelector": {"matchLabels": {"app": "web"}}}]


@pytest.mark.parametrize(
    ("client", "server", "ports", "verdict"),
    [
        ("sidecar", "sidecar", (8080,), Verdict.ALLOW),
        ("ambient", "ambient", (8080,), Verdict.UNREACHABLE),
        ("ambient", "ambient", (15008,), Verdict.ALLOW),
        ("ambient", "ambient", (8080, 15008), Verdict.ALLOW),
        ("ambient", "none", (8080,), Verdict.ALLOW),
        ("none", "ambient", (15008,), Verdict.UNREACHABLE),
    ],
)
def test_the_port_on_the_wire_counts(client, server, ports, verdict):
    rules = [{"from": WEB, "ports": on(*ports)}]
    mesh = index(pods("web", client), pods("cart", server), service("cart"), network("cart", "cart", ingress=rules))
    found = ask(mesh, "web", "cart")
    assert found.verdict is verdict
    if verdict is Verdict.UNREACHABLE:
        assert found.branches[0].decider.kind is CheckKind.NETWORK_POLICY
        assert found.shape is Shape.HANG


@pytest.mark.parametrize(
    ("client", "ports", "verdict"),
    [
        ("sidecar", (8080,), Verdict.ALLOW),
        ("ambient", (8080,), Verdict.UNREACHABLE),
        ("ambient", (15008,), Verdict.ALLOW),
    ],
)
def test_what_a_client_may_send_counts_too(client, ports, verdict):
    rules = [{"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}], "ports": on(*ports)}]
    server = "sidecar" if client == "sidecar" else "ambient"
    mesh = index(pods("web", client), pods("cart", server), service("cart"), network("web", "web", egress=rules))
    assert ask(mesh, "web", "cart").verdict is verdict


@pytest.mark.parametrize(
    ("rules", "to", "verdict"),
    [
        ([{"to": [{"podSelector": {}}]}], "api.example.com", Verdict.UNREACHABLE),
        ([{"ports": on(443)}], "api.example.com", Verdict.UNREACHABLE),
        ([{"ports": on(80)}], "api.example.com", Verdict.ALLOW),
        ([{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}], "api.example.com", Verdict.ALLOW),
        ([{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}], "api.example.com", Verdict.ALLOW),
        ([{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}], "192.0.2.7", Verdict.ALLOW),
        ([{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}], "198.51.100.7", Verdict.UNREACHABLE),
    ],
)
@pytest.mark.parametrize("client", ["sidecar", "ambient", "none"])
def test_hosts_outside_are_no_pods_and_where_their_address_counts_nobody_guesses(client, rules, to, verdict):
    assert ask(index(pods("web", client), network("web", "web", egress=rules)), "web", to).verdict is verdict


def test_peers_are_told_by_labels_and_a_waypoint_is_not_the_client():
    rules = [{"from": WEB, "ports": on(15008)}]
    mesh = index(
        pods("web", "ambient"), pods("cart", "ambient"), service("cart", labels=BOUND), waypoint(),
        network("cart", "cart", ingress=rules),
    )  # fmt: skip
    assert ask(mesh, "web", "cart").verdict is Verdict.UNREACHABLE


WAYPOINT = {"podSelector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "waypoint"}}}


@pytest.mark.parametrize(
    ("policies", "verdict"),
    [
        ([network("web", "web", egress=[{"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}]}])], Verdict.UNREACHABLE),
        ([network("web", "web", egress=[{"to": [WAYPOINT], "ports": on(15008)}])], Verdict.ALLOW),
        ([network("web", "web", egress=[{"to": [WAYPOINT], "ports": on(8080)}])], Verdict.UNREACHABLE),
        ([network("web", "web", egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}])], Verdict.ALLOW),
        ([network("all", "", ingress=[])], Verdict.UNREACHABLE),
    ],
)  # fmt: skip
def test_a_waypoint_whose_pods_nobody_has_seen_goes_by_its_labels(policies, verdict):
    for each in policies:
        if each["metadata"]["name"] == "all":
            each["spec"]["podSelector"] = WAYPOINT["podSelector"]
    bound = service("cart", labels=BOUND)
    mesh = index(pods("web", "ambient"), pods("cart", "ambient"), bound, waypoint(), *policies)
    assert ask(mesh, "web", "cart").verdict is verdict


def test_an_address_that_nobody_knows_is_not_guessed():
    rules = [{"from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}]
    mesh = index(
        pods("web", "ambient", count=2),
        pods("cart", "ambient"),
        service("cart"),
        network("cart", "cart", ingress=rules),
    )
    assert ask(mesh, "web", "cart").verdict is Verdict.UNKNOWN


def test_policies_add_up():
    mesh = index(
        pods("web", "ambient"), pods("cart", "ambient"), service("cart"),
        network("a", "cart", ingress=[{"ports": on(8080)}]), network("b", "cart", ingress=[{"ports": on(15008)}]),
    )  # fmt: skip
    assert ask(mesh, "web", "cart").verdict is Verdict.ALLOW


def test_no_rules_admit_nobody():
    mesh = index(pods("web", "ambient"), pods("cart", "ambient"), service("cart"), network("a", "cart", ingress=[]))
    assert ask(mesh, "web", "cart").verdict is Verdict.UNREACHABLE
