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


def mixed(*rules, name="mixed"):
    made = policy(name=name)
    made["spec"]["ingress"] = list(rules)
    return made


def rule(*peers, port=None):
    ports = {"ports": [{"port": port, "protocol": "TCP"}]} if port else {}
    return {**({"from": list(peers)} if peers else {}), **ports}


NEIGHBOURS = {"podSelector": {}}
EDGE = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "edge"}}}
DOOR = {**EDGE, "podSelector": {"matchLabels": {"app": "door"}}}
BLOCK = {"ipBlock": {"cidr": "10.0.0.0/8"}}
ANYWHERE = {"namespaceSelector": {}}


@pytest.mark.parametrize(
    "rules",
    [
        (rule(EDGE, port=8080), rule(NEIGHBOURS)),
        (rule(port=8443), rule(NEIGHBOURS)),
        (rule(EDGE, port=8080), rule(DOOR, port=15008)),
        (rule(EDGE, NEIGHBOURS, port=8080), rule(NEIGHBOURS)),
    ],
)
def test_reports_whoever_is_admitted_to_a_port_and_not_to_15008(rules):
    first, second = (mixed(each, name=name) for each, name in zip(rules, ("some", "others"), strict=True))
    (found,) = findings(RULE, *MESHED, first, second)
    assert found.object.name == "some"
    assert len(findings(RULE, *MESHED, mixed(*rules))) == 1


@pytest.mark.parametrize(
    "rules",
    [
        (rule(NEIGHBOURS, port=8080), rule(NEIGHBOURS, port=15008)),
        (rule(DOOR, port=8080), rule(EDGE)),
        (rule(EDGE, NEIGHBOURS, port=8080), rule(ANYWHERE, port=15008)),
        (rule(EDGE, port=8080), rule(port=15008)),
        (rule(BLOCK, port=8080), rule(NEIGHBOURS)),
        (rule(EDGE, port=8080), rule(BLOCK, port=15008)),
        ({"from": [EDGE], "ports": [{"port": 53, "protocol": "UDP"}]}, rule(NEIGHBOURS)),
    ],
)
def test_silent_where_the_same_clients_are_admitted_to_15008(rules):
    assert findings(RULE, *MESHED, mixed(*rules)) == []
