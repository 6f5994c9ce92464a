import pytest
from tests.support.mesh import findings, o

from sidestep.audit.rules.roots_differ import RULE


def pem(*names):
    return "\n".join(f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----" for name in names)


def bundle(space, text):
    return o.thing("v1", "ConfigMap", o.meta("istio-ca-root-cert", space), data={"root-cert.pem": text})


USUAL = (bundle("a", pem("OLD")), bundle("b", pem("OLD")))


def test_reports_a_namespace_with_another_root():
    (found,) = findings(RULE, *USUAL, bundle("c", pem("NEW")))
    assert (found.object.namespace, found.severity) == ("c", "error")
    assert "no root is common" in found.message


def test_reports_a_rotation_under_way():
    (found,) = findings(RULE, *USUAL, bundle("c", pem("OLD", "NEW")))
    assert found.severity == "warning"
    assert "under way" in found.message


def test_silent_where_all_are_alike():
    assert findings(RULE, *USUAL) == []


def test_silent_where_none_was_read():
    assert findings(RULE, o.thing("v1", "ConfigMap", o.meta("istio", "a"), data={"mesh": "{}"})) == []


@pytest.mark.parametrize("text", [pem("OLD") + "\n", pem("OLD").replace("\n", "\r\n"), "", "no certificate"])
def test_boundary_line_ends_and_empty_bundles(text):
    assert findings(RULE, *USUAL, bundle("c", text)) == []
