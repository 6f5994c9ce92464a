import pytest
from tests.support.mesh import app, findings, labelled, namespace, o, workload

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


def test_boundary_says_what_really_happens():
    enabled = labelled("shop", {"istio-injection": "enabled"})
    (found,) = findings(RULE, o.webhook("default"), enabled, *labelled_pod("False"))
    assert "injected" in found.message
