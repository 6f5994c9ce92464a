"""Objects that Istio's admission refuses: named by field, each by itself."""

import pytest
from tests.support.mesh import app, findings, o, workload

from sidestep.audit.rules.refused_by_istio import RULE


@pytest.mark.parametrize(
    ("kind", "spec", "told"),
    [
        ("AuthorizationPolicy", {"rules": [{"to": ["operation"]}]}, "rules[0].to[0]: expected an object, found a string"),
        ("AuthorizationPolicy", {"rules": 7}, "rules: expected a list, found a number"),
        ("AuthorizationPolicy", {"action": "PERMIT", "rules": [{}]}, "action"),
        ("PeerAuthentication", {"portLevelMtls": {"8080": {"mode": "STRICT"}}}, "portLevelMtls"),
        ("VirtualService", {"hosts": ["cart"], "http": [{"timeout": "0s", "route": [{"destination": {"host": "cart"}}]}]},
         "timeout"),
    ],
)  # fmt: skip
def test_reports_what_is_refused_with_the_field(kind, spec, told):
    (found,) = findings(RULE, *workload(app("cart")), o.istio(kind, "x", "shop", spec))
    assert (found.object.kind, found.object.name, found.severity) == (kind, "x", "error")
    assert told in found.message
    assert found.message.startswith("Istio refuses it: ")


def test_silent_about_what_comes_in():
    fine = [
        o.istio("AuthorizationPolicy", "closed", "shop", {}),
        o.istio("AuthorizationPolicy", "get", "shop", {"rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]}),
        o.istio("VirtualService", "x", "shop", {"hosts": ["a"], "http": [{"route": [{"destination": {"host": "a"}}]}]}),
        o.istio("PeerAuthentication", "default", "shop", {"mtls": {"mode": "STRICT"}}),
    ]
    assert not findings(RULE, *workload(app("cart")), *fine)


@pytest.mark.parametrize(("timeout", "refused"), [("1ms", False), ("999us", True)])
def test_boundary_of_a_time_limit_is_a_millisecond(timeout, refused):
    spec = {"hosts": ["cart"], "http": [{"timeout": timeout, "route": [{"destination": {"host": "cart"}}]}]}
    assert bool(findings(RULE, *workload(app("cart")), o.istio("VirtualService", "x", "shop", spec))) is refused
