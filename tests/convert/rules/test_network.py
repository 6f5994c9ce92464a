"""NetworkPolicies and Sidecars."""

import pytest
from msgspec.structs import replace
from tests.support.conversions import after, apply, context, convert, flat, manifests, one, severities
from tests.support.scenes import ask, index, m, mesh_config, peers, pods, policy, principal, service

from sidestep.convert.network.peers import waypoint_peer, waypoints_outward
from sidestep.convert.rewrite import Rewritten, Waypoint
from sidestep.convert.rules import network_policy, sidecar_scope
from sidestep.prove.prover import Leave, Terms, prove
from sidestep.report.conversion.verdict import opened
from sidestep.semantics.decisions import Verdict

HBONE = {"port": 15008, "protocol": "TCP"}
PROBES = {"from": [{"ipBlock": {"cidr": each}} for each in ("169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128")]}  # fmt: skip
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


def rules_of(given, name):
    return manifests(given)[name]["spec"]["rules"]


def others_than(*names, ports=(), rest=()):
    """A DENY rule for everybody but some."""
    source = {"notPrincipals": sorted(principal(each) for each in names)}
    operation = {"ports": list(ports)} if ports else {"notPorts": list(rest)} if rest else None
    return {"from": [{"source": source}], **({"to": [{"operation": operation}]} if operation else {})}


def test_a_waypoint_is_let_in_and_asks_who_may_come():
    given = rewrite({"ingress": [{"from": [WEB]}]}, behind=("cart",))
    assert manifests(given)["doors"]["spec"]["ingress"] == [
        {"from": [WEB]},
        {"from": [WAYPOINT], "ports": [HBONE]},
        PROBES,
    ]
    assert rules_of(given, "cart-doors-ports") == [others_than("web")]
    assert manifests(given)["cart-doors-ports"]["spec"]["targetRefs"] == [
        {"group": "", "kind": "Service", "name": "cart"}
    ]
    assert "doors-ports" not in manifests(given)
    assert severities(given.losses) == [("traffic", "spec.ingress")]


OTHER_PORTS = [{"from": [WEB], "ports": [{"port": 8080}]}, {"from": [{"podSelector": {}}], "ports": [{"port": 9090}]}]


def test_other_ports_for_other_peers():
    given = rewrite({"ingress": OTHER_PORTS})
    everybody = {"from": [{"source": {"notNamespaces": ["shop"]}}]}
    assert rules_of(given, "doors-ports") == [
        others_than("web", ports=["8080"]),
        {**everybody, "to": [{"operation": {"ports": ["9090"]}}]},
        {"to": [{"operation": {"notPorts": ["8080", "9090"]}}]},
    ]
    assert severities(given.losses) == [("traffic", "spec.ingress")]


def test_other_ports_for_other_peers_behind_a_waypoint():
    """The waypoint passes at the pods, and asks for each port of the Service itself."""
    given = rewrite({"ingress": OTHER_PORTS}, behind=("cart",))
    assert rules_of(given, "doors-ports")[0] == others_than("web", "waypoint", ports=["8080"])
    assert rules_of(given, "cart-doors-ports") == [others_than("web", ports=["80"])]


def test_one_policy_without_ports_beside_one_with():
    given = rewrite({"ingress": [{"from": [WEB], "ports": [{"port": 8080}]}, {"from": [{"podSelector": {}}]}]})
    rest = {"from": [{"source": {"notNamespaces": ["shop"]}}], "to": [{"operation": {"notPorts": ["8080"]}}]}
    assert rules_of(given, "doors-ports") == [rest]


def test_ranges_are_written_out():
    given = rewrite({"ingress": [{"ports": [{"port": 8080, "endPort": 8082}]}]})
    assert rules_of(given, "doors-ports") == [{"to": [{"operation": {"notPorts": ["8080", "8081", "8082"]}}]}]


GAPS = (("10.0.0.0/8", "10.1.0.0/16"), ("10.0.0.0/12", "10.2.0.0/16"))


