from tests.support.mesh import app, findings, labelled, o, pod, workload

from sidestep.audit.rules.pod_before_cni import RULE

AMBIENT = labelled("shop", {"istio.io/dataplane-mode": "ambient"})


def cni(started, node="n1"):
    template = app("istio-cni-node")
    template["metadata"]["labels"]["k8s-app"] = "istio-cni-node"
    template["spec"]["containers"][0]["name"] = "install-cni"
    return pod(template, "cni-1", "istio-system", o.owner("DaemonSet", "istio-cni-node"), started=started, node=node)


def found_with(cni_start, started, **how):
    return findings(RULE, AMBIENT, cni(cni_start, **how), *workload(app("cart"), started=started))


def test_reports_pods_that_were_there_before():
    (found,) = found_with("2026-10-01T08:00:00Z", "2026-09-30T08:00:00Z")
    assert "2 pods started before istio-cni" in found.message


def test_silent_on_pods_that_came_after():
    assert found_with("2026-10-01T08:00:00Z", "2026-10-02T08:00:00Z") == []


def test_silent_on_other_nodes():
    assert found_with("2026-10-01T08:00:00Z", "2026-09-30T08:00:00Z", node="n2") == []


def test_silent_without_istio_cni():
    assert findings(RULE, AMBIENT, *workload(app("cart"), started="2020-01-01T00:00:00Z")) == []


def test_boundary_time_zones_and_the_same_moment():
    assert found_with("2026-10-01T08:00:00Z", "2026-10-01T10:00:00+02:00") == []
    assert len(found_with("2026-10-01T08:00:00Z", "2026-10-01T09:59:59+02:00")) == 1


def test_boundary_times_that_are_none():
    assert found_with("yesterday", "2026-09-30T08:00:00Z") == []
    assert len(found_with("2026-10-02T08:00:00Z", "")) == 1, "creation stands in for a start that is not told"
