"""One way from JSON to an object: typed where the kind is known, carried where it is not."""

import msgspec
import pytest

from sidestep.model.build import carried, known_kind, typed
from sidestep.model.kinds import DEPLOYMENT, DEPLOYMENT_CONFIG, NODE, SERVICE
from sidestep.model.origin import ClusterOrigin

HERE = ClusterOrigin("test", "1")


@pytest.mark.parametrize(
    ("api_version", "name", "expected"),
    [
        ("apps/v1", "Deployment", DEPLOYMENT),
        ("extensions/v1beta1", "Deployment", DEPLOYMENT),
        ("v1", "DeploymentConfig", DEPLOYMENT_CONFIG),
        ("apps/v7", "Deployment", DEPLOYMENT),
        ("v1", "Deployment", None),
        ("factory.test/v1", "Deployment", None),
        ("", "", None),
    ],
)
def test_a_kind_is_known_by_its_group_and_name(api_version, name, expected):
    assert known_kind(api_version, name) is expected


def test_unknown_fields_survive_and_the_namespace_is_never_empty():
    found = typed(SERVICE, b'{"metadata":{"name":"a"},"spec":{"new":[1]}}', "v1", "Service", HERE)
    assert found.meta.namespace == "default"
    assert found.tree() == {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"new": [1]}}


def test_of_evidence_no_body_is_kept():
    assert typed(NODE, b'{"metadata":{"name":"n"}}', "v1", "Node", HERE).body == b""


def test_what_has_the_wrong_type_is_not_typed_but_carried():
    raw = b'{"metadata":{"name":7},"spec":3}'
    with pytest.raises(msgspec.ValidationError):
        typed(SERVICE, raw, "v1", "Service", HERE)
    found = carried(raw, "v1", "Service", HERE)
    assert (found.meta.name, found.view, found.tree()["spec"]) == ("", None, 3)


def test_what_is_no_object_cannot_be_carried():
    with pytest.raises(msgspec.MsgspecError):
        carried(b"[1]", "v1", "Service", HERE)


def test_a_field_that_says_null_is_one_that_nobody_wrote():
    raw = b'{"metadata":{"name":"a","labels":null,"annotations":{"x":null,"y":"null"}},"spec":{"ports":null}}'
    found = typed(SERVICE, raw, "v1", "Service", HERE)
    assert (found.meta.name, found.meta.labels, found.meta.annotations) == ("a", {}, {"y": "null"})
    assert found.tree()["metadata"] == {"name": "a", "annotations": {"y": "null"}}


def test_a_word_that_only_looks_like_null_excuses_no_wrong_type():
    with pytest.raises(msgspec.ValidationError):
        typed(SERVICE, b'{"metadata":{"name":"null","labels":7}}', "v1", "Service", HERE)
