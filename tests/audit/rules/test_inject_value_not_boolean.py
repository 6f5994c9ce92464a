import pytest
from tests.support.mesh import app, findings, labelled, labels_on, namespace, o, workload

from sidestep.audit.rules.inject_value_not_boolean import RULE

INJECT = "sidecar.istio.io/inject"


def labelled_pod(value):
    template = app("cart")
    template["metadata"]["labels"][INJECT] = value
    return workload(template)


@pytest.mark.parametrize("value", ["yes", "True", "FALSE", "1", "", " true"])
def test_reports_what_is_no_boolean(value):
    (found,) = findings(RULE, o.webhook("default"), namespace("shop"), *labelled_pod(value))
    assert repr(value) in found.message


@pytest.mark.parametrize("value", ["true", "false"])
def test_silent_on_booleans(value):
    assert findings(RULE, o.webhook("default"), namespace("shop"), *labelled_pod(value)) == []


def test_silent_on_nothing():
    assert findings(RULE, o.webhook("default"), namespace("shop"), *workload(app("cart"))) == []


@pytest.mark.parametrize("value", ["yes", "False", ""])
def test_reports_an_annotation(value):
    template = app("cart")
    template["metadata"]["annotations"][INJECT] = value
    (found,) = findings(RULE, o.webhook("default"), namespace("shop"), *workload(template))
    assert found.evidence[0].field == f"template.metadata.annotations[{INJECT}]"


def test_silent_on_an_annotation_that_a_label_hides():
    template = labels_on(app("cart"), {INJECT: "false"})
    template["metadata"]["annotations"][INJECT] = "no"
    assert findings(RULE, o.webhook("default"), namespace("shop"), *workload(template)) == []


@pytest.mark.parametrize(
    ("space", "value", "outcome"),
    [
        ({"istio-injection": "enabled"}, "False", "the next pod would be injected"),
        ({"istio-injection": "disabled"}, "yes", "the next pod would not be injected"),
        ({}, "True", "the next pod would not be injected"),
    ],
)
def test_boundary_says_what_really_happens(space, value, outcome):
    (found,) = findings(RULE, o.webhook("default"), labelled("shop", space), *labelled_pod(value))
    assert outcome in found.message


def test_boundary_does_not_guess_without_the_namespace():
    (found,) = findings(RULE, o.webhook("default"), *labelled_pod("yes"))
    assert "cannot be told" in found.message
