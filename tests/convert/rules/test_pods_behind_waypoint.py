"""The waypoint admitted at the pods, and the way past it shut."""

import pytest
from tests.support.conversions import context, manifests, one, severities
from tests.support.scenes import index, m, pods, policy, principal, service

from sidestep.convert.rules.pods_behind_waypoint import RULE as REWRITE

GET = {"to": [{"operation": {"methods": ["GET"]}}]}
FROM_WEB = {"from": [{"source": {"principals": [principal("web")]}}]}
CART = [*pods("cart"), service("cart")]
TOKENS = m.o.istio("RequestAuthentication", "t", "shop", {"jwtRules": [{"issuer": "i", "jwks": "{}"}]})


def rewrite(*objects, behind=("cart",), name="cart", **how):
    return one(REWRITE, context(index(*objects), *behind, **how), "Service", name)


def test_an_allow_list_gets_the_waypoint():
    given = rewrite(*CART, policy("p", FROM_WEB, app="cart"))
    assert manifests(given)["cart-from-waypoint"]["spec"] == {
        "selector": {"matchLabels": {"app": "cart"}},
        "action": "ALLOW",
        "rules": [{"from": [{"source": {"principals": [principal("waypoint")]}}]}],
    }
    assert list(manifests(given)) == ["cart-from-waypoint"]


@pytest.mark.parametrize(
    "found",
    [policy("p", GET, action="DENY", app="cart"), policy("p", GET, action="CUSTOM", provider={"name": "x"}), TOKENS],
)
def test_what_ztunnel_cannot_refuse_shuts_the_way_past(found):
    given = rewrite(*CART, found)
    (closing,) = given.changes
    assert closing.late
    assert closing.manifest["spec"]["rules"] == [{"from": [{"source": {"notPrincipals": [principal("waypoint")]}}]}]
    assert {each for each, _ in severities(given.losses)} == {"traffic"}


def test_a_policy_of_some_ports_closes_only_these():
    rule = {"to": [{"operation": {"ports": ["8080"], "methods": ["GET"]}}]}
    given = rewrite(*CART, policy("p", rule, action="DENY", app="cart"))
    assert manifests(given)["cart-only-waypoint"]["spec"]["rules"][0]["to"] == [{"operation": {"ports": ["8080"]}}]


def test_all_waypoints_of_the_same_pods_pass():
    other = service("pay", "shop", selector={"app": "cart"})
    given = rewrite(*CART, other, policy("p", GET, action="DENY", app="cart"), behind=("cart", "pay"))
    assert manifests(given)["cart-only-waypoint"]["spec"]["rules"][0]["from"][0]["source"]["notPrincipals"] == [
        principal("waypoint")
    ]


@pytest.mark.parametrize(
    "found", [[], [policy("p", FROM_WEB, action="DENY", app="cart")], [policy("p", FROM_WEB, app="other")]]
)
def test_nothing_where_nobody_is_kept_out_by_layer_7(found):
    given = rewrite(*CART, *found)
    assert not given.changes
    assert not given.losses


def test_an_allow_by_layer_7_needs_no_closing_and_says_who_is_refused():
    given = rewrite(*CART, policy("p", GET, app="cart"))
    assert list(manifests(given)) == ["cart-from-waypoint"]
    assert severities(given.losses) == [("traffic", "spec.selector")]


def test_nothing_without_a_waypoint():
    assert not rewrite(*CART, policy("p", GET, action="DENY"), behind=()).changes


def test_a_service_past_the_waypoint_is_said():
    given = rewrite(*CART, service("back", selector={"app": "cart"}), TOKENS, name="back")
    assert not given.changes
    assert severities(given.losses) == [("traffic", "spec.selector")]


def test_some_guarded_and_some_not_shuts_nobody_out():
    objects = [*CART, *pods("canary", labels={"app": "cart", "v": "2"}), policy("p", FROM_WEB, labels={"v": "2"})]
    given = rewrite(*objects)
    assert list(manifests(given)) == ["cart-p-from-waypoint"]
    assert manifests(given)["cart-p-from-waypoint"]["spec"]["selector"] == {"matchLabels": {"app": "cart", "v": "2"}}
    assert not given.losses


def test_the_way_past_stays_open_while_some_keep_sidecars_and_that_is_said():
    objects = [*CART, *pods("slow", labels={"app": "cart"}), policy("p", GET, action="DENY", app="cart")]
    given = rewrite(*objects, moving=("cart",))
    assert not given.changes
    assert severities(given.losses) == [("security", "spec.selector")]


def test_dialling_pods_of_a_headless_service_is_lost():
    given = rewrite(*pods("cart"), service("cart", headless=True))
    assert severities(given.losses) == [("traffic", "spec.clusterIP")]


@pytest.mark.parametrize(("told", "lost"), [("Local", True), ("Cluster", False)])
def test_the_node_of_the_client_is_lost(told, lost):
    cart = service("cart")
    cart["spec"]["internalTrafficPolicy"] = told
    assert severities(rewrite(*pods("cart"), cart).losses) == [("traffic", "spec.internalTrafficPolicy")] * lost


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([], False),
        ([policy("p", FROM_WEB, action="DENY", app="cart")], False),
        ([policy("p", GET, app="cart")], True),
        ([policy("p", GET, action="DENY", app="cart")], True),
        ([TOKENS], True),
        ([policy("p", GET, service="cart")], True),
        ([policy("p", GET, service="other")], False),
    ],
    ids=["nothing", "layer 4", "an ALLOW", "a DENY", "tokens", "at the waypoint", "at another's waypoint"],
)
def test_a_second_service_past_the_waypoint_is_told_where_anything_is_judged(found, told):
    canary = service("cart-canary", selector={"app": "cart"})
    given = rewrite(*CART, canary, *found, name="cart-canary")
    assert [f"{each.severity.value} {each.field}" for each in given.losses] == ["traffic spec.selector"] * told
