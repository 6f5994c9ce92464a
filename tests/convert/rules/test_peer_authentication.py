"""mTLS modes: ztunnel refuses plaintext where sidecars did, by istiod's own conversion."""

from itertools import product

import pytest
from tests.support.conversions import after, apply, context, convert, flat, manifests, one, severities
from tests.support.scenes import Tcp, ask, index, m, peers, pods, service

from sidestep.convert.rules.peer_authentication import RULE as REWRITE
from sidestep.semantics.decisions import Verdict

MODES = ("", "STRICT", "PERMISSIVE", "DISABLE")


def build(mode):
    return [
        *pods("cart", mode, ports=(8080, 9090)),
        *pods("web", mode),
        service("cart", protocol="tcp", more_ports=({"name": "tcp-b", "port": 90, "targetPort": 9090},)),
    ]


def pod_admits(mesh, port):
    address = next(
        a for ref, group in mesh.workloads.items() if ref.name == "cart" for each in group for a in each.addresses
    )
    return ask(mesh, "outside", address, Tcp(), port=port).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("whole", "space", "own"), list(product(("", "STRICT", "PERMISSIVE"), ("none", *MODES), ("none", *MODES)))
)
@pytest.mark.parametrize(
    "ports",
    [
        None,
        {8080: "STRICT"},
        {8080: "PERMISSIVE"},
        {8080: "DISABLE"},
        {8080: "STRICT", 9090: "PERMISSIVE"},
        {8080: "", 9090: "DISABLE"},
    ],
)
def test_plaintext_is_refused_on_the_same_ports(whole, space, own, ports):
    ports = None if own == "none" else ports
    config = [peers(whole)]
    config += [] if space == "none" else [peers(space, "shop", name="space")]
    config += [] if own == "none" else [peers(own, "shop", name="cart", app="cart", ports=ports)]
    today = index(*build("sidecar"), *config)
    found = context(today)
    given = convert(found, [REWRITE])
    staged = index(*apply([*flat(build("sidecar")), *config], given.changes, late=False))
    then = after(build, config, found, given.changes)
    halfway = after(build, config, found, [each for each in given.changes if not each.late])
    for port in (8080, 9090, 7070):
        wanted = pod_admits(today, port)
        assert [pod_admits(each, port) for each in (staged, halfway, then)] == [wanted] * 3, port
    assert not [loss for loss in given.losses if loss.severity.value != "cosmetic"]
    assert not convert(context(then), [REWRITE]).changes


def rewrite(*objects, name="cart", **how):
    return one(REWRITE, context(index(*build("sidecar"), *objects), **how), "PeerAuthentication", name)


@pytest.mark.parametrize(
    "found",
    [
        peers("STRICT", "shop", name="cart"),
        peers("STRICT", "shop", name="cart", app="cart", ports={8080: "PERMISSIVE"}),
        peers("STRICT", "istio-system", name="cart", app="cart"),
    ],
)
def test_what_ztunnel_reads_alike_stays(found):
    given = rewrite(found)
    assert not given.changes
    assert not given.losses


def test_an_inherited_mode_is_written_out():
    given = rewrite(peers("STRICT"), peers("", "shop", name="cart", app="cart", ports={8080: "DISABLE"}))
    early, late = (change.manifest["spec"] for change in given.changes)
    assert early["mtls"] == {"mode": "STRICT"}
    assert early["portLevelMtls"] == {"8080": {"mode": "DISABLE"}}
    assert late["portLevelMtls"] == {"8080": {"mode": "PERMISSIVE"}}
    assert severities(given.losses) == [("cosmetic", "spec.portLevelMtls.8080.mode")]


def test_a_strict_port_that_istiod_forgets_is_guarded():
    given = rewrite(peers("STRICT"), peers("PERMISSIVE", "shop", name="cart", app="cart", ports={8080: "STRICT"}))
    assert manifests(given)["cart-strict-ports"]["spec"]["rules"] == [
        {"from": [{"source": {"notPrincipals": ["*"]}}], "to": [{"operation": {"ports": ["8080"]}}]}
    ]


def test_who_keeps_a_sidecar_goes_on_reading_disable():
    given = rewrite(peers("DISABLE", "shop", name="cart"), moving=("cart",))
    assert not given.changes
    assert severities(given.losses) == [("cosmetic", "spec.mtls.mode")]


def test_an_empty_selector_is_none():
    found = m.o.istio("PeerAuthentication", "cart", "shop", {"selector": {}, "mtls": {"mode": "STRICT"}})
    assert manifests(rewrite(found))["cart"]["spec"] == {"mtls": {"mode": "STRICT"}}


def test_a_malformed_one_is_said():
    given = rewrite(m.o.istio("PeerAuthentication", "cart", "shop", {"mtls": {"mode": "LOOSE"}}))
    assert not given.changes
    assert severities(given.losses) == [("security", "spec")]
