"""What becomes of rules at ztunnel: the cases of D05 to D09."""

import pytest
from tests.support.mesh import mesh, o

from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.semantics.ztunnel_policy import Fate, at_ztunnel, drops_trust_domains, reported

WEB = [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]
GET = {"operation": {"methods": ["GET"]}}
PORT = {"operation": {"ports": ["80"]}}
BOTH = {"operation": {"methods": ["GET"], "ports": ["80"]}}


def left(rules, action="ALLOW", **spec):
    policy = o.istio("AuthorizationPolicy", "p", "shop", {"action": action, "rules": rules, **spec})
    (resource,) = mesh(policy).of(AUTHORIZATION_POLICY)
    return at_ztunnel(resource)


@pytest.mark.parametrize(
    ("rule", "allow", "deny"),
    [
        ({}, Fate.WHOLE, Fate.WHOLE),
        ({"from": WEB}, Fate.WHOLE, Fate.WHOLE),
        ({"to": [PORT]}, Fate.WHOLE, Fate.WHOLE),
        ({"to": [GET]}, Fate.DROPPED, Fate.POWERLESS),
        ({"from": WEB, "to": [GET]}, Fate.DROPPED, Fate.POWERLESS),
        ({"to": [BOTH]}, Fate.DROPPED, Fate.WIDER),
        ({"from": WEB, "to": [BOTH]}, Fate.DROPPED, Fate.WIDER),
        ({"to": [GET, PORT]}, Fate.DROPPED, Fate.PARTLY_POWERLESS),
        ({"from": WEB, "when": [{"key": "remote.ip", "values": ["10.0.0.1"]}]}, Fate.DROPPED, Fate.POWERLESS),
        ({"from": WEB, "when": [{"key": "source.ip", "values": ["10.0.0.1"]}]}, Fate.WHOLE, Fate.WHOLE),
        ({"from": [{"source": {"trustDomains": ["x"]}}]}, Fate.DROPPED, Fate.POWERLESS),
        ({"from": [{"source": {"remoteIpBlocks": ["10.0.0.0/8"], "namespaces": ["a"]}}]}, Fate.DROPPED, Fate.WIDER),
    ],
)
def test_fates(rule, allow, deny):
    assert left([rule]).rules[0].fate is allow
    assert left([rule], "DENY").rules[0].fate is deny


def test_an_allow_policy_that_admits_nobody_has_lost_all_its_rules():
    assert left([{"to": [GET]}]).admits_nobody
    assert not left([{"to": [GET]}, {"from": WEB}]).admits_nobody
    assert not left([]).admits_nobody, "it never had any"
    assert not left([{"to": [GET]}], "DENY").admits_nobody


def test_what_is_lost_is_named():
    assert left([{"to": [BOTH]}]).rules[0].lost == ("methods",)
    assert left([{"from": [{"source": {"trustDomains": ["x"]}}]}]).rules[0].lost == ("trustDomains",)


def test_what_ztunnel_never_gets():
    assert not left([{}], "CUSTOM").sent
    assert left([{}], targetRefs=[{"kind": "Service", "name": "cart"}]) is None
    assert left("broken") is None


def test_trust_domains_beside_something_else():
    mixed = [{"from": [{"source": {"trustDomains": ["x"], "namespaces": ["a"]}}]}]
    assert drops_trust_domains(left(mixed).policy)
    assert not drops_trust_domains(left([{"from": [{"source": {"trustDomains": ["x"]}}]}]).policy)


def test_the_condition_is_read_by_its_reason():
    condition = {"type": "ZtunnelAccepted", "status": "True", "reason": "UnsupportedValue"}
    assert reported({"conditions": [condition]}) == "UnsupportedValue"
    assert reported({"conditions": [{**condition, "message": "methods"}]}) == "methods"
    assert reported({"conditions": [{**condition, "reason": "Accepted"}]}) is None
    assert reported({"conditions": 3}) is reported(None) is None
