from tests.support.mesh import app, findings, labelled, namespace, o, workload

from sidestep.audit.rules.inject_annotation_only import RULE

INJECT = "sidecar.istio.io/inject"


def asked_by_annotation(value="true"):
    template = app("cart")
    template["metadata"]["annotations"] = {INJECT: value}
    return template


def test_reports_an_annotation_that_nobody_sees():
    (found,) = findings(RULE, o.webhook("default"), namespace("shop"), *workload(asked_by_annotation()))
    assert found.object.kind == "Deployment"
    assert "annotation" in found.message


def test_reports_an_annotation_hidden_by_a_label():
    template = asked_by_annotation("false")
    template["metadata"]["labels"][INJECT] = "true"
    (found,) = findings(RULE, o.webhook("default"), namespace("shop"), *workload(template))
    assert "hidden by the label" in found.message


def test_silent_where_the_webhook_is_called():
    enabled = labelled("shop", {"istio-injection": "enabled"})
    assert findings(RULE, o.webhook("default"), enabled, *workload(asked_by_annotation())) == []


def test_silent_on_a_refusal():
    assert findings(RULE, o.webhook("default"), namespace("shop"), *workload(asked_by_annotation("false"))) == []


def test_boundary_a_namespace_that_was_not_read_tells_nothing():
    assert findings(RULE, o.webhook("default"), *workload(asked_by_annotation())) == []
