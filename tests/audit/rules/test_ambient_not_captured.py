from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, workload

from sidestep.audit.rules.ambient_not_captured import RULE

AMBIENT = labelled("shop", {"istio.io/dataplane-mode": "ambient"})


def redirected(value):
    template = app("cart")
    template["metadata"]["annotations"] = {"ambient.istio.io/redirection": value} if value else {}
    return workload(template)


def test_reports_pods_and_their_nodes():
    (found,) = findings(RULE, AMBIENT, *redirected(None))
    assert found.severity == "error"
    assert ("nodes", "n1") in [(each.field, each.value) for each in found.evidence]


def test_silent_where_captured():
    assert findings(RULE, AMBIENT, *redirected("enabled")) == []


def test_silent_where_nobody_asked():
    assert findings(RULE, namespace("shop"), *redirected(None)) == []


def test_silent_on_what_ambient_leaves_out():
    host = app("agent")
    host["spec"]["hostNetwork"] = True
    assert findings(RULE, AMBIENT, *workload(host)) == []
    assert findings(RULE, AMBIENT, *workload(inject(app("cart"), Sidecar()))) == []


def test_boundary_pending_is_on_its_way():
    assert findings(RULE, AMBIENT, *redirected("pending")) == []
