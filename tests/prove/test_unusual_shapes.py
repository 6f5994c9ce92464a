"""Meshes of unusual shape: whatever a plan and a conversion make of them is proved equal, or said.

Nothing opens unless a loss calls it security; on the way nothing opens at all. The exceptions are listed, each with
its reason.
"""

import pytest
from tests.semantics.differences.cases.scene import (
    bound,
    callers,
    entry,
    gateway,
    methods,
    pair,
    sidecars,
    to,
    tokens,
    vs,
)
from tests.support.migrations import TERMS, migrated, shown, town
from tests.support.proofs import visited
from tests.support.scenes import m, mesh_config, peers, pods, policy, principal, service

from sidestep.actions.memory import states
from sidestep.convert.rewrite import Severity
from sidestep.prove.partial import is_within, with_partial
from sidestep.prove.proof import Conclusion, Direction

WEB = callers("web")
GET, DELETE = methods("GET"), methods("DELETE")


def rule(source=None, operation=None, when=None):
    made = {"from": [{"source": source}]} if source else {}
    made |= {"to": [{"operation": operation}]} if operation else {}
    return made | ({"when": when} if when else {})


def stateful(name):
    """As a StatefulSet."""
    made = [each for each in pods(name, ip="10.1.0.7") if each["kind"] != "ReplicaSet"]
    for each in made:
        if each["kind"] == "Deployment":
            each["kind"] = "StatefulSet"
            each["spec"]["serviceName"] = name
        else:
            each["metadata"] |= {"ownerReferences": m.o.owner("StatefulSet", name), "name": f"{name}-0"}
    return made


def on_the_host(name):
    """On the network of its node."""
    made = pods(name, "none", ip="10.0.0.5")
    for each in made:
        spec = each["spec"] if each["kind"] == "Pod" else each["spec"].get("template", {}).get("spec", {})
        spec["hostNetwork"] = True
    return made


def external_name():
    found = service("api")
    found["spec"] = {"type": "ExternalName", "externalName": "api.example.com", "ports": [{"name": "http", "port": 80}]}
    return found


def without_selector():
    """A Service whose endpoints somebody else writes."""
    found = service("legacy")
    del found["spec"]["selector"]
    return found


def custom(*rules):
    return policy("checked", *rules, action="CUSTOM", provider={"name": "checks"}, app="cart")


