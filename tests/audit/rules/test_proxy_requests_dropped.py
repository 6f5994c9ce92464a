from tests.support.mesh import Sidecar, app, findings, inject, workload

from sidestep.audit.rules.proxy_requests_dropped import RULE


def annotated(resources, **annotations):
    plain = app("cart")
    plain["metadata"]["annotations"] = {f"sidecar.istio.io/{name}": value for name, value in annotations.items()}
    return workload(inject(plain, Sidecar(resources=resources)), declared=plain)


def test_reports_the_request_that_is_gone():
    (found,) = findings(RULE, *annotated({"requests": {"cpu": "50m"}}, proxyCPU="50m"))
    assert "without a memory request" in found.message
    assert "sidecar.istio.io/proxyMemory" in found.fix


def test_silent_when_all_are_given():
    both = {"requests": {"cpu": "50m", "memory": "64Mi"}}
    assert findings(RULE, *annotated(both, proxyCPU="50m", proxyMemory="64Mi")) == []


def test_silent_without_annotations():
    assert findings(RULE, *annotated({})) == []


def test_boundary_a_limit_stands_in_for_its_request():
    limits = {"requests": {"cpu": "50m"}, "limits": {"memory": "128Mi"}}
    assert findings(RULE, *annotated(limits, proxyCPU="50m", proxyMemoryLimit="128Mi")) == []