@pytest.mark.parametrize(
    "rules",
    [
        [{"ports": [{"port": 10000, "endPort": 45000}]}],
        [{"from": [{"podSelector": {"matchLabels": {"app": "unknown"}}}], "ports": [{"port": 8080}]}, {"ports": [{"port": 9090}]}],
        [{"from": [{"podSelector": {"matchLabels": {"app": "twin"}}}], "ports": [{"port": 8080}]}, {"ports": [{"port": 9090}]}],
        [{"from": [{"ipBlock": {"cidr": cidr, "except": [gap]}} for cidr, gap in GAPS], "ports": [{"port": 8080}]}, {"ports": [{"port": 9090}]}],
    ],
)  # fmt: skip
def test_ports_that_cannot_be_held_are_said(rules):
    """Of clients that are unknown, of the same account as others, or in blocks with gaps that overlap."""
    given = rewrite({"ingress": rules}, *pods("twin", account="web"))
    assert "doors-ports" not in manifests(given)
    assert severities(given.losses) == [("security", "spec.ingress")]


@pytest.mark.parametrize("port", [{"port": 1, "endPort": 65535}, {"protocol": "TCP"}, {}])
def test_all_ports_by_another_name_are_held_from_nobody(port):
    given = rewrite({"ingress": [{"from": [WEB], "ports": [{"port": 8080}, port]}]})
    assert set(manifests(given)) == {"doors"}
    assert not given.losses


def test_a_name_that_no_pod_has_lets_nobody_in():
    anybody = {"from": [{"podSelector": {}}], "ports": [{"port": "nobody-has-it"}]}
    given = rewrite({"ingress": [{"from": [WEB], "ports": [{"port": 8080}]}, anybody]})
    assert rules_of(given, "doors-ports") == [others_than("web", ports=["8080"]), {"to": [{"operation": {"notPorts": ["8080"]}}]}]  # fmt: skip
    given = rewrite({"ingress": [anybody]})
    assert rules_of(given, "doors-ports") == [{}]
    assert not given.losses


@pytest.mark.parametrize("peer", [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"podSelector": {"matchLabels": {"app": "x"}}}])
def test_peers_that_a_waypoint_cannot_ask_for_are_said(peer):
    given = rewrite({"ingress": [{"from": [peer]}]}, behind=("cart",))
    assert "cart-doors-ports" not in manifests(given)
    assert severities(given.losses) == [("security", "spec.ingress")]


def test_ports_of_several_policies_for_the_same_pods_add_up():
    more = doors({"ingress": [{"ports": [{"port": 9090}]}]}, name="more")
    given = rewrite({"ingress": [{"ports": [{"port": 8080}]}]}, more, doors({"policyTypes": ["Ingress"]}, "", "none"))
    assert rules_of(given, "doors-ports") == [{"to": [{"operation": {"notPorts": ["8080", "9090"]}}]}]
    assert not given.losses


def test_a_policy_for_some_of_the_pods_of_another_is_said():
    more = doors({"ingress": [{"ports": [{"port": 9090}]}]}, "web", name="more")
    given = rewrite({"ingress": [{"ports": [{"port": 8080}]}]}, more, app="")
    assert "doors-ports" not in manifests(given)
    assert severities(given.losses) == [("security", "spec.podSelector")]


def test_a_waypoint_that_is_selected_too_is_let_work():
    given = rewrite({"policyTypes": ["Ingress", "Egress"]}, behind=("cart",), app="")
    assert manifests(given)["waypoint-hbone"]["spec"] == {
        "podSelector": WAYPOINT["podSelector"], "policyTypes": ["Ingress", "Egress"], "ingress": [{"ports": [HBONE]}], "egress": [{}],
    }  # fmt: skip
    assert "waypoint-hbone" not in manifests(rewrite({"policyTypes": ["Ingress"]}, behind=("cart",)))


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


FRONT = [*pods("front", space="front"), *CART]


def leaving(peer, *objects, behind=("cart",), app="front", ports=({"port": 8080},), **how):
    """Egress rules after the rewrite of a policy in `front` that lets its pods out to one peer."""
    rules = [{"to": [peer], "ports": list(ports)}]
    policy = m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("out", "front"))
    policy["spec"] = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Egress"], "egress": rules}
    found = context(index(*FRONT, policy, *objects), *behind, **how)
    given = one(network_policy.RULE, found, "NetworkPolicy", "out")
    return manifests(given)["out"]["spec"]["egress"][len(rules):] if given.changes else []  # fmt: skip


