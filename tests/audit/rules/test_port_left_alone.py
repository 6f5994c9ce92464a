"""Ports that sidecars leave alone: told where ztunnel would refuse plaintext to them."""

import pytest
from tests.support.mesh import Sidecar, annotations_on, app, findings, inject, o, workload

from sidestep.audit.rules.port_left_alone import RULE

EXCLUDED = {"traffic.sidecar.istio.io/excludeInboundPorts": "9090"}
STRICT = o.istio("PeerAuthentication", "default", "istio-system", {"mtls": {"mode": "STRICT"}})
SELECTED = {"selector": {"matchLabels": {"app": "cart"}}}
PERMITTED = o.istio(
    "PeerAuthentication", "metrics", "shop", {**SELECTED, "portLevelMtls": {"9090": {"mode": "PERMISSIVE"}}}
)
DENY_ALL = o.istio("AuthorizationPolicy", "nobody", "istio-system", {})


def cart(annotations=None, *, meshed=True):
    made = app("cart")
    made["spec"]["containers"][0]["ports"] = [{"containerPort": 8080}, {"containerPort": 9090}]
    made = annotations_on(made, EXCLUDED if annotations is None else annotations)
    return workload(inject(made, Sidecar()) if meshed else made)


def allow(port):
    spec = {**SELECTED, "rules": [{"to": [{"operation": {"ports": [port]}}]}]}
    return o.istio("AuthorizationPolicy", "metrics", "shop", spec)


def test_reports_a_port_under_strict_with_what_refuses():
    (found,) = findings(RULE, *cart(), STRICT)
    assert (found.object.kind, found.severity) == ("Deployment", "warning")
    assert "port 9090 alone" in found.message
    assert "mTLS is STRICT" in found.message
    assert "portLevelMtls" in found.fix


def test_reports_a_policy_that_refuses_by_name():
    (found,) = findings(RULE, *cart(), DENY_ALL)
    assert "AuthorizationPolicy istio-system/nobody admits nobody" in found.message


def test_reports_what_is_not_among_the_included_ports():
    (found,) = findings(RULE, *cart({"traffic.sidecar.istio.io/includeInboundPorts": "8080"}), STRICT)
    assert "port 9090 alone" in found.message


def test_reports_several_ports_once():
    (found,) = findings(RULE, *cart({"traffic.sidecar.istio.io/includeInboundPorts": ""}), STRICT)
    assert "8080, 9090" in found.message


@pytest.mark.parametrize(
    "objects",
    [
        cart(),
        [*cart(), STRICT, PERMITTED],
        [*cart(), DENY_ALL, allow("9090")],
        [*cart({}), STRICT],
        [*cart({"traffic.sidecar.istio.io/excludeInboundPorts": "15020"}), STRICT],
        [*cart({"traffic.sidecar.istio.io/excludeOutboundPorts": "9090"}), STRICT],
        [*cart(meshed=False), STRICT],
    ],
)
def test_silent_where_ztunnel_refuses_nobody_or_the_sidecar_does_not_leave_it_alone(objects):
    assert findings(RULE, *objects) == []


def test_boundary_a_policy_for_another_port_admits_nobody_here():
    assert len(findings(RULE, *cart(), DENY_ALL, allow("9091"))) == 1
