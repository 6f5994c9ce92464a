"""What an index takes over from that of another mesh; that it is right in all else: `test_handed_on`."""

import pytest
from msgspec import structs
from tests.support.scenes import index, pods, policy, service

from sidestep.actions.in_memory.working_copy import WorkingCopy
from sidestep.model import kinds
from sidestep.model.metadata import ObjectId
from sidestep.plan.steps import SetLabels
from sidestep.semantics.index import MeshIndex

OBJECTS = [*pods("web"), *pods("cart"), service("cart")]
SHUT = policy("nobody", app="cart")


def without(of, kind):
    return structs.replace(of.mesh, resources={key: own for key, own in of.mesh.resources.items() if key != kind.key})


def test_where_only_policies_differ_the_rest_is_taken_over():
    shut = index(*OBJECTS, SHUT)
    asked = (shut.workloads, shut.services, shut.routing)
    opened = MeshIndex.of(without(shut, kinds.AUTHORIZATION_POLICY), shut.settings.version, like=shut)
    assert all(
        one is other for one, other in zip(asked, (opened.workloads, opened.services, opened.routing), strict=True)
    )


def test_policies_themselves_are_not():
    shut = index(*OBJECTS, SHUT)
    (cart,) = shut.behind(shut.services.by_host["cart.shop.svc.cluster.local"])
    assert shut.applied_policies(cart)
    opened = MeshIndex.of(without(shut, kinds.AUTHORIZATION_POLICY), shut.settings.version, like=shut)
    assert opened.applied_policies(cart) == ()
    assert shut.applied_policies(cart)


def test_what_differs_is_not_taken_over():
    one = index(*OBJECTS, SHUT)
    assert one.services.services
    other = MeshIndex.of(without(one, kinds.SERVICE), one.settings.version, like=one)
    assert other.services.services == ()
    fewer = structs.replace(one.mesh, pods=one.mesh.pods[:1])
    assert one.workloads.keys() != MeshIndex.of(fewer, one.settings.version, like=one).workloads.keys()
    assert MeshIndex.of(one.mesh, None, like=one).workloads == one.workloads


@pytest.mark.parametrize("runs", [True, False])
def test_a_template_says_nothing_of_pods_that_are_there(runs):
    """Pods are what they were made from; who has none is what his controller declares."""
    objects = [each for each in OBJECTS if runs or each["kind"] != "Pod"]
    one = index(*objects)
    one.find_common()
    copy = WorkingCopy(one.mesh)
    cart = ObjectId("apps/v1", "Deployment", "shop", "cart")
    assert copy.perform(SetLabels(cart, {"sidecar.istio.io/inject": "false"}, {}, template=True)) is None
    other = MeshIndex.of(copy.mesh(), one.settings.version, like=one)
    assert (other.workloads is one.workloads) is runs
    anew = MeshIndex.of(copy.mesh(), one.settings.version)
    assert dict(other.workloads) == dict(anew.workloads)