CARTS_ADDRESS = "10.1.{}.1".format(sum(map(ord, "cartshop")) % 250)


@pytest.mark.parametrize(
    ("block", "reached"),
    [
        ({"cidr": "10.1.0.0/16"}, True),
        ({"cidr": "10.1.0.0/16", "except": [f"{CARTS_ADDRESS}/32"]}, False),
        ({"cidr": "10.2.0.0/16"}, False),
        ({"cidr": "no block"}, False),
        ("no block", False),
    ],
)
def test_who_is_named_by_address_is_behind_a_waypoint_too(block, reached):
    peer = {"ipBlock": block}
    hbone = {"to": [peer], "ports": [HBONE]}
    assert leaving(peer) == [hbone, *([{"to": [WAYPOINT], "ports": [HBONE]}] if reached else [])]


PINNED = {"resolution": "STATIC", "endpoints": [{"address": "192.0.2.7"}]}


@pytest.mark.parametrize(
    ("spec", "block", "reached"),
    [
        (PINNED, "192.0.2.0/24", True),
        (PINNED, "198.51.100.0/24", False),
        ({"resolution": "DNS"}, "0.0.0.0/0", True),
        ({"resolution": "DNS"}, "192.0.2.0/24", False),
    ],
)
def test_hosts_outside_are_reached_by_an_egress_waypoint(spec, block, reached):
    ports = [{"number": 443, "name": "tls", "protocol": "TLS"}]
    entry = m.o.istio("ServiceEntry", "api", "shop", {"hosts": ["api.example.com"], "ports": ports, **spec})
    found = context(index(*FRONT, entry))
    given = waypoints_outward(replace(found, waypoints={"api.example.com": Waypoint("shop", "waypoint")}), [
        {"ipBlock": {"cidr": block, "except": ["10.0.0.0/8"]} if block == "0.0.0.0/0" else {"cidr": block}}
    ])  # fmt: skip
    assert given == ((Waypoint("shop", "waypoint"),) if reached else ())


CARTS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}


def test_gateways_and_sidecars_that_stay_send_hbone_too():
    """A gateway may be told to ask waypoints; a sidecar never does."""
    gateway = pods("edge", "gateway", "front")
    to = [{"to": [CARTS], "ports": [HBONE]}, {"to": [WAYPOINT], "ports": [HBONE]}]
    assert leaving(CARTS, *gateway, app="edge") == to
    assert leaving(CARTS, moving=("cart",)) == to[:1]
    assert leaving(CARTS, *pods("plain", "old", "front"), app="plain", moving=("cart",)) == []
    assert leaving(CARTS, *gateway, app="edge", moving=()) == []


def test_sidecars_that_stay_take_hbone_from_who_moves():
    rule = {"from": [WEB], "ports": [{"port": 8080, "protocol": "TCP"}]}
    given = rewrite({"ingress": [rule]}, moving=("web",))
    made = manifests(given)
    assert made["doors"]["spec"]["ingress"] == [rule, {"from": [WEB], "ports": [HBONE]}]
    assert rules_of(given, "doors-ports") == [{"to": [{"operation": {"notPorts": ["8080"]}}]}]


def test_a_waypoint_works_where_a_policy_selects_nobody_else_who_moves():
    policy = m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("deny", "infra"))
    policy["spec"] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    found = context(index(*CART, policy, m.o.namespace("infra")))
    found = replace(found, waypoints={"cart.shop.svc.cluster.local": Waypoint("infra", "common")})
    given = one(network_policy.RULE, found, "NetworkPolicy", "deny")
    assert list(manifests(given)) == ["common-hbone"]
    assert not given.losses


