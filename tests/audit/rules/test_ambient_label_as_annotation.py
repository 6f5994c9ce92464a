import pytest
from tests.support.mesh import annotations_on, app, findings, labels_on, namespace, o, workload

from sidestep.audit.rules.ambient_label_as_annotation import RULE

MODE = "istio.io/dataplane-mode"


def annotated(made, annotations, labels=None):
    made["metadata"] = {**made["metadata"], "annotations": annotations, "labels": labels or {}}
    return made


@pytest.mark.parametrize(
    ("made", "key"),
    [
        (namespace("shop"), MODE),
        (namespace("shop"), "istio.io/use-waypoint"),
        (o.service("cart", "shop"), "istio.io/use-waypoint"),
        (o.service("cart", "shop"), "istio.io/ingress-use-waypoint"),
        (o.waypoint("waypoint", "shop"), "istio.io/waypoint-for"),
    ],
)
def test_reports_annotations_that_should_be_labels(made, key):
    (found,) = findings(RULE, annotated(made, {key: "all"}))
    assert f"write it as label {key}=all" in found.fix


def test_reports_templates():
    (found,) = findings(RULE, namespace("shop"), *workload(annotations_on(app("cart"), {MODE: "ambient"})))
    assert found.object.kind == "Deployment"


def test_reports_waypoint_for_on_a_policy_however_it_is_written():
    policy = o.istio("AuthorizationPolicy", "api", "shop", {"rules": [{}]})
    assert len(findings(RULE, annotated(policy, {"istio.io/waypoint-for": "cart"}))) == 1
    (found,) = findings(RULE, annotated(policy, {}, {"istio.io/waypoint-for": "cart"}))
    assert "targetRefs" in found.fix


def test_silent_on_labels():
    assert findings(RULE, namespace("shop"), *workload(labels_on(app("cart"), {MODE: "ambient"}))) == []


def test_silent_on_what_istio_does_read_as_annotation():
    assert findings(RULE, *workload(annotations_on(app("cart"), {"ambient.istio.io/redirection": "enabled"}))) == []


def test_boundary_both_with_the_same_value_do_no_harm():
    both = annotated(namespace("shop"), {MODE: "ambient"}, {MODE: "ambient"})
    assert findings(RULE, both) == []
    (found,) = findings(RULE, annotated(namespace("shop"), {MODE: "ambient"}, {MODE: "none"}))
    assert "the label says none" in found.message
