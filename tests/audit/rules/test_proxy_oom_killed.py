from tests.support.mesh import Sidecar, app, findings, gateway, inject, pod, workload

from sidestep.audit.rules.proxy_oom_killed import RULE

SIDECAR = inject(app("cart"), Sidecar())


def test_reports_a_native_sidecar_by_its_init_status():
    (found,) = findings(RULE, *workload(SIDECAR, killed="OOMKilled", restarts=3))
    assert "proxy of 2 pods" in found.message
    assert "6 restarts" in found.message


def test_reports_gateways_too():
    assert len(findings(RULE, *workload(gateway("gw"), killed="OOMKilled", restarts=1))) == 1


def test_silent_on_other_ends():
    assert findings(RULE, *workload(SIDECAR, killed="Error", restarts=3)) == []


def test_silent_on_an_application_that_was_killed():
    killed = pod(app("istio-proxy-like"), killed="OOMKilled", restarts=2)
    assert findings(RULE, killed) == []


def test_boundary_without_a_restart_nothing_was_killed():
    assert findings(RULE, *workload(SIDECAR, killed="OOMKilled", restarts=0)) == []