@pytest.mark.parametrize("sender", ["edge", "web"])
def test_who_stays_reaches_whoever_moved(sender):
    out = doors({"policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}], "ports": [{"port": 8080}]}]}, sender, "out")  # fmt: skip

    def mesh(mode):
        return [*pods("cart", mode), *pods("web"), *pods("edge", "gateway"), service("cart"), out]

    found = context(index(*mesh("sidecar")), moving=("cart",))
    changed = apply(flat(mesh("ambient")), [c for c in convert(found).changes if c.object.kind == "NetworkPolicy"])
    who = "gateway:shop/edge" if sender == "edge" else sender
    assert [ask(index(*each), who, "cart.shop").verdict for each in (mesh("sidecar"), changed)] == [Verdict.ALLOW] * 2
    assert ask(index(*mesh("ambient")), who, "cart.shop").verdict is Verdict.UNREACHABLE


NAMES = {"ports": [{"port": 53, "protocol": "UDP"}]}
CALLED = {"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}], "ports": [{"port": 8080}]}


def test_datagrams_open_no_door_to_waypoints():
    """A rule for names that names nobody is not one by which everybody's waypoints may be called."""
    given = rewrite({"policyTypes": ["Ingress"], "ingress": [NAMES]}, behind=("cart",))
    assert manifests(given)["doors"]["spec"]["ingress"] == [NAMES, PROBES]
    out = {"policyTypes": ["Egress"], "egress": [NAMES]}
    assert not rewrite(out, app="web", behind=("cart",)).changes


def test_datagrams_hide_no_loss_of_what_else_is_let_out():
    given = rewrite({"policyTypes": ["Egress"], "egress": [NAMES, CALLED]}, app="web", behind=("cart",))
    assert manifests(given)["doors"]["spec"]["egress"][2:] == [
        {"to": CALLED["to"], "ports": [HBONE]},
        {"to": [WAYPOINT], "ports": [HBONE]},
    ]
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


@pytest.mark.parametrize("more", [[], [{"from": [{"podSelector": {}}], "ports": [{"port": "nobody-has-it"}]}]])
@pytest.mark.parametrize("client", ["web", "outside"])
@pytest.mark.parametrize("port", [8080, 9090])
def test_whoever_was_kept_out_is_kept_out(client, port, more):
    config = [doors({"ingress": [{"from": [WEB], "ports": [{"port": 8080}]}, *more]})]

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
    early, made, gone = given.changes
    assert (early.late, made.late) == (False, True)
    assert made.object == early.object
    assert made.object.kind == "NetworkPolicy"
    spec = made.manifest["spec"]
    assert spec["podSelector"] == {"matchLabels": {"app": "web"}}
    moved = {"app": "web", "istio.io/dataplane-mode": "ambient"}
    assert early.manifest["spec"] == {**spec, "podSelector": {"matchLabels": moved}}
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


FAR = [*pods("stock", space="depot"), service("stock", "depot")]
NAMED = m.o.istio("ServiceEntry", "api", "shop", {"hosts": ["api.example.com"], "resolution": "DNS", "ports": []})
OUT = Waypoint("egress", "waypoint")


def through(spec, *more, waypoints, **how):
    """The rewrite of a Sidecar where hosts are behind waypoints."""
    found = context(index(*CART, m.o.istio("Sidecar", "scope", "shop", spec), *more))
    return one(sidecar_scope.RULE, replace(found, waypoints=waypoints, **how), "Sidecar", "scope")


def test_hosts_that_are_known_by_name_are_reached_by_their_egress_waypoint():
    given = through({**ONLY, "egress": [{"hosts": ["./*"]}]}, NAMED, waypoints={"api.example.com": OUT})
    assert {"to": [waypoint_peer(OUT)], "ports": [HBONE]} in given.changes[0].manifest["spec"]["egress"]
    assert not given.losses


def test_what_else_is_behind_that_waypoint_is_told():
    other = m.o.istio("ServiceEntry", "bank", "far", {"hosts": ["bank.example.com"], "resolution": "DNS", "ports": []})
    both = {"api.example.com": OUT, "bank.example.com": OUT}
    given = through({**ONLY, "egress": [{"hosts": ["./*"]}]}, NAMED, other, waypoints=both)
    assert severities(given.losses) == [("security", "spec.outboundTrafficPolicy")]
    assert "bank.example.com" in given.losses[0].did


def test_a_scope_that_only_saves_memory_just_goes():
    given = scope({"egress": [{"hosts": ["./*"]}]})
    assert [change.manifest for change in given.changes] == [None]
    assert not given.losses


def restricted(spec, *more):
    return through(spec, *more, waypoints={}, restrict_egress=True)


def test_a_scope_is_held_by_a_network_policy_where_that_is_asked_for():
    given = restricted({"egress": [{"hosts": ["./*"]}]}, *FAR)
    _, made, gone = given.changes
    assert made.late
    assert made.manifest["spec"]["podSelector"] == {}
    spaces = [rule["to"][0]["namespaceSelector"]["matchLabels"] for rule in made.manifest["spec"]["egress"]]
    assert {each["kubernetes.io/metadata.name"] for each in spaces} == {"kube-system", "shop"}
    assert gone.manifest is None
    guarded = (*FAR, policy("web", {}, space="depot", app="stock"))
    assert not restricted({"egress": [{"hosts": ["./*"]}]}, *guarded).losses, "who cannot call comes with no name"
    assert scope({"egress": [{"hosts": ["./*"]}]}, *guarded).losses


def test_a_scope_of_very_many_services_is_not_held():
    many = [service(f"s{number}") for number in range(501)]
    given = restricted({"egress": [{"hosts": ["./*"]}]}, *many)
    assert "rules" in given.losses[0].why
    assert [change.manifest for change in given.changes] == [None]


@pytest.mark.parametrize("spec", [{}, {"egress": [{"hosts": ["*/*"]}]}])
def test_a_scope_of_everything_restricts_nobody(spec):
    assert [change.manifest for change in restricted(spec).changes] == [None]


def test_a_scope_with_names_of_hosts_is_not_held_and_that_is_told():
    given = restricted({"egress": [{"hosts": ["./*"]}]}, NAMED)
    assert [change.manifest for change in given.changes] == [None]
    assert severities(given.losses) == [("cosmetic", "spec.egress")]
    assert "istio.io/use-waypoint" in given.losses[0].instead


def test_the_root_namespaces_scope_is_held_in_each_namespace_that_has_none_of_its_own():
    roots = m.o.istio("Sidecar", "scope", "istio-system", {"egress": [{"hosts": ["./*"]}]})
    own = m.o.istio("Sidecar", "own", "depot", {"egress": [{"hosts": ["*/*"]}]})
    found = replace(context(index(*CART, *FAR, roots, own)), restrict_egress=True)
    given = one(sidecar_scope.RULE, found, "Sidecar", "scope")
    assert [change.object.namespace for change in given.changes if change.manifest] == ["shop"] * 2


@pytest.mark.parametrize("client", ["web", "cart"])
def test_whoever_a_scope_did_not_know_is_out_of_reach(client):
    """Sidecars let out to them by plaintext: only who asks for it is restricted."""
    narrow = m.o.istio("Sidecar", "scope", "shop", {"egress": [{"hosts": ["./*"]}]})
    here = [m.o.namespace("shop"), m.o.namespace("depot"), narrow]

    def mesh(mode):
        both = [*pods("cart", mode), *pods("web", mode), *pods("stock", mode, space="depot")]
        return [*both, service("cart"), service("web"), service("stock", "depot"), *here]

    found = replace(context(index(*mesh("sidecar"))), restrict_egress=True)
    changes = [each for each in convert(found).changes if each.object.kind != "Namespace"]
    changed = index(*apply(flat(mesh("ambient")), changes))
    other = "cart" if client == "web" else "web"
    assert ask(index(*mesh("sidecar")), client, "stock.depot").verdict is Verdict.ALLOW
    assert ask(changed, client, "stock.depot").verdict is Verdict.UNREACHABLE
    assert ask(changed, client, f"{other}.shop").verdict is Verdict.ALLOW


NARROW = {"egress": [{"hosts": ["./*"]}, {"port": {"number": 9, "name": "x", "protocol": "TCP"}, "hosts": ["far/*"]}]}


@pytest.mark.parametrize(
    "guard", [policy("web", {}, space="depot", app="stock"), peers("STRICT"), peers("STRICT", "depot", ports={8080: "STRICT"}, app="stock")]
)  # fmt: skip
def test_who_was_not_known_and_asks_who_calls_is_told(guard):
    given = scope(NARROW, *FAR, guard)
    assert severities(given.losses) == [("security", "spec.egress")]
    assert "stock.depot" in given.losses[0].did
    assert "cart.shop" not in given.losses[0].did
    assert not scope({"egress": [{"hosts": ["./*", "depot/stock.depot.svc.cluster.local"]}]}, *FAR, guard).losses


def test_who_was_not_known_and_asks_nobody_is_not_told():
    assert not scope(NARROW, *FAR).losses
    hidden = [*pods("stock", space="depot"), service("stock", "depot")]
    hidden[-1]["metadata"]["annotations"] = {"networking.istio.io/exportTo": "."}
    assert not scope(NARROW, *hidden, policy("web", {}, space="depot", app="stock")).losses


@pytest.mark.parametrize(
    ("hosts", "told"), [(["./*"], True), (["./*", "routes/*"], False), (["./*", "routes/cart.shop.svc.cluster.local"], False), (["*/*"], False)]
)  # fmt: skip
def test_routes_that_were_not_heard_speak_at_the_waypoint(hosts, told):
    spec = {"hosts": ["cart.shop.svc.cluster.local"], "http": [{"route": [{"destination": {"host": "web.shop.svc.cluster.local"}}]}]}  # fmt: skip
    routes = m.o.istio("VirtualService", "cart", "routes", spec)
    found = context(index(*CART, m.o.istio("Sidecar", "scope", "shop", {"egress": [{"hosts": hosts}]}), routes), "cart")
    given = one(sidecar_scope.RULE, found, "Sidecar", "scope")
    assert severities(given.losses) == ([("traffic", "spec.egress")] if told else [])
    assert all("VirtualService routes/cart" in each.did for each in given.losses)


def test_a_scope_that_speaks_to_nobody_keeps_nothing_from_anybody():
    """An older Sidecar speaks in its place."""
    old = m.o.istio("Sidecar", "aged", "shop", {"egress": [{"hosts": ["*/*"]}]})
    assert not scope(NARROW, *FAR, policy("web", {}, space="depot", app="stock"), old).losses


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


CLOSED_MESH = mesh_config(outboundTrafficPolicy={"mode": "REGISTRY_ONLY"})
API_SERVER = [
    m.o.thing(
        "v1", "Service", m.o.meta("kubernetes", "default"),
        spec={"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
    ),
    m.o.thing(
        "discovery.k8s.io/v1", "EndpointSlice",
        {**m.o.meta("kubernetes", "default"), "labels": {"kubernetes.io/service-name": "kubernetes"}},
        addressType="IPv4", endpoints=[{"addresses": ["172.18.0.2"]}], ports=[{"name": "https", "port": 6443}],
    ),
]  # fmt: skip


def of_mesh(*objects, **how):
    return one(sidecar_scope.RULE, context(index(*objects), **how), "ConfigMap", "istio")


def test_the_meshs_own_mode_is_lost_where_nobody_read_the_address_of_the_api_server():
    given = of_mesh(*CART, CLOSED_MESH)
    assert severities(given.losses) == [("security", "data.mesh.outboundTrafficPolicy.mode")]
    assert "kubernetes.default.svc.cluster.local" in given.losses[0].why
    assert "kubectl get service" in given.losses[0].instead
    assert not given.changes
    assert of_mesh(*CART, mesh_config()) == Rewritten()


def test_the_meshs_own_mode_is_held_by_a_network_policy_in_each_namespace():
    given = of_mesh(*CART, *FAR, *API_SERVER, CLOSED_MESH)
    assert not given.losses
    assert [(each.object.namespace, each.object.name, each.late) for each in given.changes] == [
        ("depot", "istio-egress", False),
        ("depot", "istio-egress", True),
        ("shop", "istio-egress", False),
        ("shop", "istio-egress", True),
    ]
    rules = given.changes[-1].manifest["spec"]["egress"]
    ports = [{"port": 6443, "protocol": "TCP"}]
    assert {"to": [{"ipBlock": {"cidr": "172.18.0.2/32"}}], "ports": ports} in rules
    assert all("10.96.0.1" not in str(rule) for rule in rules)


def test_the_meshs_own_mode_is_not_held_where_a_sidecar_says_otherwise_to_some_of_the_same_namespace():
    own = m.o.istio("Sidecar", "own", "shop", {"workloadSelector": {"labels": {"app": "web"}}})
    given = of_mesh(*CART, *FAR, *API_SERVER, CLOSED_MESH, own)
    assert {each.object.namespace for each in given.changes} == {"depot"}
    assert ["shop/web" in each.why for each in given.losses] == [True]


def test_who_is_no_service_is_out_of_reach_in_a_mesh_of_that_mode():
    def mesh(mode):
        spaces = [m.o.labelled_namespace(each, {"istio-injection": "enabled"}) for each in ("shop", "depot")]
        return [*spaces, *pods("web", mode), *pods("cart", mode), service("cart"), *pods("stock", mode, space="depot")]

    config = [CLOSED_MESH, *API_SERVER]
    today = index(*mesh("sidecar"), *config)
    found = context(today)
    then = after(mesh, config, found, convert(found).changes)
    flipped = index(*mesh("ambient"), *config)
    assert [ask(each, "web", "cart.shop").verdict for each in (today, flipped, then)] == [Verdict.ALLOW] * 3
    assert [ask(each, "web", "nobody.example.com").verdict for each in (today, flipped, then)] == [
        Verdict.DENY,
        Verdict.ALLOW,
        Verdict.UNREACHABLE,
    ]


@pytest.mark.parametrize(("policy", "mode"), [({}, "ALLOW_ANY"), ({"mode": "REGISTRY_ONLY"}, "ALLOW_ANY")])
def test_a_policy_without_a_mode_closes_whatever_the_mesh_says(policy, mode):
    config = mesh_config(outboundTrafficPolicy={"mode": mode})
    given = scope({"outboundTrafficPolicy": policy, "egress": [{"hosts": ["./*"]}]}, config)
    assert [change.object.kind for change in given.changes if change.manifest] == ["NetworkPolicy"] * 2


def test_nobody_who_moves_is_let_out_before_all_have_moved():
    """While some still have sidecars, only what stands early holds those that have none."""
    closed = {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}, "egress": [{"hosts": ["./*"]}]}
    config = [m.o.istio("Sidecar", "scope", "shop", closed)]
    label = {"istio.io/dataplane-mode": "ambient"}

    def mesh(mode, other):
        moved = pods("web", mode, labels=label if mode == "ambient" else {})
        return [*moved, *pods("cart", other), service("cart"), m.o.namespace("shop")]

    found = context(index(*mesh("sidecar", "sidecar"), *config))
    early = [each for each in convert(found).changes if not each.late and each.object.kind == "NetworkPolicy"]
    for mode in ("sidecar", "ambient"):
        halfway = index(*apply(flat([*mesh(mode, "sidecar"), *config]), early))
        assert ask(halfway, "web", "cart.shop").verdict is Verdict.ALLOW
        assert ask(halfway, "web", "nobody.example.com").verdict is not Verdict.ALLOW


@pytest.mark.parametrize("asked", [True, False])
def test_who_kept_himself_from_guarded_pods_is_kept_from_them_where_that_is_asked_for(asked):
    """A sidecar that does not know a Service sends plaintext, which STRICT refuses; ztunnel comes with a certificate."""
    narrow = m.o.istio("Sidecar", "scope", "shop", {"egress": [{"hosts": ["./*"]}]})
    reads = policy("reads", {"to": [{"operation": {"methods": ["GET"]}}]}, space="depot", app="stock")

    def mesh(mode):
        spaces = [m.o.labelled_namespace(each, {"istio-injection": "enabled"}) for each in ("shop", "depot")]
        return [*spaces, *pods("web", mode), *pods("stock", mode, space="depot"), service("stock", "depot")]

    config = [narrow, reads, peers("STRICT", "depot")]
    today = index(*mesh("sidecar"), *config)
    found = replace(context(today, "depot/stock"), restrict_egress=asked)
    then = after(mesh, config, found, convert(found).changes)
    assert opened(prove(today, then, Terms(Leave.SHAPE | Leave.CLOSED))) is not asked
