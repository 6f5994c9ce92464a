"""What effects do to objects of known and unknown kinds, and when they cannot."""

import msgspec
import pytest
from tests.support.mesh import labelled, mesh, o
from tests.support.plan_steps import (
    CART,
    POLICY,
    SHOP,
    WAYPOINT,
    applied,
    controller,
    deleted,
    labels,
    plan,
    policy,
    shop,
)

from sidestep.actions.memory import apply, problems
from sidestep.model import kinds
from sidestep.model.gaps import GapReason
from sidestep.model.metadata import ObjectId
from sidestep.plan.steps import Delete, Patch, SetLabels

WIDGET = ObjectId("factory.test/v1", "Widget", "shop", "gizmo")


def reasons(found, *effects):
    return [each.reason for each in problems(plan(*effects), found)]


def test_labels_stand_in_the_body_and_in_the_typed_metadata():
    before = shop()
    after = apply(plan(labels(POLICY, {"team": "a"})), before)
    found = after.find(kinds.AUTHORIZATION_POLICY, "shop", "cart")
    old = before.find(kinds.AUTHORIZATION_POLICY, "shop", "cart")
    assert found.meta.labels == found.tree()["metadata"]["labels"] == {"team": "a"}
    assert found.view == old.view
    assert found.origin == old.origin
    assert old.meta.labels == {}


def test_labels_of_a_namespace_are_those_that_semantics_reads():
    after = apply(
        plan(labels(SHOP, {"istio-injection": None, "x": "y"}, {"istio-injection": "enabled", "x": None})), shop()
    )
    assert after.namespace_labels("shop") == {"kubernetes.io/metadata.name": "shop", "x": "y"}


def test_labels_of_a_template_are_not_those_of_its_controller():
    after = apply(plan(labels(controller(CART), {"x": "y"}, template=True)), shop())
    found = after.find(kinds.DEPLOYMENT, "shop", "cart")
    assert found.view.spec.template.metadata.labels == {"app": "cart", "x": "y"}
    assert found.tree()["spec"]["template"]["metadata"]["labels"] == {"app": "cart", "x": "y"}
    assert found.meta.labels == {"app": "cart"}


def test_the_template_of_a_cron_job_is_one_step_deeper():
    job = o.thing(
        "batch/v1", "CronJob", o.meta("tick", "shop"), spec={"jobTemplate": {"spec": {"template": {"spec": {}}}}}
    )
    named = ObjectId("batch/v1", "CronJob", "shop", "tick")
    after = apply(plan(labels(named, {"x": "y"}, template=True)), mesh(job))
    assert after.of(kinds.CRON_JOB)[0].view.spec.job_template.spec.template.metadata.labels == {"x": "y"}


def test_what_nobody_knows_can_be_labelled_patched_and_deleted():
    before = shop()
    after = apply(
        plan(labels(WIDGET, {"x": "y"}), Patch(WIDGET, {"spec": {"size": 3}}, {"spec": {"size": None}})), before
    )
    (found,) = after.others
    assert found.meta.labels == {"x": "y"}
    assert found.tree()["spec"] == {"teeth": [1, None, 2.5], "size": 3}
    assert apply(plan(Delete(WIDGET, before.others[0].tree())), before).others == ()


def test_an_unknown_kind_is_carried_when_it_is_applied():
    gear = o.thing("factory.test/v1", "Gear", o.meta("g", "shop"), spec={"n": 1})
    after = apply(plan(applied(gear)), shop())
    assert [each.tree() for each in after.others if each.kind == "Gear"] == [gear]


def test_evidence_takes_labels_though_its_body_is_not_kept():
    named = ObjectId("apps/v1", "ReplicaSet", "shop", "cart-abc")
    after = apply(plan(labels(named, {"x": "y"})), shop())
    assert after.find(kinds.REPLICA_SET, "shop", "cart-abc").meta.labels == {"x": "y"}
    assert reasons(shop(), Patch(named, {"spec": {}}, {})) == [
        "ReplicaSet shop/cart-abc is known in part only and cannot be patched"
    ]


def test_a_patch_types_the_object_anew():
    after = apply(plan(Patch(POLICY, {"spec": {"action": "DENY", "selector": None}}, {})), shop())
    found = after.find(kinds.AUTHORIZATION_POLICY, "shop", "cart")
    assert found.view.spec == found.tree()["spec"] == {"action": "DENY"}


def test_an_object_is_found_under_another_version_of_its_group():
    old = ObjectId("security.istio.io/v1beta1", "AuthorizationPolicy", "shop", "cart")
    after = apply(plan(labels(old, {"x": "y"})), shop())
    assert after.find(kinds.AUTHORIZATION_POLICY, "shop", "cart").api_version == "security.istio.io/v1"


def test_whole_objects_come_change_and_go():
    new = policy("fresh", action="DENY")
    made = apply(plan(applied(new)), shop())
    assert made.find(kinds.AUTHORIZATION_POLICY, "shop", "fresh").view.spec["action"] == "DENY"
    changed = apply(plan(applied(policy("fresh"), new)), made)
    assert "action" not in changed.find(kinds.AUTHORIZATION_POLICY, "shop", "fresh").view.spec
    assert apply(plan(deleted(policy("fresh"))), changed).find(kinds.AUTHORIZATION_POLICY, "shop", "fresh") is None


