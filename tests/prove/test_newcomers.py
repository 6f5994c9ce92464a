"""Somebody of a namespace without pods: held where NetworkPolicies hold the pods of every other, and only there."""

import pytest
from tests.convert.rules.test_network import API_SERVER, CLOSED_MESH
from tests.support import mesh as m
from tests.support.migrations import migrated, shown, town
from tests.support.scenes import index, pods, service

from sidestep.model.kinds import NETWORK_POLICY
from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms, prove

TERMS = Terms(Leave.SHAPE | Leave.CLOSED)
STRICT = Terms(TERMS.leave, assume=Assume.EVERYTHING & ~Assume.SPACES)
SHOPS = [*pods("web"), *pods("cart"), service("cart"), *pods("pay", space="pay", ip="10.2.0.1")]
ANYWHERE = {"ipBlock": {"cidr": "0.0.0.0/0"}}
DNS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}


def network(space, *to, labels=None, types=("Egress",)):
    chosen = {"matchLabels": labels} if labels else {}
    spec = {"podSelector": chosen, "policyTypes": list(types), "egress": [{"to": [each]} for each in to]}
    return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("egress", space), spec=spec)


def flipped(*policies, config=CLOSED_MESH):
    """A mesh in which sidecars refuse unknown hosts, and the same in ambient with NetworkPolicies."""
    return (
        index(*pods("web"), *pods("pay", space="pay", ip="10.2.0.1"), config),
        index(*pods("web", "ambient"), *pods("pay", "ambient", space="pay", ip="10.2.0.1"), config, *policies),
    )


def opened(proof):
    return [each.request for each in shown(proof) if each.direction is Direction.OPEN]


def test_a_mesh_that_refuses_unknown_hosts_is_converted_and_proved_without_force():
    found = migrated(town(CLOSED_MESH, *SHOPS, *API_SERVER))
    assert {each.meta.namespace for each in found.end.mesh.of(NETWORK_POLICY)} == {"shop", "pay"}
    proof = found.proof(TERMS)
    assert proof.verdict is Conclusion.EQUAL
    assert any("without pods so far" in each for each in proof.assumptions)
    assert any("network plug-in" in each for each in proof.assumptions)


def test_who_does_not_take_that_for_granted_sees_somebody_of_such_a_namespace():
    found = migrated(town(CLOSED_MESH, *SHOPS, *API_SERVER))
    proof = found.proof(STRICT)
    assert opened(proof)
    assert all(each.startswith("someone elsewhere/") for each in opened(proof))
    assert not any("without pods so far" in each for each in proof.assumptions)


def test_policies_of_every_namespace_hold_who_comes_new():
    assert opened(prove(*flipped(network("shop", DNS), network("pay", DNS)), TERMS)) == []


@pytest.mark.parametrize(
    ("policies", "who"),
    [
        ([], {"Deployment"}),
        ([network("shop", DNS)], {"Deployment"}),
        ([network("shop", DNS), network("pay", DNS, labels={"app": "pay"})], {"someone"}),
        ([network("shop", DNS), network("pay", DNS, ANYWHERE)], {"Deployment", "someone"}),
        ([network("shop", DNS), network("pay", DNS, types=("Ingress",))], {"Deployment"}),
    ],
    ids=["none", "one namespace of two", "pods of one label", "lets out to everybody", "not about egress"],
)
def test_somebody_is_admitted_where_not_every_namespace_is_held(policies, who):
    found = opened(prove(*flipped(*policies), TERMS))
    assert {each.partition(" ")[0] for each in found} == who
    assert not any("shop/web" in each for each in found)


def test_nothing_is_taken_for_granted_where_no_policy_is_about_what_pods_send():
    one, other = flipped(config=m.o.labelled_namespace("shop", {}))
    assert not any("NetworkPolicies" in each for each in prove(one, other, TERMS).assumptions)
