"""Policies of Cilium, Calico and administrators, which nobody here reads: named by conversions, plans and proofs."""

import pytest
from tests.support.conversions import context, convert
from tests.support.scenes import index, m, pods, service

from sidestep.model.prices import PriceBook
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.prove.prover import prove

CART = [*pods("cart"), *pods("web"), service("cart")]
KINDS = [
    ("cilium.io/v2", "CiliumNetworkPolicy", "shop"),
    ("cilium.io/v2", "CiliumClusterwideNetworkPolicy", ""),
    ("projectcalico.org/v3", "NetworkPolicy", "shop"),
    ("crd.projectcalico.org/v1", "GlobalNetworkPolicy", ""),
    ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", ""),
    ("crd.antrea.io/v1beta1", "ClusterNetworkPolicy", ""),
]


def policy(api, kind, space):
    return m.o.thing(api, kind, m.o.meta("wire", space), spec={"ingress": []})


@pytest.mark.parametrize(("api", "kind", "space"), KINDS)
def test_they_are_named_wherever_somebody_relies_on_what_was_read(api, kind, space):
    found = index(*CART, policy(api, kind, space))
    (loss,) = convert(context(found)).losses
    assert (loss.object.kind, loss.severity) == (kind, "security")
    assert "15008" in loss.instead
    assert any(kind in each and "15008" in each for each in prove(found, found).assumptions)
    (check,) = (
        each
        for each in make_plan(PlanRequest(found.mesh, PriceBook())).prerequisites
        if each.name == "network-policies"
    )
    assert check.met is None
    assert kind in check.evidence


def test_one_of_a_namespace_where_nobody_moves_is_no_loss():
    found = index(*CART, policy("cilium.io/v2", "CiliumNetworkPolicy", "depot"))
    assert not convert(context(found)).losses
    assert not convert(context(index(*CART, policy(*KINDS[1])), moving=())).losses


def test_other_objects_of_these_products_are_no_policies():
    found = index(*CART, m.o.thing("cilium.io/v2", "CiliumEndpoint", m.o.meta("cart-1", "shop")))
    assert not convert(context(found)).losses
