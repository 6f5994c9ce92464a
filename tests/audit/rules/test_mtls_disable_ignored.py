import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.mtls_disable_ignored import RULE

AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))
SIDECARS = (namespace("shop"), *workload(inject(app("cart"), Sidecar())))


def policy(mode=None, ports=None, space="shop", name="cart"):
    spec = {"mtls": {"mode": mode}} if mode else {}
    if ports:
        levels = {port: {"mode": own} for port, own in ports.items()}
        spec |= {"selector": {"matchLabels": {"app": "cart"}}, "portLevelMtls": levels}
    return o.istio("PeerAuthentication", name, space, spec)


MESH_STRICT = policy("STRICT", space="istio-system", name="default")


@pytest.mark.parametrize("made", [policy("DISABLE"), policy("STRICT", {"9090": "DISABLE"})])
@pytest.mark.parametrize("mesh", [AMBIENT, SIDECARS])
def test_reports_disable_of_workloads_and_ports(made, mesh):
    (found,) = findings(RULE, *mesh, made)
    assert found.severity == "info"
    assert "DISABLE" in found.message


def test_reports_the_mesh_wide_mode():
    assert len(findings(RULE, *AMBIENT, policy("DISABLE", space="istio-system"))) == 1


def test_silent_on_other_modes():
    assert findings(RULE, *AMBIENT, MESH_STRICT, policy("PERMISSIVE", {"8080": "STRICT"})) == []


def test_silent_in_no_mesh():
    assert findings(RULE, namespace("shop"), *workload(app("cart")), policy("DISABLE")) == []


def test_boundary_a_port_that_stays_strict_is_another_finding():
    assert findings(RULE, *AMBIENT, MESH_STRICT, policy(None, {"9090": "DISABLE"})) == []
