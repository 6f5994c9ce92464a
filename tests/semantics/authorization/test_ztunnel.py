"""What istiod sends to ztunnel of a policy, and what ztunnel makes of it (istio-semantics.md §3.5, §3.6)."""

import pytest
from tests.semantics.authorization.test_policies import FROM_WEB, GET, WEB, parsed

from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import Address, Authorization, Scope, Withheld, convert, matching_group
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet

PORT = {"to": [{"operation": {"ports": ["8080"]}}]}
SEEN = Seen(WEB, "10.1.1.1", "10.1.1.1", "10.2.2.2", 8080)


def sent(*rules, action="ALLOW", **more):
    found = convert(parsed(*rules, action=action, **more), "istio-system")
    assert isinstance(found, Authorization)
    return found


def verdict(*policies, seen=SEEN, unreadable=()):
    deny = tuple(each for each in policies if each.action is Action.DENY)
    allow = tuple(each for each in policies if each.action is Action.ALLOW)
    return ZtunnelSet(deny, allow, unreadable).judge(seen)


@pytest.mark.parametrize(
    ("action", "rule", "groups", "lost"),
    [
        ("ALLOW", GET, 0, ("methods",)), ("ALLOW", {**FROM_WEB, **GET}, 0, ("methods",)), ("ALLOW", FROM_WEB, 1, ()), ("DENY", GET, 1, ("methods",)),
        ("DENY", {**FROM_WEB, **GET}, 1, ("methods",)), ("ALLOW", {"when": [{"key": "connection.sni", "values": ["a"]}]}, 0, ("connection.sni",)),
        ("ALLOW", {"when": [{"key": "source.serviceAccount", "values": ["a"]}]}, 0, ("source.serviceAccount",)),
        ("ALLOW", {"when": [{"key": "destination.port", "values": ["80"]}]}, 1, ()), ("ALLOW", {"from": [{"source": {"remoteIpBlocks": ["10.0.0.0/8"]}}]}, 0, ("remoteIpBlocks",)),
        ("ALLOW", {"from": [{"source": {"trustDomains": ["td"], "namespaces": ["a"]}}]}, 1, ()), ("ALLOW", {"to": [{"operation": {"notHosts": ["a"]}}]}, 0, None),
    ],
)  # fmt: skip
def test_what_is_sent(action, rule, groups, lost):
    found = sent(rule, action=action)
    assert len(found.groups) == groups
    assert lost is None or found.lost == lost
    assert lost is not None or found.lost


@pytest.mark.parametrize(
    "more",
    [{"action": "CUSTOM"}, {"action": "AUDIT"}, {"targetRefs": [{"kind": "Service", "name": "cart"}]}],
)
def test_what_is_not_sent(more):
    assert isinstance(convert(parsed(GET, **more), "istio-system"), Withheld)


@pytest.mark.parametrize(
    ("space", "app", "scope"),
    [("istio-system", "", Scope.GLOBAL), ("shop", "", Scope.NAMESPACE), ("shop", "cart", Scope.WORKLOAD_SELECTOR)],
)
def test_scopes(space, app, scope):
    assert sent(FROM_WEB, space=space, app=app).scope is scope


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (GET, False), ({**FROM_WEB, **GET}, False), ({"to": [{"operation": {"methods": ["GET"], "ports": ["8080"]}}]}, True),
        ({"to": [{"operation": {"methods": ["GET"]}}, {"operation": {"ports": ["8080"]}}]}, True), ({}, True),
        ({**FROM_WEB, "when": [{"key": "request.headers[x]", "values": ["a"]}]}, False),
        ({"from": [{"source": {"trustDomains": ["td"]}}]}, False), ({"from": [{"source": {"trustDomains": ["td"], "namespaces": ["shop"]}}]}, True),
        ({"from": [{"source": {"ipBlocks": ["x"], "namespaces": ["shop"]}}]}, True),
    ],
)  # fmt: skip
def test_a_deny_loses_what_is_layer_7_and_a_clause_left_empty_makes_it_void(rule, matches):
    """D06, D07, D09."""
    found = sent(rule, action="DENY")
    assert (matching_group(found, SEEN) is not None) is matches
    assert verdict(found).allowed is not matches


