"""Running pods follow their labels into ambient and out of it at once; those with a sidecar, or left out, do not."""

import pytest
from tests.support.mesh import Sidecar, annotations_on, app, inject, labelled, mesh, pod, workload
from tests.support.plan_steps import AMBIENT, CART, MODE, PAY, PLAIN, REDIRECTION, SHOP, labels, mode, plan, shop

from sidestep.actions.memory import apply, problems
from sidestep.model import kinds
from sidestep.model.metadata import ObjectId
from sidestep.plan.steps import Patch

ENROL = labels(SHOP, AMBIENT)


def redirections(found):
    return {each.name: each.shape.annotations.get(REDIRECTION) for each in found.pods}


def test_a_namespace_takes_in_the_pods_that_have_no_sidecar():
    before = shop()
    after = apply(plan(ENROL), before)
    assert mode(after, PLAIN) == [("ambient", 1)]
    assert mode(after, CART) == mode(before, CART) == [("native sidecar with HBONE", 2)]
    assert mode(apply(plan(labels(SHOP, {MODE: None}, AMBIENT)), after), PLAIN) == [("no mesh", 1)]


def test_pods_that_do_not_change_are_the_very_same():
    before = shop()
    after = apply(plan(ENROL), before)
    changed = [new.name for old, new in zip(before.pods, after.pods, strict=True) if old is not new]
    assert changed == ["plain-abc-0"]


def test_replicas_go_on_sharing_their_shape():
    after = apply(plan(ENROL), mesh(labelled("shop", {}), *workload(app("cart"), pods=5)))
    assert len({id(each.shape) for each in after.pods}) == 1
    assert redirections(after) == {f"cart-abc-{index}": "enabled" for index in range(5)}


def test_a_patch_of_the_namespace_does_the_same_as_its_labels():
    effect = Patch(SHOP, {"metadata": {"labels": AMBIENT}}, {"metadata": {"labels": {MODE: None}}})
    assert mode(apply(plan(effect), shop()), PLAIN) == [("ambient", 1)]


def test_other_namespaces_do_not_follow():
    objects = (labelled("shop", {}), labelled("other", {}), *workload(app("cart"), space="other"))
    before = mesh(*objects)
    assert apply(plan(ENROL), before).pods is before.pods


@pytest.mark.parametrize(
    "objects",
    [
        [pod(inject(app("cart"), Sidecar()))],
        [pod({**app("cart"), "spec": {**app("cart")["spec"], "hostNetwork": True}})],
        [pod(app("cart", **{MODE: "none"}))],
        [pod(app("cart"), phase="Succeeded")],
    ],
)
def test_nobody_takes_in_what_is_left_out(objects):
    before = mesh(labelled("shop", {}), *objects)
    assert apply(plan(ENROL), before).pods is before.pods


def test_istio_cni_leaves_out_kube_system():
    before = mesh(labelled("kube-system", {}), pod(app("dns"), "dns-1", "kube-system"))
    named = ObjectId("v1", "Namespace", "", "kube-system")
    assert apply(plan(labels(named, AMBIENT)), before).pods is before.pods


def test_who_was_missed_before_is_not_found_by_another_label():
    before = mesh(labelled("shop", AMBIENT), pod(app("cart"), "cart-1"))
    assert apply(plan(labels(SHOP, {"team": "a"})), before).pods is before.pods


def test_pending_redirection_goes_with_the_label():
    pending = pod(annotations_on(app("cart"), {REDIRECTION: "pending"}), "cart-1")
    after = apply(plan(labels(SHOP, {MODE: None}, AMBIENT)), mesh(labelled("shop", AMBIENT), pending))
    assert redirections(after) == {"cart-1": None}


def test_one_pod_can_be_labelled_alone():
    named = ObjectId("v1", "Pod", "shop", "cart-abc-1")
    before = mesh(labelled("shop", {}), *workload(app("cart"), pods=3))
    after = apply(plan(labels(named, AMBIENT)), before)
    assert redirections(after) == {"cart-abc-0": None, "cart-abc-1": "enabled", "cart-abc-2": None}
    assert after.pods[1].shape.labels == {"app": "cart", **AMBIENT}
    back = apply(plan(labels(named, {MODE: None}, AMBIENT)), after)
    assert [each.shape for each in back.pods] == [each.shape for each in before.pods]


def test_pods_labelled_alike_share_their_shape():
    named = [ObjectId("v1", "Pod", "shop", f"cart-abc-{index}") for index in range(3)]
    after = apply(
        plan(*(labels(each, AMBIENT) for each in named)), mesh(labelled("shop", {}), *workload(app("cart"), pods=3))
    )
    assert len({id(each.shape) for each in after.pods}) == 1


def test_a_pod_whose_labels_are_others_is_told():
    absent, other = ObjectId("v1", "Pod", "shop", "nobody"), ObjectId("v1", "Pod", "shop", "pay-abc-0")
    found = problems(plan(labels(absent, AMBIENT), labels(other, AMBIENT, {MODE: "none"})), shop())
    assert [each.reason for each in found] == [
        "Pod shop/nobody is absent",
        f"Pod shop/pay-abc-0: label {MODE} is absent and not 'none'",
    ]


def test_a_namespace_that_goes_takes_its_label_with_it():
    before = apply(plan(ENROL), shop())
    after = apply(plan(labels(SHOP, {MODE: "none"}, AMBIENT)), before)
    assert after.find(kinds.NAMESPACE, "", "shop").meta.labels[MODE] == "none"
    assert mode(after, PLAIN) == [("no mesh", 1)]
    assert mode(after, PAY) == [("native sidecar with HBONE", 3)]
