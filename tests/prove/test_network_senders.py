"""Whose NetworkPolicies hold what they send is asked for himself: pods beside him are no evidence."""

import pytest
from tests.support.scenes import index, m, pods, service

from sidestep.prove.prover import prove

NAMES = ("adder", "batch", "cart", "door", "edge", "farm")


def sent(*, app="", expressions=(), to=(), name="net"):
    selector = {"matchLabels": {"app": app}} if app else {"matchExpressions": list(expressions)}
    spec = {"podSelector": selector, "policyTypes": ["Egress"], "egress": list(to)}
    return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta(name, "shop"), spec=spec)


def mesh(*config, mode="sidecar"):
    people = (each for name in NAMES for each in pods(name, mode))
    return index(*people, service("cart"), *pods("stock", mode, space="depot"), service("stock", "depot"), *config)


@pytest.mark.parametrize("mode", ["sidecar", "ambient", "none"])
@pytest.mark.parametrize("app", NAMES)
def test_one_of_many_who_is_shut_in(app, mode):
    free, shut = mesh(mode=mode), mesh(sent(app=app), mode=mode)
    for one, other in ((free, shut), (shut, free)):
        found = prove(one, other).counterexamples
        assert {each.request.split()[1] for each in found} == {f"shop/{app}"}
    assert not prove(shut, shut).counterexamples


def test_by_an_expression_among_policies_for_all():
    everybody = sent(expressions=[], to=[{}], name="all")
    one = sent(expressions=[{"key": "app", "operator": "NotIn", "values": list(NAMES[:-1])}])
    nobody = sent(expressions=[{"key": "app", "operator": "In", "values": ["nobody"]}])
    assert not prove(mesh(everybody), mesh(everybody, one)).counterexamples
    assert not prove(mesh(), mesh(everybody, nobody)).counterexamples
    assert {each.request.split()[1] for each in prove(mesh(), mesh(one)).counterexamples} == {
        "shop/farm",
        "shop/someone",
    }
