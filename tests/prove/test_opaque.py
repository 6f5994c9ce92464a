"""Filters, modules and own listeners: what nobody can look into is the same in both meshes, or nothing is decided."""

import pytest
from tests.semantics.differences.cases.scene import ambient, bound, sidecars, waypoint
from tests.support.migrations import migrated, town
from tests.support.scenes import index, m, pods, policy, service

from sidestep.prove.proof import Conclusion
from sidestep.prove.prover import prove


def envoy_filter(context="SIDECAR_INBOUND", app="cart", value="lua", **where):
    patch = {
        "applyTo": "HTTP_FILTER",
        "match": {"context": context},
        "patch": {"operation": "INSERT_BEFORE", "value": {"name": value}},
    }
    chosen = {"workloadSelector": {"labels": {"app": app}}} if app else {}
    return m.o.istio("EnvoyFilter", "limit", "shop", {**chosen, "configPatches": [patch], **where})


def plugin(app="cart", service="", **more):
    where = (
        {"targetRefs": [{"kind": "Service", "group": "", "name": service}]}
        if service
        else {"selector": {"matchLabels": {"app": app}}}
    )
    spec = {"url": "oci://registry.example.com/auth", "phase": "AUTHN", **where, **more}
    return m.o.thing("extensions.istio.io/v1alpha1", "WasmPlugin", m.o.meta("auth", "shop"), spec=spec)


SERVER = {"match": [{"mode": "SERVER"}]}
LISTENER = m.o.istio("Sidecar", "own", "shop", {
    "workloadSelector": {"labels": {"app": "cart"}},
    "ingress": [{"port": {"number": 8080, "protocol": "HTTP", "name": "http"}, "defaultEndpoint": "127.0.0.1:8081"}],
})  # fmt: skip
KINDS = {"EnvoyFilter": envoy_filter(), "WasmPlugin": plugin(), "Sidecar": LISTENER}


def where(proof):
    return " ".join(each.where for each in proof.undecided)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_gone_is_undecided_and_named(kind):
    """D57 and D47: dropped, left behind by pods that move, and on the way back."""
    guarded = index(*sidecars(KINDS[kind]))
    for one, other in ((guarded, index(*sidecars())), (guarded, index(*ambient(KINDS[kind])))):
        proof = prove(one, other)
        assert proof.verdict is Conclusion.UNDECIDED
        assert all(kind in each.reason for each in proof.undecided)
        assert "to cart.shop" in where(proof)
    assert prove(index(*ambient(KINDS[kind])), guarded).undecided
    assert prove(guarded, guarded).verdict is Conclusion.EQUAL


def test_one_that_says_something_else_is_undecided():
    one, other = (index(*sidecars(envoy_filter(value=value))) for value in ("lua", "wasm"))
    assert prove(one, other).verdict is Conclusion.UNDECIDED
    renamed = envoy_filter()
    renamed["metadata"]["name"] = "other"
    assert prove(one, index(*sidecars(renamed))).verdict is Conclusion.EQUAL


def test_one_at_clients_counts_for_what_they_send():
    proof = prove(index(*sidecars(envoy_filter("SIDECAR_OUTBOUND", "web"))), index(*sidecars()))
    assert [each.where for each in proof.undecided] == ["Deployment shop/web to everything"]


@pytest.mark.parametrize("unread", [envoy_filter("GATEWAY"), envoy_filter(app="nobody"), plugin(service="cart")])
def test_one_that_no_proxy_reads_counts_for_nothing(unread):
    """A filter of gateways, of pods that are not there, or of a waypoint that nobody passes."""
    assert prove(index(*sidecars(unread)), index(*sidecars())).verdict is Conclusion.EQUAL


SERVERS = [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]
LISTENS = m.o.istio("Gateway", "public", "shop", {"selector": {"app": "edge"}, "servers": SERVERS})
EDGE = [*pods("edge", "gateway"), service("edge"), LISTENS]
NAMED = pods("edge", "gateway", labels={"gateway.networking.k8s.io/gateway-name": "front"})
FRONT = {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "front"}], "selector": None}


@pytest.mark.parametrize(
    "guard", [envoy_filter("GATEWAY", "edge"), envoy_filter("ANY", ""), plugin("edge"), plugin("edge", match=[{"mode": "CLIENT"}])]
)  # fmt: skip
def test_one_at_a_gateway_counts_for_what_passes_it(guard):
    today = index(*sidecars(EDGE, guard))
    proof = prove(today, index(*ambient(EDGE)))
    assert proof.verdict is Conclusion.UNDECIDED
    assert "Deployment shop/edge to everything" in where(proof)
    assert "to edge.shop" in where(proof)
    assert prove(today, today).verdict is Conclusion.EQUAL


def test_one_that_is_attached_to_a_gateway_counts_there_alone():
    front, other = (plugin(**{**FRONT, "targetRefs": [{**FRONT["targetRefs"][0], "name": name}]}) for name in ("front", "other"))  # fmt: skip
    mesh = [*NAMED, service("edge")]
    assert "Deployment shop/edge to everything" in where(prove(index(*sidecars(mesh, front)), index(*sidecars(mesh))))
    assert prove(index(*sidecars(mesh, other)), index(*sidecars(mesh))).verdict is Conclusion.EQUAL


def test_one_at_a_gateway_that_stays_is_the_same_while_others_move():
    guard = envoy_filter("GATEWAY", "edge")
    found = prove(index(*sidecars(EDGE, guard)), index(*ambient(EDGE, guard)))
    assert "EnvoyFilter" not in " ".join(each.reason for each in found.undecided)


@pytest.mark.parametrize("guard", [envoy_filter("SIDECAR_INBOUND", "edge"), plugin("edge", **SERVER)])
def test_one_for_sidecars_counts_for_no_gateway(guard):
    assert prove(index(*sidecars(EDGE, guard)), index(*sidecars(EDGE))).verdict is Conclusion.EQUAL


def test_other_destinations_are_decided():
    more = [*pods("stock"), service("stock")]
    proof = prove(index(*sidecars(*more, envoy_filter())), index(*sidecars(*more)))
    assert "stock" not in where(proof).replace("Deployment shop/stock", "")


def test_a_module_that_moves_to_the_waypoint_is_the_same():
    guards = policy(
        "past",
        {"from": [{"source": {"notPrincipals": ["cluster.local/ns/shop/sa/waypoint"]}}]},
        action="DENY",
        app="cart",
    )
    today = index(*sidecars(plugin(**SERVER)))
    moved = index(*bound(guards, plugin(service="cart", **SERVER)))
    assert not [each for each in prove(today, moved).undecided if "WasmPlugin" in each.reason]
    open_door = prove(today, index(*bound(plugin(service="cart", **SERVER))))
    assert {each.where for each in open_door.undecided if "WasmPlugin" in each.reason} >= {
        "outside to cart.shop.svc.cluster.local:80"
    }
    elsewhere = index(*bound(waypoint("other", ip="10.1.0.8"), guards, plugin(service="web", **SERVER)))
    assert prove(today, elsewhere).undecided


def test_who_has_a_filter_keeps_the_sidecar_and_is_proved_equal():
    found = migrated(town(*sidecars(envoy_filter())))
    assert found.staying == {"cart"}
    assert found.proof().verdict is Conclusion.EQUAL
