import pytest
from tests.support.mesh import app, findings, labelled, namespace, workload

from sidestep.audit.rules.host_network_enrolled import RULE


def on_the_host():
    template = app("agent")
    template["spec"]["hostNetwork"] = True
    return workload(template)


@pytest.mark.parametrize(
    "labels", [{"istio-injection": "enabled"}, {"istio.io/rev": "x"}, {"istio.io/dataplane-mode": "ambient"}]
)
def test_reports_it_in_a_namespace_that_asks_for_a_mesh(labels):
    (found,) = findings(RULE, labelled("shop", labels), *on_the_host())
    assert found.severity == "info"


def test_silent_in_a_namespace_that_asks_for_none():
    assert findings(RULE, namespace("shop"), *on_the_host()) == []
    assert findings(RULE, labelled("shop", {"istio-injection": "disabled"}), *on_the_host()) == []


def test_boundary_silent_on_pods_of_their_own_network():
    assert findings(RULE, labelled("shop", {"istio-injection": "enabled"}), *workload(app("cart"))) == []
