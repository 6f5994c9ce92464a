from tests.support.mesh import app, findings, labelled, labels_on, namespace, workload

from sidestep.audit.rules.namespace_inject_label import RULE


def test_reports_the_label_with_its_value():
    (found,) = findings(RULE, labelled("shop", {"sidecar.istio.io/inject": "true"}))
    assert found.code == "SID101"
    assert found.object.name == "shop"
    assert "=true" in found.message


def test_silent_on_labels_that_namespaces_use():
    assert findings(RULE, labelled("shop", {"istio-injection": "enabled", "istio.io/rev": "x"})) == []


def test_silent_on_the_label_of_a_pod():
    template = labels_on(app("cart"), {"sidecar.istio.io/inject": "true"})
    assert findings(RULE, namespace("shop"), *workload(template)) == []


def test_boundary_false_is_as_useless_as_true():
    assert len(findings(RULE, labelled("shop", {"sidecar.istio.io/inject": "false"}))) == 1
