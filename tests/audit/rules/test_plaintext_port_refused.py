import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.plaintext_port_refused import RULE

AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))
SIDECARS = (namespace("shop"), *workload(inject(app("cart"), Sidecar())))


def policy(mode=None, ports=None, space="shop", name="cart"):
    spec = {"mtls": {"mode": mode}} if mode else {}
    if ports:
        levels = {port: {"mode": own} for port, own in ports.items()}
        spec |= {"selector": {"matchLabels": {"app": "cart"}}, "portLevelMtls": levels}
    return o.istio("PeerAuthentication", name, space, spec)


MESH_STRICT = policy("STRICT", space="istio-system", name="default")


@pytest.mark.parametrize(("mesh", "severity"), [(AMBIENT, "error"), (SIDECARS, "warning")])
def test_reports_an_exception_that_ambient_does_not_see(mesh, severity):
    (found,) = findings(RULE, *mesh, MESH_STRICT, policy(None, {"9090": "DISABLE"}))
    assert found.severity == severity
    assert "port 9090" in found.message


def test_reports_it_under_a_strict_namespace():
    strict = policy("STRICT", name="default")
    assert len(findings(RULE, *AMBIENT, strict, policy(None, {"9090": "DISABLE"}))) == 1


def test_silent_on_permissive_ports():
    assert findings(RULE, *AMBIENT, MESH_STRICT, policy(None, {"9090": "PERMISSIVE"})) == []


def test_silent_where_the_workload_says_its_own_mode():
    assert findings(RULE, *AMBIENT, MESH_STRICT, policy("STRICT", {"9090": "DISABLE"})) == []


def test_silent_without_a_strict_parent():
    assert findings(RULE, *AMBIENT, policy(None, {"9090": "DISABLE"})) == []
    open_space = policy("PERMISSIVE", name="default")
    assert findings(RULE, *AMBIENT, MESH_STRICT, open_space, policy(None, {"9090": "DISABLE"})) == []


def test_boundary_one_permissive_port_carries_the_others():
    both = policy(None, {"9090": "DISABLE", "9091": "PERMISSIVE"})
    assert findings(RULE, *AMBIENT, MESH_STRICT, both) == []
