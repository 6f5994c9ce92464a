"""What effects do to trees: the merge patch to the letter, labels and whole objects as an API server leaves them."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.actions.in_memory.trees import OWN, applied, labels_at, merge_patched, relabelled, template_path

LEAF = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
JSON = st.recursive(
    LEAF, lambda each: st.lists(each, max_size=2) | st.dictionaries(st.sampled_from("abc"), each), max_leaves=8
)
TABLE = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7396(target, patch, expected):
    assert merge_patched(target, patch) == expected


@given(TABLE, TABLE)
def test_a_merge_patch_changes_nothing_in_place_and_holds_when_done_twice(target, patch):
    kept = copy.deepcopy((target, patch))
    once = merge_patched(target, patch)
    assert merge_patched(once, patch) == once
    assert (target, patch) == kept


@pytest.mark.parametrize("path", [OWN, template_path("Deployment"), template_path("CronJob")])
def test_labels_come_and_go_without_a_trace(path):
    bare = {"metadata": {"name": "x"}, "spec": {"replicas": 1}}
    set_ = relabelled(bare, path, {"a": "1", "b": "2"})
    assert labels_at(set_, path) == {"a": "1", "b": "2"}
    assert labels_at(relabelled(set_, path, {"a": None}), path) == {"b": "2"}
    assert relabelled(set_, path, {"a": None, "b": None}) == bare


def test_other_labels_stay():
    tree = {"metadata": {"name": "x", "labels": {"team": "a"}, "annotations": {"n": "1"}}}
    assert relabelled(tree, OWN, {"b": "2"}) == {
        "metadata": {"name": "x", "labels": {"team": "a", "b": "2"}, "annotations": {"n": "1"}}
    }


def test_nothing_to_change_gives_the_same_tree():
    tree = {"metadata": {"name": "x", "labels": {}}}
    assert relabelled(tree, OWN, {"b": None}) is tree


def test_the_cluster_keeps_what_is_its_own_when_an_object_is_applied():
    present = {
        "metadata": {"name": "x", "uid": "1", "resourceVersion": "7", "labels": {"old": "1"}},
        "spec": {"a": 1, "gone": 2},
        "status": {"addresses": []},
    }
    manifest = {"metadata": {"name": "x", "labels": {"new": "1"}}, "spec": {"a": 2}}
    assert applied(present, manifest) == {
        "metadata": {"name": "x", "labels": {"new": "1"}, "uid": "1", "resourceVersion": "7"},
        "spec": {"a": 2},
        "status": {"addresses": []},
    }
    assert applied(None, manifest) == manifest