@pytest.mark.parametrize(
    ("source", "identity", "matches"),
    [
        ({"principals": [WEB]}, WEB, True), ({"principals": ["*"]}, None, False), ({"notPrincipals": ["*"]}, None, True), ({"principals": ["old/ns/shop/sa/web"]}, WEB, False),
        ({"namespaces": ["s*p"]}, WEB, False), ({"namespaces": ["s*"]}, WEB, True), ({"namespaces": ["*op"]}, WEB, True), ({"serviceAccounts": ["web"]}, WEB, True),
        ({"serviceAccounts": ["web"]}, "far/ns/shop/sa/web", True), ({"serviceAccounts": ["back/web"]}, WEB, False), ({"notNamespaces": ["shop"]}, None, True),
        ({"ipBlocks": ["10.1.0.0/16"]}, WEB, True), ({"ipBlocks": ["10.1.1.1"]}, None, True), ({"notIpBlocks": ["10.1.0.0/16"]}, WEB, False), ({"ipBlocks": ["::/0"]}, WEB, False),
        ({"principals": [WEB], "ipBlocks": ["10.9.0.0/16"]}, WEB, False),
    ],
)  # fmt: skip
def test_sources(source, identity, matches):
    """An inner star is a literal (D11), aliases are not known (D10), the trust domain of an account is not asked."""
    what = Seen(identity, "10.1.1.1", "", "10.2.2.2", 8080)
    assert (matching_group(sent({"from": [{"source": source}]}), what) is not None) is matches


def test_host_bits_of_a_network_are_kept():
    (group,) = sent({"from": [{"source": {"ipBlocks": ["10.1.2.3/8"]}}]}).groups
    assert group.clauses[0][0].positive.source_ips == (Address("10.1.2.3", 8),)


@pytest.mark.parametrize(
    ("policies", "allowed"),
    [
        ([], True), ([sent(action="DENY")], True), ([sent()], False), ([sent(GET)], False), ([sent(FROM_WEB)], True), ([sent(FROM_WEB), sent(GET)], True),
        ([sent({}), sent(PORT, action="DENY")], False), ([sent({"to": [{"operation": {"ports": ["9"]}}]})], False),
    ],
)  # fmt: skip
def test_verdicts(policies, allowed):
    """An ALLOW of which nothing is left admits nobody (D05); a policy without rules matches nothing."""
    assert verdict(*policies).allowed is allowed


NEAR = {"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]}
NOT_NEAR = {"from": [{"source": {"notIpBlocks": ["10.0.0.0/8"]}}]}


@pytest.mark.parametrize(
    ("policies", "allowed"),
    [
        ([sent(NEAR, action="DENY")], None), ([sent(NOT_NEAR, action="DENY")], None), ([sent(NEAR)], None), ([sent(NOT_NEAR)], None), ([sent(NEAR), sent(FROM_WEB)], True),
        ([sent({**NEAR, "to": [{"operation": {"ports": ["9"]}}]}, action="DENY")], True), ([sent({**NEAR, "to": [{"operation": {"ports": ["9"]}}]})], False),
        ([sent(NEAR, action="DENY"), sent(FROM_WEB, action="DENY")], False), ([sent(NEAR, action="DENY"), sent()], False),
    ],
)  # fmt: skip
def test_an_address_that_nobody_knows_is_neither_in_nor_out(policies, allowed):
    """`notIpBlocks` was taken to match it, for certain."""
    found = verdict(*policies, seen=Seen(WEB, "", "", "10.2.2.2", 8080))
    assert found.allowed is allowed
    assert found.allowed is not None or found.reason


def test_what_is_unreadable_leaves_only_a_deny_certain():
    broken = (parsed(rules=5),)
    assert verdict(unreadable=broken).allowed is None
    assert "rules" in verdict(unreadable=broken).reason
    assert verdict(sent(), unreadable=broken).allowed is None
    assert verdict(sent(FROM_WEB, action="DENY"), unreadable=broken).allowed is False
