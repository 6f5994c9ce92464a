"""NetworkPolicies and Sidecars."""

import pytest
from tests.support.conversions import apply, context, convert, flat, manifests, one, severities
from tests.support.scenes import ask, index, m, mesh_config, pods, service

from sidestep.convert.rules import network_policy, sidecar_scope
from sidestep.semantics.decisions import Verdict

HBONE = {"port": 15008, "protocol": "TCP"}
PROBES = {"from": [{"ipBlock": {"cidr": "169.254.7.127/32"}}]}
WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
WAYPOINT = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
    "podSelector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "waypoint"}},
}
CART = [*pods("cart", ports=(8080, 9090)), *pods("web"), service("cart"), service("web")]


def doors(spec, app="cart", name="doors"):
    selector = {"matchLabels": {"app": app}} if app else {}
    found = m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta(name, "shop"))
    return {**found, "spec": {"podSelector": selector, "unknown": 1, **spec}}


def rewrite(spec, *more, behind=(), app="cart", **how):
    return one(
        network_policy.RULE, context(index(*CART, doors(spec, app), *more), *behind, **how), "NetworkPolicy", "doors"
    )


def test_hbone_comes_from_the_same_peers_and_ports_are_held_elsewhere():
    rule = {"from": [WEB], "ports": [{"port": 8080, "protocol": "TCP"}]}
    given = rewrite({"ingress": [rule]})
    made = manifests(given)
    assert made["doors"]["spec"]["ingress"] == [rule, {"from": [WEB], "ports": [HBONE]}, PROBES]
    assert made["doors"]["spec"]["unknown"] == 1
    assert made["doors-ports"]["spec"] == {
        "selector": {"matchLabels": {"app": "cart"}},
        "action": "DENY",
        "rules": [{"to": [{"operation": {"notPorts": ["8080"]}}]}],
    }
    assert not given.losses


def test_named_ports_are_those_of_the_containers():
    given = rewrite({"ingress": [{"ports": [{"port": "p9090"}]}]})
    assert manifests(given)["doors-ports"]["spec"]["rules"] == [{"to": [{"operation": {"notPorts": ["9090"]}}]}]


def test_a_waypoint_is_let_in_and_who_may_come_is_lost():
    given = rewrite({"ingress": [{"from": [WEB]}]}, behind=("cart",))
    assert manifests(given)["doors"]["spec"]["ingress"] == [
        {"from": [WEB]},
        {"from": [WAYPOINT], "ports": [HBONE]},
        PROBES,
    ]
    assert severities(given.losses) == [("security", "spec.ingress")]


@pytest.mark.parametrize(
    "rules",
    [
        [{"from": [WEB], "ports": [{"port": 8080}]}, {"ports": [{"port": 9090}]}],
        [{"ports": [{"port": 8080, "endPort": 8090}]}],
        [{"from": [WEB], "ports": [{"port": 8080}]}, {"from": [{"podSelector": {}}]}],
        [{"ports": [{"port": "nobody-has-it"}]}],
    ],
)
def test_ports_that_cannot_be_held_are_said(rules):
    given = rewrite({"ingress": rules})
    assert "doors-ports" not in manifests(given)
    assert severities(given.losses) == [("security", "spec.ingress")]


def test_ports_of_two_policies_are_not_held_by_one():
    given = rewrite(
        {"ingress": [{"ports": [{"port": 8080}]}]}, doors({"ingress": [{"ports": [{"port": 9090}]}]}, name="more")
    )
    assert "doors-ports" not in manifests(given)
    assert severities(given.losses) == [("security", "spec.ingress")]


def test_egress_goes_by_hbone_and_through_waypoints():
    web = doors(
        {
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}], "ports": [{"port": 8080}]}],
        },
        "web",
    )
    given = one(network_policy.RULE, context(index(*CART, web), "cart"), "NetworkPolicy", "doors")
    to = web["spec"]["egress"][0]["to"]
    assert manifests(given)["doors"]["spec"]["egress"] == [
        *web["spec"]["egress"],
        {"to": to, "ports": [HBONE]},
        {"to": [WAYPOINT], "ports": [HBONE]},
    ]
    assert "ingress" not in manifests(given)["doors"]["spec"]
    assert severities(given.losses) == [("security", "spec.egress")] * 2


def test_a_default_deny_lets_probes_in_only():
    assert manifests(rewrite({"policyTypes": ["Ingress"]}))["doors"]["spec"]["ingress"] == [PROBES]