def test_an_object_that_was_malformed_is_typed_once_it_is_right():
    broken = {**policy("fresh"), "spec": "no table"}
    before = mesh(labelled("shop", {}), broken)
    assert [each.kind for each in before.others] == ["AuthorizationPolicy"]
    after = apply(plan(applied(policy("fresh"), broken)), before)
    assert after.others == ()
    assert after.find(kinds.AUTHORIZATION_POLICY, "shop", "fresh") is not None
    assert [gap.reason for gap in after.gaps] == [GapReason.MALFORMED]


def test_nobody_touches_what_no_effect_names():
    before = shop()
    after = apply(plan(labels(POLICY, {"team": "a"}), applied(policy("fresh"))), before)
    assert after.pods is before.pods
    assert after.others is before.others
    for key, found in before.resources.items():
        if key != kinds.AUTHORIZATION_POLICY.key:
            assert after.resources[key] is found
    assert after.source is before.source


def test_an_effect_that_changes_nothing_gives_the_very_same_mesh():
    before = shop()
    same = before.find(kinds.AUTHORIZATION_POLICY, "shop", "cart").tree()
    assert apply(plan(applied(same, same), Patch(POLICY, {"spec": {"nothing": None}}, {})), before) is before


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        (labels(ObjectId("v1", "Service", "shop", "cart"), {"a": "b"}), "Service shop/cart is absent"),
        (Patch(ObjectId("v1", "Service", "shop", "cart"), {}, {}), "Service shop/cart is absent"),
        (deleted(policy("fresh")), "AuthorizationPolicy shop/fresh is absent"),
        (
            labels(SHOP, {"istio-injection": None}, {"istio-injection": "disabled"}),
            "Namespace shop: label istio-injection is 'enabled' and not 'disabled'",
        ),
        (labels(SHOP, {"a": "b"}, {"a": "c"}), "Namespace shop: label a is absent and not 'c'"),
        (labels(POLICY, {"a": "b"}, template=True), "AuthorizationPolicy shop/cart has no pod template"),
        (
            labels(controller(CART), {"app": None}, {"app": "cart"}, template=True),
            "Deployment shop/cart: its selector would no longer match its template",
        ),
        (
            Patch(POLICY, {"metadata": {"name": "other"}}, {}),
            "AuthorizationPolicy shop/cart: the patch makes another object of it",
        ),
        (
            Patch(ObjectId("v1", "Pod", "shop", "cart-abc-0"), {}, {}),
            "Pod shop/cart-abc-0: pods are made by their controllers",
        ),
        (
            applied({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}}),
            "Secret shop/s: Secrets are never held",
        ),
    ],
)
def test_what_cannot_apply_is_said_and_changes_nothing(effect, reason):
    before = shop()
    assert reasons(before, effect) == [reason]
    assert apply(plan(effect), before) is before


@pytest.mark.parametrize(
    "effect",
    [
        Patch(POLICY, {"spec": 3}, {}),
        Patch(POLICY, {"metadata": None}, {}),
        Patch(POLICY, {"metadata": {"labels": {"a": 1}}}, {}),
        Patch(POLICY, {"kind": None, "apiVersion": ["x"]}, {}),
        Patch(POLICY, {"kind": "Gateway"}, {}),
        applied({**policy(), "spec": []}),
        applied({**policy(), "metadata": {"name": "cart", "namespace": "shop", "labels": "x"}}),
    ],
)
def test_what_an_api_server_would_refuse_is_refused(effect):
    before = shop()
    assert len(problems(plan(effect), before)) == 1
    assert apply(plan(effect), before) is before


def test_a_step_that_does_not_fit_keeps_no_other_from_its_work():
    effects = (deleted(policy("fresh")), labels(POLICY, {"a": "b"}), labels(POLICY, {"a": "c"}, {"a": "x"}))
    assert [each.step for each in problems(plan(*effects), shop())] == ["w01-001", "w01-003"]
    assert apply(plan(*effects), shop()).find(kinds.AUTHORIZATION_POLICY, "shop", "cart").meta.labels == {"a": "b"}


def test_objects_without_names_are_all_carried():
    nameless = o.thing(
        "security.istio.io/v1", "AuthorizationPolicy", {"generateName": "x-", "namespace": "shop"}, spec={}
    )
    before = mesh(nameless, nameless, policy())
    after = apply(plan(labels(POLICY, {"a": "b"})), before)
    assert len(after.of(kinds.AUTHORIZATION_POLICY)) == 3


def test_bodies_are_as_a_source_would_have_kept_them():
    """An object that was applied is the same value as one that was read."""
    read = mesh(policy("fresh")).find(kinds.AUTHORIZATION_POLICY, "shop", "fresh")
    made = apply(plan(applied(policy("fresh"))), shop()).find(kinds.AUTHORIZATION_POLICY, "shop", "fresh")
    assert msgspec.structs.replace(made, origin=read.origin) == read


def test_labels_whose_before_is_not_told_are_set():
    after = apply(plan(SetLabels(WAYPOINT, {"a": "b"}, {})), shop(o.waypoint("wp", "shop")))
    assert after.find(kinds.GATEWAY, "shop", "wp").meta.labels["a"] == "b"
