"""From an object to what each chain enforces of it: parse, reduce, trust domains, attachment."""

import pytest
from tests.support.mesh import mesh, o
from tests.support.scenes import policy

from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.metadata import ObjectId
from sidestep.semantics.authorization.attachment import (
    GatewayTarget,
    ServiceTarget,
    for_gateway,
    for_waypoint,
    for_workload,
)
from sidestep.semantics.authorization.evaluate import Ground, judge, policy_set
from sidestep.semantics.authorization.parse import parse_policy, unplaced_policy
from sidestep.semantics.authorization.policy import Action, Attribute, Policy, TargetRef
from sidestep.semantics.authorization.reduce import effective_rules
from sidestep.semantics.authorization.seen import Chain, HttpSeen, Seen
from sidestep.semantics.authorization.trust import Bundle

GET = {"to": [{"operation": {"methods": ["GET"]}}]}
WEB = "cluster.local/ns/shop/sa/web"
FROM_WEB = {"from": [{"source": {"principals": [WEB]}}]}


def parsed(*rules, action="ALLOW", **more):
    (found,) = mesh(policy("p", *rules, action=action, **more)).of(AUTHORIZATION_POLICY)
    return parse_policy(found)


def seen(method="GET", identity=WEB, **more):
    return Seen(identity, "10.1.1.1", "10.1.1.1", "10.2.2.2", 8080, http=HttpSeen(method) if method else None, **more)


def allowed(policies, what, chain=Chain.HTTP, **more):
    return judge(policies, what, chain, **more).allowed


def test_an_absent_action_allows():
    (found,) = mesh(o.istio("AuthorizationPolicy", "p", "shop", {})).of(AUTHORIZATION_POLICY)
    assert parse_policy(found).action is Action.ALLOW
    assert allowed([parse_policy(found)], seen()) is False


@pytest.mark.parametrize("spec", [None, {}, {"rules": None}, {"rules": []}, {"selector": None}, {"targetRefs": None}])
def test_null_is_absent(spec):
    (found,) = mesh(o.istio("AuthorizationPolicy", "p", "shop", spec)).of(AUTHORIZATION_POLICY)
    assert parse_policy(found) == Policy(found.id, Action.ALLOW)


def test_of_a_broken_policy_its_place_is_kept():
    broken = parsed(GET, app="cart", rules=5)
    assert broken.invalid.startswith("rules:")
    assert broken.selector == {"app": "cart"}
    assert not broken.unplaced


def test_a_broken_place_is_everywhere():
    assert parsed(GET, selector=5).unplaced


def test_the_older_single_reference():
    assert parsed(targetRef={"kind": "Service", "name": "cart"}).targets == (TargetRef("", "Service", "cart"),)
    both = parsed(
        targetRef={"kind": "Service", "name": "a"}, targetRefs=[{"kind": "Service", "name": "b", "group": "core"}]
    )
    assert both.targets == (TargetRef("", "Service", "b"),)


@pytest.mark.parametrize(
    ("written", "dry"), [("true", True), ("1", True), ("T", True), ("false", False), ("yes", False), ("", False)]
)
def test_dry_runs_only_watch(written, dry):
    tree = policy("p", action="DENY", rules=[{}])
    tree["metadata"]["annotations"] = {"istio.io/dry-run": written}
    (found,) = mesh(tree).of(AUTHORIZATION_POLICY)
    assert parse_policy(found).dry_run is dry
    assert allowed([parse_policy(found)], seen()) is dry


def test_a_clause_without_conditions_is_true():
    for rule in (
        {},
        {"from": [{}]},
        {"from": [{"source": {}}]},
        {"to": [{"operation": None}]},
        {"when": [{"key": "source.ip"}]},
    ):
        assert allowed([parsed(rule)], seen()) is True


@pytest.mark.parametrize(
    ("rule", "what", "matches"),
    [
        ({**FROM_WEB, **GET}, seen(), True), ({**FROM_WEB, **GET}, seen("POST"), False), ({**FROM_WEB, **GET}, seen(identity=None), False),
        ({"from": [{"source": {"principals": ["x"]}}, {"source": {"principals": [WEB]}}]}, seen(), True),
        ({"from": [{"source": {"principals": [WEB], "notNamespaces": ["shop"]}}]}, seen(), False),
        ({"to": [{"operation": {"methods": ["GET", "POST"], "ports": ["8080"]}}]}, seen("POST"), True),
        ({"when": [{"key": "source.ip", "values": ["10.0.0.0/8"], "notValues": ["10.1.0.0/16"]}]}, seen(), False),
        ({"when": [{"key": "source.ip", "values": ["10.0.0.0/8"]}, {"key": "destination.ip", "values": ["10.9.0.0/16"]}]}, seen(), False),
        ({"when": [{"key": "request.headers[x]", "notValues": ["a"]}]}, seen(), True), ({"when": [{"key": "request.headers[x]", "values": ["*"]}]}, seen(), False),
        ({"when": [{"key": "no.such", "values": ["a"]}]}, seen(), False),
    ],
)  # fmt: skip
def test_rules(rule, what, matches):
    assert allowed([parsed(rule)], what) is matches
    assert allowed([parsed(rule, action="DENY")], what) is not matches


