from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, workload

from sidestep.audit.rules.ambient_label_and_sidecar import RULE

AMBIENT = labelled("shop", {"istio.io/dataplane-mode": "ambient"})
SIDECAR = inject(app("cart"), Sidecar())


def test_reports_a_sidecar_in_an_ambient_namespace():
    (found,) = findings(RULE, AMBIENT, *workload(SIDECAR))
    assert "namespace label" in found.message


def test_reports_a_pod_label():
    labelled_pod = inject(app("cart", **{"istio.io/dataplane-mode": "ambient"}), Sidecar())
    (found,) = findings(RULE, namespace("shop"), *workload(labelled_pod))
    assert "pod label" in found.message


def test_silent_without_either():
    assert findings(RULE, AMBIENT, *workload(app("cart"))) == []
    assert findings(RULE, namespace("shop"), *workload(SIDECAR)) == []


def test_boundary_a_pod_that_opts_out_is_fine():
    opted_out = inject(app("cart", **{"istio.io/dataplane-mode": "none"}), Sidecar())
    assert findings(RULE, AMBIENT, *workload(opted_out)) == []