def tried(made):
    made["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
    return made


def multi():
    ports = (
        {"name": "grpc-admin", "port": 81, "targetPort": "p9090"},
        {"name": "http-two", "port": 82, "targetPort": 8080},
    )
    return [*pods("multi", ports=(8080, 9090), ip="10.1.0.6"), service("multi", target="p8080", more_ports=ports)]


def pair_of(labels):
    """Two workloads behind one Service."""
    return [
        *pods("a", labels=labels, ip="10.1.0.3"),
        *pods("b", labels=labels, ip="10.1.0.4"),
        service("g", selector=labels),
    ]


VM = m.o.istio("ServiceEntry", "vm", "shop", {
    "hosts": ["vm.shop.internal"], "location": "MESH_INTERNAL", "resolution": "STATIC",
    "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8080}],
    "workloadSelector": {"labels": {"app": "cart"}},
})  # fmt: skip
PROVIDERS = mesh_config(
    extensionProviders=[
        {"name": "checks", "envoyExtAuthzHttp": {"service": "checks.shop.svc.cluster.local", "port": 80}}
    ]
)
ALIASES = mesh_config(trustDomain="new.example", trustDomainAliases=["old.example", "cluster.local"])
OLD_WEB = "old.example/ns/shop/sa/web"
JWT = tokens("jwt", app="cart")
ROLES = "request.auth.claims[realm][roles]"
WEB_POD, CART_POD = pods("web", ip="10.1.0.1"), pods("cart", ip="10.1.0.2")
SCENES = {
    "headless deny": sidecars(policy("d", DELETE, action="DENY", app="cart"), headless=True),
    "statefulset": [
        *stateful("db"),
        *WEB_POD,
        service("db", headless=True, protocol="tcp", port=5432, target=8080),
        policy("d", WEB, app="db"),
    ],
    "statefulset l7": [
        *stateful("db"),
        *WEB_POD,
        service("db", headless=True),
        service("db-read", selector={"app": "db"}),
        policy("d", GET, app="db"),
    ],
    "externalname": sidecars(external_name(), policy("d", DELETE, action="DENY", app="cart")),
    "serviceentry selector": sidecars(VM, policy("d", DELETE, action="DENY", app="cart")),
    "serviceentry selector l4": sidecars(VM, policy("d", WEB, app="cart")),
    "multi port named": [
        *WEB_POD,
        *multi(),
        policy(
            "p",
            rule(operation={"ports": ["8080"], "methods": ["GET"]}),
            rule(source={"principals": [principal("web")]}, operation={"ports": ["9090"]}),
            app="multi",
        ),
    ],
    "multi port deny notPorts": [
        *WEB_POD,
        *multi(),
        policy("p", rule(operation={"notPorts": ["8080"], "methods": ["DELETE"]}), action="DENY", app="multi"),
    ],
    "shared pods": sidecars(
        service("cart2", port=8000, selector={"app": "cart"}),
        service("everything", port=80, selector={"tier": "x"}),
        policy("p", GET, app="cart"),
    ),
    "two workloads one service": [
        *pair_of({"grp": "g"}),
        *WEB_POD,
        policy("p", GET, app="a"),
        policy("q", WEB, app="b"),
    ],
    "selectorless": sidecars(without_selector(), policy("d", DELETE, action="DENY", app="cart")),
    "selectorless alone": [*WEB_POD, *CART_POD, without_selector(), policy("d", DELETE, action="DENY", app="cart")],
    "serviceless l7": [*WEB_POD, *CART_POD, policy("d", GET, app="cart")],
    "serviceless l4": [*WEB_POD, *CART_POD, policy("d", WEB, app="cart")],
    "host network": sidecars(on_the_host("agent"), policy("d", WEB, app="cart"), peers("STRICT")),
    "pa port disable": sidecars(
        peers("STRICT"), peers("STRICT", "shop", name="cart", app="cart", ports={8080: "DISABLE"}), pods("ext", "none")
    ),
    "pa port permissive": sidecars(
        peers("STRICT"),
        peers("", "shop", name="cart", app="cart", ports={8080: "PERMISSIVE"}),
        pods("ext", "none"),
        policy("d", DELETE, action="DENY", app="cart"),
    ),
    "pa disable ns": sidecars(peers("DISABLE", "shop"), policy("d", WEB, app="cart")),
    "td aliases": sidecars(
        ALIASES,
        policy("w", rule(source={"principals": [OLD_WEB]}, operation={"methods": ["GET"]}), app="cart"),
        policy(
            "n", rule(source={"notPrincipals": [OLD_WEB]}, operation={"methods": ["DELETE"]}), action="DENY", app="cart"
        ),
    ),
    "custom+allow": sidecars(
        PROVIDERS,
        custom(rule(operation={"paths": ["/admin*"]})),
        policy("a", GET, app="cart"),
        pods("checks"),
        service("checks"),
    ),
    "custom that is tried only": sidecars(
        PROVIDERS, tried(custom(rule(operation={"paths": ["/admin*"]}))), pods("checks"), service("checks")
    ),
    "custom+deny l4": sidecars(
        PROVIDERS, custom(rule(source={"notNamespaces": ["shop"]})), policy("a", WEB, action="DENY", app="cart")
    ),
    "nested claims": sidecars(
        JWT,
        policy("c", rule(when=[{"key": ROLES, "values": ["admin", "ops*"]}]), app="cart"),
        policy(
            "n",
            rule(when=[{"key": ROLES, "notValues": ["admin"]}], operation={"methods": ["DELETE"]}),
            action="DENY",
            app="cart",
        ),
    ),
    "negations": sidecars(
        policy(
            "n",
            rule(
                source={"notPrincipals": [principal("web")], "notNamespaces": ["ops"]},
                operation={"notMethods": ["GET", "HEAD"], "notPaths": ["/public*", "*/x"], "notPorts": ["9090"]},
                when=[{"key": "request.headers[x-a]", "notValues": ["1"]}],
            ),
            action="DENY",
            app="cart",
        ),
        policy(
            "m",
            rule(source={"notIpBlocks": ["192.0.2.0/24"]}, operation={"notHosts": ["evil.example.com"]}),
            app="cart",
        ),
    ),
    "templates": sidecars(
        policy("t", rule(operation={"paths": ["/a/{*}/c", "/b/{**}"]}), app="cart"),
        policy("u", rule(operation={"notPaths": ["/a/{**}", "/b/{*}"]}), action="DENY", app="cart"),
    ),
    "ipv6": [
        *pods("web", ip="fd00::1"),
        *pods("cart", ip="fd00::2"),
        service("cart", vip="fd00:96::2"),
        policy("p", rule(source={"ipBlocks": ["fd00::/64"]}), app="cart"),
        policy("d", DELETE, action="DENY", app="cart"),
    ],
    "ipv6 l4": [
        *pods("web", ip="fd00::1"),
        *pods("cart", ip="fd00::2"),
        service("cart", vip="fd00:96::2"),
        policy("p", rule(source={"ipBlocks": ["fd00::1"]}), app="cart"),
    ],
    "remoteip": sidecars(policy("p", rule(source={"remoteIpBlocks": ["203.0.113.0/24"]}), app="cart")),
    "tcp service l7 rule": sidecars(
        policy("p", rule(operation={"methods": ["GET"], "ports": ["8080"]}), app="cart"),
        policy("d", DELETE, action="DENY", app="cart"),
        protocol="tcp",
    ),
    "undeclared": sidecars(policy("p", GET, app="cart"), protocol="db"),
    "sni": sidecars(
        policy("p", rule(when=[{"key": "connection.sni", "values": ["a.example"]}]), app="cart"),
        protocol="tls",
        port=443,
    ),
    "audit": sidecars(policy("a", GET, action="AUDIT", app="cart"), policy("p", GET, app="cart")),
    "mesh wide deny all + allow": sidecars(
        policy("none", space="istio-system"), policy("a", GET, app="cart"), policy("w", {}, app="web")
    ),
    "root selector l7": sidecars(policy("r", DELETE, action="DENY", space="istio-system", app="cart")),
    "dest ip": sidecars(
        policy(
            "p",
            rule(when=[{"key": "destination.ip", "values": ["10.1.0.2"]}], operation={"methods": ["GET"]}),
            app="cart",
        )
    ),
    "empty everything": sidecars(policy("p", {}, app="cart"), policy("q", action="DENY", app="cart")),
    "accounts": sidecars(
        policy(
            "p",
            rule(
                source={"serviceAccounts": ["shop/web", "desk"], "notServiceAccounts": ["shop/x"]},
                operation={"methods": ["GET"]},
            ),
            app="cart",
        )
    ),
    "egress entry+policy": sidecars(
        entry("pay", "pay.example.com"),
        policy("p", WEB, app="cart"),
        vs("pay", "pay.example.com", to("pay.example.com", timeout="3s")),
    ),
    "gateway+jwt": sidecars(gateway(), JWT, policy("j", rule(source={"requestPrincipals": ["*"]}), app="cart")),
}


SCENES |= {
    "half ambient": pair("sidecar", "ambient", policy("d", WEB, app="cart")),
    "account of the waypoint": [
        *pods("web", ip="10.1.0.1", account="waypoint"),
        *CART_POD,
        service("cart"),
        policy("p", DELETE, action="DENY", app="cart"),
    ],
    "account of the server": [
        *WEB_POD,
        *pods("cart", ip="10.1.0.2", account="web"),
        service("cart"),
        policy("p", {**WEB, **GET}, app="cart"),
    ],
    "alike namespaces": [
        *pods("web", space="a", ip="10.1.0.1"),
        *pods("web", space="ab", ip="10.1.0.8"),
        *CART_POD,
        service("cart"),
        policy("p", rule({"namespaces": ["a"]}, {"methods": ["GET"]}), app="cart"),
        policy("z", rule({"notNamespaces": ["a*"]}), action="DENY", app="cart"),
    ],
    "already behind a waypoint": bound(policy("d", DELETE, action="DENY", service="cart"), client="sidecar"),
    "rewritten path": sidecars(
        vs("cart", "cart", to("cart", match=[{"uri": {"prefix": "/v1/"}}], rewrite={"uri": "/"}), to("cart")),
        policy("p", rule(operation={"paths": ["/admin*"]}), action="DENY", app="cart"),
    ),
    "split over services": sidecars(
        *pods("next", ip="10.1.0.5"),
        service("next"),
        vs("cart", "cart", {"route": [{"destination": {"host": name}, "weight": 50} for name in ("cart", "next")]}),
        policy("p", DELETE, action="DENY", app="next"),
    ),
    "registry only of a namespace": sidecars(
        m.o.istio(
            "Sidecar",
            "default",
            "shop",
            {"egress": [{"hosts": ["./*"]}], "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}},
        )
    ),
}

STAYS_OPEN = {
    "pa disable ns": "who was nobody without mTLS has a name in ambient (D26)",
    "rewritten path": "a waypoint judges the path before its route rewrites it",
    "split over services": "a waypoint's route leads past the policies of the other Service (D54)",
}
OPENS_ON_THE_WAY = {
    "registry only of a namespace": "the NetworkPolicy for REGISTRY_ONLY comes once no sidecar needs istiod",
}
"""Beside those that stay open."""
UNDECIDED = {
    "selectorless": "nobody reads endpoints that are written by hand",
    "selectorless alone": "likewise",
    "negations": "addresses at a waypoint (D03)",
    "ipv6": "likewise",
}
ROUTED = {"egress entry+policy": "no waypoint for a route to an outside host, which is a loss"}


def opened(proof):
    return [each for each in shown(proof) if each.direction is Direction.OPEN]


@pytest.mark.parametrize("name", SCENES)
def test_what_comes_out_is_equal_or_said(name):
    found = migrated(town(*SCENES[name]))
    proof = found.proof()
    assert not [each for each in proof.undecided if "internal error" in each.reason]
    assert bool(proof.undecided) is (name in UNDECIDED)
    assert bool(opened(proof)) is (name in STAYS_OPEN)
    assert name not in STAYS_OPEN or Severity.SECURITY in found.severities
    if proof.verdict is Conclusion.DIFFERS and name not in STAYS_OPEN:
        assert name in ROUTED
        assert found.severities & {Severity.TRAFFIC, Severity.SECURITY}


@pytest.mark.parametrize("name", SCENES)
def test_nothing_opens_on_the_way(name):
    today = town(*SCENES[name])
    plan = migrated(today).plan
    on_the_way = ((step.id, mesh) for step, mesh in states(plan, today.mesh))
    proof = visited(today, with_partial(today.mesh, on_the_way), TERMS)
    assert bool(opened(proof)) is (name in STAYS_OPEN or name in OPENS_ON_THE_WAY)


def test_most_of_them_move():
    """Equal because nobody moves would be easy."""
    moved = [name for name, scene in SCENES.items() if not migrated(town(*scene)).staying]
    assert len(moved) >= len(SCENES) * 3 / 4


def test_a_second_pod_that_comes_up_shifts_no_shares():
    today = town(*SCENES["two workloads one service"])
    on_the_way = list(
        with_partial(today.mesh, ((step.id, mesh) for step, mesh in states(migrated(today).plan, today.mesh)))
    )
    assert any(is_within(state) for state, _ in on_the_way)
    found = visited(today, on_the_way, TERMS).counterexamples
    assert not [each for each in found if each.direction in (Direction.OPEN, Direction.ROUTE)]