@pytest.mark.parametrize(
    ("policies", "ground", "answer"),
    [
        ((), Ground.NO_POLICY, True), (("DENY",), Ground.DENIED_BY, False), (("ALLOW", "DENY"), Ground.DENIED_BY, False), (("ALLOW",), Ground.ALLOWED_BY, True),
        (("CUSTOM",), Ground.EXTERNAL, None), (("CUSTOM", "DENY"), Ground.DENIED_BY, False), (("CUSTOM", "ALLOW"), Ground.EXTERNAL, None), (("AUDIT",), Ground.NO_POLICY, True),
    ],
)  # fmt: skip
def test_the_order_of_actions(policies, ground, answer):
    found = judge([parsed(GET, action=action) for action in policies], seen(), Chain.HTTP)
    assert (found.ground, found.allowed) == (ground, answer)
    other = judge([parsed(GET, action=action) for action in policies], seen("POST"), Chain.HTTP)
    assert other.allowed is ("ALLOW" not in policies)


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        (GET, None), ({**FROM_WEB, **GET}, [Attribute.PRINCIPAL]), (FROM_WEB, [Attribute.PRINCIPAL]), ({"to": [{"operation": {"methods": ["GET"], "ports": ["80"]}}]}, [Attribute.PORT]),
        ({"when": [{"key": "request.headers[x]", "values": ["a"]}]}, None), ({"when": [{"key": "remote.ip", "values": ["10.0.0.0/8"]}]}, [Attribute.REMOTE_IP]),
        ({"from": [{"source": {"requestPrincipals": ["*"]}}, {"source": {"namespaces": ["shop"]}}]}, None),
    ],
)  # fmt: skip
def test_a_tcp_chain_drops_allow_rules_with_http_and_widens_deny_rules(rule, left):
    """§3.4; a clause of which one alternative became true is true."""
    http = any(name in str(rule) for name in ("methods", "headers", "requestPrincipals"))
    assert len(effective_rules(parsed(rule), Chain.TCP, Bundle())) == (0 if http else 1)
    (wider,) = effective_rules(parsed(rule, action="DENY"), Chain.TCP, Bundle())
    terms = [term.attribute for clause in wider.clauses for part in clause.any_of for term in part.terms]
    assert terms == (left or [])
    assert effective_rules(parsed(rule), Chain.HTTP, Bundle()) == parsed(rule).rules


def test_an_allow_policy_of_which_nothing_is_left_still_shuts_everybody_out():
    assert allowed([parsed(GET)], seen(None), Chain.TCP) is False
    assert allowed([parsed(GET, action="DENY")], seen(None), Chain.TCP) is False


def test_a_broken_address_drops_an_allow_rule_and_widens_a_deny_rule():
    source = {"from": [{"source": {"ipBlocks": ["nonsense"], "principals": [WEB]}}]}
    assert effective_rules(parsed(source), Chain.HTTP, Bundle()) == ()
    assert allowed([parsed(source, action="DENY")], seen()) is False


@pytest.mark.parametrize(
    ("domains", "written", "variants"),
    [
        (("td",), "td/ns/a/sa/b", {"td/ns/a/sa/b"}), (("td", "old"), "td/ns/a/sa/b", {"td/ns/a/sa/b", "old/ns/a/sa/b"}), (("td", "old"), "old/ns/a/sa/b", {"td/ns/a/sa/b", "old/ns/a/sa/b"}),
        (("td", "old"), "cluster.local/ns/a/sa/b", {"td/ns/a/sa/b", "old/ns/a/sa/b"}), (("td", "old"), "other/ns/a/sa/b", {"other/ns/a/sa/b"}),
        (("td", "old"), "*", {"*"}), (("td", "old"), "*/ns/a/sa/b", {"*/ns/a/sa/b"}), (("td", "old"), "td/*", {"td/*"}), (("td",), "", {""}),
    ],
)  # fmt: skip
def test_trust_domains_that_count_as_one(domains, written, variants):
    assert set(Bundle(domains).principals((written,))) == variants


def test_aliases_admit_who_still_has_the_old_name():
    rule, old = parsed(FROM_WEB), seen(identity="old/ns/shop/sa/web")
    assert allowed([rule], old) is False
    assert allowed([rule], old, bundle=Bundle(("cluster.local", "old"))) is True


