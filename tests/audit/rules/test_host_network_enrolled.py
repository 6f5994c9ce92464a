import pytest
from tests.support.mesh import app, findings, labelled, labels_on, namespace, workload

from sidestep.audit.rules.host_network_enrolled import RULE


def on_the_host(labels=None):
    template = labels_on(app("agent"), labels or {})
    template["spec"]["hostNetwork"] = True
    return workload(template)


@pytest.mark.parametrize(
    "labels", [{"istio-injection": "enabled"}, {"istio.io/rev": "x"}, {"istio.io/dataplane-mode": "ambient"}]
)
def test_reports_it_in_a_namespace_that_asks_for_a_mesh(labels):
    (found,) = findings(RULE, labelled("shop", labels), *on_the_host())
    assert found.severity == "info"


@pytest.mark.parametrize(
    "own", [{"istio.io/rev": "x"}, {"sidecar.istio.io/inject": "true"}, {"istio.io/dataplane-mode": "ambient"}]
)
def test_reports_it_where_the_pod_itself_asks(own):
    (found,) = findings(RULE, namespace("shop"), *on_the_host(own))
    assert "pods: 2" in found.message


def test_silent_in_a_namespace_that_asks_for_none():
    assert findings(RULE, namespace("shop"), *on_the_host()) == []
    assert findings(RULE, labelled("shop", {"istio-injection": "disabled"}), *on_the_host()) == []


def test_boundary_silent_on_pods_of_their_own_network():
    assert findings(RULE, labelled("shop", {"istio-injection": "enabled"}), *workload(app("cart"))) == []


@pytest.mark.parametrize(
    ("space", "opt_out"),
    [
        ({"istio-injection": "enabled"}, "sidecar.istio.io/inject=false"),
        ({"istio.io/dataplane-mode": "ambient"}, "istio.io/dataplane-mode=none"),
    ],
)
def test_boundary_silent_once_the_template_says_what_the_fix_asks_for(space, opt_out):
    (found,) = findings(RULE, labelled("shop", space), *on_the_host())
    assert opt_out in found.fix
    label, _, value = opt_out.partition("=")
    assert findings(RULE, labelled("shop", space), *on_the_host({label: value})) == []


def test_boundary_declining_one_mesh_leaves_the_other():
    both = labelled("shop", {"istio.io/rev": "x", "istio.io/dataplane-mode": "ambient"})
    (found,) = findings(RULE, both, *on_the_host({"sidecar.istio.io/inject": "false"}))
    assert "istio.io/dataplane-mode=ambient" in found.message
