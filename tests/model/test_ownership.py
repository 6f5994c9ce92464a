"""From pods to workloads, with the middle of the chain and without."""

import pytest
from tests.support.mesh import app, labels_on, mesh, o, pod

from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import parents, workload_of


def top(*objects):
    found = mesh(*objects)
    (only,) = found.pods
    return workload_of(only, parents(found))


def owned(kind, name, labels=None):
    return pod(labels_on(app("x"), labels or {}), "p", owner=o.owner(kind, name))


def test_the_chain_is_followed():
    chain = o.replica_set("cart-abc", "shop", "cart", "Deployment", 1)
    assert top(owned("ReplicaSet", "cart-abc"), chain) == WorkloadRef("shop", "Deployment", "cart")


def test_a_rollouts_replica_set():
    chain = o.replica_set("cart-abc", "shop", "cart", "Rollout", 1)
    assert top(owned("ReplicaSet", "cart-abc"), chain).kind == "Rollout"


def test_without_the_replica_set_its_name_tells():
    assert top(owned("ReplicaSet", "cart-7d9f6", {"pod-template-hash": "7d9f6"})) == WorkloadRef(
        "shop", "Deployment", "cart"
    )
    rollout = owned("ReplicaSet", "cart-7d9f6", {"rollouts-pod-template-hash": "7d9f6"})
    assert top(rollout) == WorkloadRef("shop", "Rollout", "cart")


def test_a_name_that_tells_nothing_stays():
    assert top(owned("ReplicaSet", "cart-x", {"pod-template-hash": "other"})) == WorkloadRef(
        "shop", "ReplicaSet", "cart-x"
    )


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "SomebodysController"])
def test_other_controllers_are_their_own_top(kind):
    assert top(owned(kind, "cart")) == WorkloadRef("shop", kind, "cart")


def test_an_owner_that_does_not_control_is_not_followed():
    tree = owned("ReplicaSet", "cart-abc")
    tree["metadata"]["ownerReferences"][0]["controller"] = False
    assert top(tree) == WorkloadRef("shop", "Pod", "p")


def test_a_chain_in_another_namespace_is_not_ours():
    chain = o.replica_set("cart-abc", "elsewhere", "cart", "Deployment", 1)
    assert top(owned("ReplicaSet", "cart-abc"), chain).kind == "ReplicaSet"