def test_what_is_unreadable_leaves_only_a_sure_deny_certain():
    broken, deny, allow = parsed(rules=5), parsed(FROM_WEB, action="DENY"), parsed(GET)
    assert judge([broken, allow], seen(), Chain.HTTP).ground is Ground.UNREADABLE
    assert allowed([broken, deny], seen()) is False
    assert allowed([broken, deny], seen(identity="x")) is None
    by_address = parsed({"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]}, action="DENY")
    blind = policy_set([broken, by_address], Chain.HTTP, Bundle()).judge(seen(), frozenset({Attribute.SOURCE_IP}))
    assert blind.allowed is None


@pytest.mark.parametrize(
    ("action", "rule", "answer"),
    [
        ("DENY", {"from": [{"source": {"notIpBlocks": ["10.0.0.0/8"]}}]}, None), ("ALLOW", {"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]}, None),
        ("DENY", {"from": [{"source": {"ipBlocks": ["10.0.0.0/8"], "principals": ["x"]}}]}, True), ("ALLOW", {"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}, {"source": {"principals": [WEB]}}]}, True),
        ("ALLOW", {"from": [{"source": {"ipBlocks": ["10.0.0.0/8"], "principals": ["x"]}}]}, False),
    ],
)  # fmt: skip
def test_what_nobody_knows_decides_only_where_it_may_turn_the_answer(action, rule, answer):
    found = policy_set([parsed(rule, action=action)], Chain.HTTP, Bundle()).judge(
        seen(), frozenset({Attribute.SOURCE_IP})
    )
    assert found.allowed is answer


def at(space, *, selector=None, targets=(), unplaced=False):
    return Policy(
        ObjectId("security.istio.io/v1", "AuthorizationPolicy", space, "p"),
        Action.ALLOW,
        (),
        selector,
        targets,
        unplaced=unplaced,
    )


GATEWAY = TargetRef("gateway.networking.k8s.io", "Gateway", "waypoint")
CLASS = TargetRef("gateway.networking.k8s.io", "GatewayClass", "istio-waypoint")
CART = TargetRef("", "Service", "cart")
ENTRY = TargetRef("networking.istio.io", "ServiceEntry", "api")


@pytest.mark.parametrize(
    ("policy", "workload", "gateway", "waypoint", "pods"),
    [
        (at("shop"), True, True, False, False), (at("root"), True, True, False, False), (at("other"), False, False, False, False),
        (at("shop", selector={"app": "cart"}), True, True, False, False), (at("shop", selector={"app": "x"}), False, False, False, False),
        (at("root", selector={"app": "cart"}), True, True, False, False), (at("shop", selector={}), True, True, False, False),
        (at("shop", targets=(CART,)), False, False, True, False), (at("other", targets=(CART,)), False, False, False, False),
        (at("root", targets=(CART,)), False, False, False, False), (at("shop", targets=(GATEWAY,)), False, True, True, True),
        (at("other", targets=(GATEWAY,)), False, False, False, False), (at("root", targets=(CLASS,)), False, False, True, True),
        (at("shop", targets=(CLASS,)), False, False, False, False), (at("shop", targets=(ENTRY,)), False, False, False, False),
        (at("shop", targets=(TargetRef("apps", "Service", "cart"),)), False, False, False, False), (at("shop", unplaced=True), True, True, True, True),
        (at("shop", targets=(TargetRef("", "Service", "x"), CART)), False, False, True, False),
    ],
)  # fmt: skip
def test_where_policies_attach(policy, workload, gateway, waypoint, pods):
    """§3.1: at pods of `shop`; at a Gateway there; at the waypoint for Service cart; at the waypoint for pods."""
    target, labels = GatewayTarget("shop", "waypoint"), {"app": "cart", "v": "1"}
    assert bool(for_workload([policy], "root", "shop", labels)) is workload
    assert bool(for_gateway([policy], "root", target, labels)) is gateway
    assert bool(for_waypoint([policy], "root", target, ServiceTarget("Service", "shop", "cart"))) is waypoint
    assert bool(for_waypoint([policy], "root", target, None)) is pods


def test_entries_attach_by_the_name_of_their_object():
    entry = ServiceTarget("ServiceEntry", "shop", "api")
    assert for_waypoint([at("shop", targets=(ENTRY,))], "root", GatewayTarget("shop", "w"), entry)
    assert not for_waypoint(
        [at("shop", targets=(TargetRef("", "ServiceEntry", "api"),))], "root", GatewayTarget("shop", "w"), entry
    )


def test_the_stand_in_for_what_was_not_read_is_never_certain():
    assert allowed([unplaced_policy(at("shop").id, "why")], seen()) is None