@pytest.mark.parametrize(
    ("spec", "how"),
    [
        ({"ingress": [{}]}, {}),
        ({"ingress": [{"ports": [{"port": 8080}]}]}, {"app": "nobody"}),
        ({"ingress": [{"ports": [{"port": 8080}]}]}, {"moving": ()}),
        ({"policyTypes": ["Egress"], "egress": [{}]}, {}),
    ],
)
def test_others_stay(spec, how):
    given = rewrite(spec, **how)
    assert not given.changes
    assert not given.losses


@pytest.mark.parametrize("client", ["web", "outside"])
@pytest.mark.parametrize("port", [8080, 9090])
def test_whoever_was_kept_out_is_kept_out(client, port):
    config = [doors({"ingress": [{"from": [WEB], "ports": [{"port": 8080}]}]})]

    def mesh(mode, more):
        return [*pods("cart", mode, ports=(8080, 9090)), *pods("web", mode), service("cart"), *more]

    found = context(index(*mesh("sidecar", config)))
    changed = apply(flat(mesh("ambient", config)), [c for c in convert(found).changes if c.object.kind != "Namespace"])
    address = "10.1.{}.1".format(sum(map(ord, "cartshop")) % 250)
    answers = [
        ask(index(*each), client, address, port=port).verdict is Verdict.ALLOW
        for each in (mesh("sidecar", config), changed)
    ]
    assert answers == [client == "web" and port == 8080] * 2


def scope(spec, *more, version="1.30", **how):
    found = index(*CART, m.o.istio("Sidecar", "scope", "shop", spec), *more)
    return one(sidecar_scope.RULE, context(found, **how), "Sidecar", "scope")


ONLY = {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}, "workloadSelector": {"labels": {"app": "web"}}}
STATIC = {
    "hosts": ["db.example.com"],
    "addresses": ["192.0.2.0/28"],
    "ports": [{"number": 5432, "name": "tcp", "protocol": "TCP"}],
    "resolution": "STATIC",
}


def test_what_was_known_is_let_out_and_nothing_else():
    entry = m.o.istio("ServiceEntry", "db", "shop", STATIC)
    given = scope({**ONLY, "egress": [{"hosts": ["./*"]}]}, entry)
    made, gone = given.changes
    assert made.late
    assert made.object.kind == "NetworkPolicy"
    spec = made.manifest["spec"]
    assert spec["podSelector"] == {"matchLabels": {"app": "web"}}
    assert spec["policyTypes"] == ["Egress"]
    assert {"to": [{"ipBlock": {"cidr": "192.0.2.0/28"}}], "ports": [{"port": 5432, "protocol": "TCP"}]} in spec[
        "egress"
    ]
    assert [
        rule["to"][0]["podSelector"]["matchLabels"] for rule in spec["egress"] if "podSelector" in rule["to"][0]
    ] == [{"app": "cart"}, {"app": "web"}]
    assert gone.manifest is None
    assert not given.losses


@pytest.mark.parametrize(
    "more",
    [
        [m.o.istio("ServiceEntry", "api", "shop", {"hosts": ["api.example.com"], "resolution": "DNS", "ports": []})],
        [m.o.istio("ServiceEntry", "api", "shop", {"hosts": ["*.example.com"], "ports": []})],
    ],
)
def test_hosts_that_are_known_by_name_cannot_be_said(more):
    given = scope(ONLY, *more)
    assert [change.manifest for change in given.changes] == [None]
    assert severities(given.losses) == [("security", "spec.outboundTrafficPolicy")]


def test_a_scope_that_only_saves_memory_just_goes():
    given = scope({"egress": [{"hosts": ["./*"]}]})
    assert [change.manifest for change in given.changes] == [None]
    assert not given.losses


def test_a_scope_that_somebody_reads_stays():
    assert not scope({"egress": [{"hosts": ["./*"]}]}, moving=("cart",)).changes


def test_listeners_are_lost():
    given = scope(
        {
            "ingress": [{"port": {"number": 80}, "defaultEndpoint": "unix:///a"}],
            "egress": [{"bind": "127.0.0.1", "hosts": ["./*"]}],
        }
    )
    assert severities(given.losses) == [("traffic", "spec.egress[0].bind"), ("traffic", "spec.ingress[0]")]


def test_the_meshs_own_mode_is_lost():
    config = mesh_config(outboundTrafficPolicy={"mode": "REGISTRY_ONLY"})
    given = one(sidecar_scope.RULE, context(index(*CART, config)), "ConfigMap", "istio")
    assert severities(given.losses) == [("security", "data.mesh.outboundTrafficPolicy.mode")]
    assert not one(sidecar_scope.RULE, context(index(*CART, mesh_config())), "ConfigMap", "istio").losses
