"""What becomes of one object under several rewrites."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.scenes import index, policy

from sidestep.convert.deltas import carried
from sidestep.convert.ledger import Ledger
from sidestep.convert.rewrite import Change, ChangeKind
from sidestep.model.kinds import AUTHORIZATION_POLICY

TREES = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 1), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def scene():
    mesh = index(policy("guard", {"a": 1}), policy("other", {"a": 1})).mesh
    return Ledger(mesh), *mesh.of(AUTHORIZATION_POLICY)


def spec(resource, **fields):
    tree = resource.tree()
    return {**tree, "spec": {**tree["spec"], **fields}}


def replaced(resource, tree, *, late=False, rule="A"):
    return Change(ChangeKind.REPLACE, resource.id, tree, resource.id, rule, late)


@given(TREES, TREES)
def test_a_change_done_to_what_it_was_made_of_gives_what_it_gave(before, after):
    assert carried(before, after, before) == after


@given(TREES, TREES)
def test_no_change_changes_nothing(tree, other):
    assert carried(tree, tree, other) == other


def test_changes_of_different_fields_both_stand():
    one, other, start = {"x": 1, "y": 1}, {"x": 1, "y": 1, "z": 2}, {"x": 1}
    assert carried(start, one, other) == {"x": 1, "y": 1, "z": 2}
    assert carried({"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 3}}) == {"a": {"c": 3}}


def test_an_early_change_is_in_the_late_state_and_a_late_one_is_not_in_the_early_one():
    ledger, guard, _ = scene()
    ledger.enter(replaced(guard, spec(guard, late=1), late=True), guard)
    ledger.enter(replaced(guard, spec(guard, early=1), rule="B"), guard)
    early, late = ledger.changes()
    assert (early.late, early.rule, early.manifest["spec"].get("late")) == (False, "B", None)
    assert (late.late, late.rule) == (True, "A")
    assert late.manifest["spec"]["early"] == late.manifest["spec"]["late"] == 1


def test_what_goes_late_stays_gone_though_a_later_rewrite_changes_it():
    ledger, guard, _ = scene()
    ledger.enter(Change(ChangeKind.REMOVE, guard.id, None, guard.id, "A", late=True), guard)
    ledger.enter(replaced(guard, spec(guard, early=1), rule="B"), guard)
    early, late = ledger.changes()
    assert (early.kind, late.kind) == (ChangeKind.REPLACE, ChangeKind.REMOVE)


def test_a_change_that_is_taken_back_is_none():
    ledger, guard, _ = scene()
    ledger.enter(replaced(guard, spec(guard, early=1)), guard)
    ledger.enter(replaced(guard, guard.tree()), guard)
    assert list(ledger.changes()) == []


@pytest.mark.parametrize(("content", "contested"), [(1, 0), (2, 1)])
def test_two_objects_that_make_one_of_the_same_name_are_told_where_they_disagree(content, contested):
    ledger, guard, other = scene()
    for resource, value in ((guard, 1), (other, content)):
        tree = {**spec(resource, value=value), "metadata": {"name": "new", "namespace": "shop"}}
        tree["spec"]["rules"] = []
        made = Change(ChangeKind.ADD, guard.id.__class__(*guard_id(guard, "new")), tree, resource.id, "A")
        ledger.enter(made, resource)
    assert len(ledger.contested) == contested
    (change,) = ledger.changes()
    assert change.kind is ChangeKind.ADD


def guard_id(resource, name):
    return resource.api_version, resource.kind, resource.meta.namespace, name
