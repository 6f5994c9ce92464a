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


def test_silent_where_something_else_asks_in_vain():
    """A revision that is gone is SID104's; hostNetwork is never injected, whoever asks."""
    assert (
        findings(RULE, o.webhook("1-29"), labelled("shop", {"istio.io/rev": "x"}), *workload(asked_by_annotation()))
        == []
    )
    enabled = labelled("shop", {"istio-injection": "enabled"})
    assert findings(RULE, o.webhook("1-29"), enabled, *workload(asked_by_annotation())) == []
    on_the_host = asked_by_annotation()
    on_the_host["spec"]["hostNetwork"] = True
    assert findings(RULE, o.webhook("default"), namespace("shop"), *workload(on_the_host)) == []


def test_silent_on_a_label_and_annotation_that_agree():
    template = asked_by_annotation()
    template["metadata"]["labels"][INJECT] = "true"
    assert findings(RULE, o.webhook("default"), namespace("shop"), *workload(template)) == []


def test_boundary_where_the_namespace_forbids_a_label_on_the_pod_is_no_remedy():
    disabled = labelled("shop", {"istio-injection": "disabled"})
    (found,) = findings(RULE, o.webhook("default"), disabled, *workload(asked_by_annotation()))
    assert "istio-injection=disabled on the namespace" in found.fix


def test_boundary_an_empty_label_hides_the_annotation_too():
    template = asked_by_annotation("false")
    template["metadata"]["labels"][INJECT] = ""
    (found,) = findings(RULE, o.webhook("default"), namespace("shop"), *workload(template))
    assert "hidden by the label" in found.message


def test_boundary_a_namespace_that_was_not_read_tells_nothing():
    assert findings(RULE, o.webhook("default"), *workload(asked_by_annotation())) == []
