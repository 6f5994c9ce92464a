import pytest
from tests.support.mesh import Sidecar, app, findings, inject, o, workload

from sidestep.audit.rules.network_policy_blocks_hbone import RULE

MESHED = workload(inject(app("cart"), Sidecar()))


def policy(*ports, app_name="cart", name="http"):
    return o.network_policy(name, "shop", app_name, ports)


def test_reports_a_policy_that_admits_only_the_applications_port():
    (found,) = findings(RULE, *MESHED, policy(8080))
    assert found.object.kind == "NetworkPolicy"
    assert "8080/TCP" in found.message
    assert found.severity == "error"


def test_reports_a_blocker_where_pods_are_in_ambient_already():
    captured = app("cart")
    captured["metadata"]["annotations"] = {"ambient.istio.io/redirection": "enabled"}
    (found,) = findings(RULE, *workload(captured), policy(8080))
    assert found.severity == "blocker"


def test_silent_where_15008_is_admitted():
    assert findings(RULE, *MESHED, policy(8080, 15008)) == []
    assert findings(RULE, *MESHED, policy()) == []


def test_silent_where_another_policy_admits_it():
    assert findings(RULE, *MESHED, policy(8080), policy(15008, name="hbone")) == []


def test_silent_on_pods_in_no_mesh():
    assert findings(RULE, *workload(app("cart")), policy(8080)) == []


def test_silent_on_policies_for_others_and_on_denying_everything():
    nothing = policy(name="deny")
    nothing["spec"]["ingress"] = []
    assert findings(RULE, *MESHED, policy(8080, app_name="other"), nothing) == []


def test_silent_on_egress_policies():
    egress = policy(8080)
    egress["spec"]["policyTypes"] = ["Egress"]
    assert findings(RULE, *MESHED, egress) == []


@pytest.mark.parametrize(
    ("first", "last", "admitted"), [(15000, 15007, False), (15000, 15008, True), (15009, 16000, False)]
)
def test_boundary_ranges(first, last, admitted):
    ranged = policy(8080)
    ranged["spec"]["ingress"][0]["ports"] = [{"port": first, "endPort": last, "protocol": "TCP"}]
    assert (findings(RULE, *MESHED, ranged) == []) is admitted


def test_boundary_udp_is_another_port():
    udp = policy(8080)
    udp["spec"]["ingress"][0]["ports"] = [{"port": 15008, "protocol": "UDP"}]
    assert len(findings(RULE, *MESHED, udp)) == 1
