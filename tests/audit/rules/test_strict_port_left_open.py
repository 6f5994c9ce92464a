import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.strict_port_left_open import RULE

AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))
SIDECARS = (namespace("shop"), *workload(inject(app("cart"), Sidecar())))


def policy(mode=None, ports=None, space="shop", name="cart"):
    spec = {"mtls": {"mode": mode}} if mode else {}
    if ports:
        levels = {port: {"mode": own} for port, own in ports.items()}
        spec |= {"selector": {"matchLabels": {"app": "cart"}}, "portLevelMtls": levels}
    return o.istio("PeerAuthentication", name, space, spec)


MESH_STRICT = policy("STRICT", space="istio-system", name="default")


@pytest.mark.parametrize("mode", ["PERMISSIVE", "DISABLE"])
def test_reports_a_strict_port_under_a_strict_mesh(mode):
    (found,) = findings(RULE, *AMBIENT, MESH_STRICT, policy(mode, {"8080": "STRICT"}))
    assert found.severity == "blocker"
    assert "port 8080 takes plaintext now" in found.message


def test_reports_a_whole_workload_left_open():
    unset = policy(name="default")
    (found,) = findings(RULE, *AMBIENT, MESH_STRICT, unset, policy(None, {"8080": "PERMISSIVE"}))
    assert "the whole workload" in found.message


def test_reports_what_a_migration_would_open():
    (found,) = findings(RULE, *SIDECARS, MESH_STRICT, policy("PERMISSIVE", {"8080": "STRICT"}))
    assert found.severity == "warning"


def test_silent_where_the_namespace_says_so_itself():
    strict = policy("STRICT", name="default")
    assert findings(RULE, *AMBIENT, MESH_STRICT, strict, policy("PERMISSIVE", {"8080": "STRICT"})) == []


def test_silent_without_a_strict_mesh():
    assert findings(RULE, *AMBIENT, policy("PERMISSIVE", {"8080": "STRICT"})) == []


def test_silent_on_exceptions_that_work():
    assert findings(RULE, *AMBIENT, MESH_STRICT, policy("STRICT", {"8080": "PERMISSIVE"})) == []
    assert findings(RULE, *AMBIENT, MESH_STRICT, policy(None, {"8080": "PERMISSIVE"})) == []


def test_boundary_only_the_oldest_policy_of_a_level_counts():
    older = policy("PERMISSIVE", space="istio-system", name="older")
    older["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    assert findings(RULE, *AMBIENT, MESH_STRICT, older, policy("PERMISSIVE", {"8080": "STRICT"})) == []


def test_boundary_a_selector_in_the_root_namespace_selects_nothing():
    assert findings(RULE, *AMBIENT, MESH_STRICT, policy("PERMISSIVE", {"8080": "STRICT"}, "istio-system")) == []
