"""AuthorizationPolicies: before and after, and what must not change."""

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.support.conversions import after, context, convert, manifests, one, severities
from tests.support.scenes import index, m, mesh_config, pods, policy, principal, service

from sidestep.convert.rewrite import ORIGIN, RULE, ChangeKind
from sidestep.convert.rules.authorization_policy import RULE as REWRITE
from sidestep.prove.prover import Leave, Terms, prove
from sidestep.report.conversion.verdict import opened

GET = {"to": [{"operation": {"methods": ["GET"]}}]}
FROM_WEB = {"from": [{"source": {"principals": [principal("web")]}}]}
WAYPOINT = principal("waypoint")
CART = [*pods("cart"), service("cart")]


def rewrite(*objects, behind=("cart",), name="p", **how):
    return one(REWRITE, context(index(*objects), *behind, **how), "AuthorizationPolicy", name)


def rules(given, name):
    return manifests(given)[name]["spec"]["rules"]


def test_a_twin_is_attached_to_each_service_with_its_ports():
    both = [
        *CART,
        service(
            "checkout",
            selector={"app": "cart"},
            port=443,
            more_ports=({"name": "http-b", "port": 81, "targetPort": "p8080"},),
        ),
    ]
    rule = {
        "to": [{"operation": {"ports": ["8080"], "methods": ["GET"]}}],
        "when": [{"key": "destination.port", "values": ["8080"]}],
    }
    given = rewrite(*both, policy("p", rule, app="cart"), behind=("cart", "checkout"))
    made = manifests(given)
    twin = made["cart-p"]
    assert twin["metadata"] == {
        "name": "cart-p", "namespace": "shop",
        "annotations": {ORIGIN: "AuthorizationPolicy shop/p", RULE: "SID301"},
    }  # fmt: skip
    assert twin["spec"]["targetRefs"] == [{"group": "", "kind": "Service", "name": "cart"}]
    assert "selector" not in twin["spec"]
    assert twin["spec"]["rules"] == [
        {
            "to": [{"operation": {"ports": ["80"], "methods": ["GET"]}}],
            "when": [{"key": "destination.port", "values": ["80"]}],
        }
    ]
    assert rules(given, "checkout-p")[0]["to"][0]["operation"]["ports"] == ["81", "443"]
    assert made["p"] is None
    assert not given.losses


def test_what_ztunnel_holds_stays_at_the_pods():
    given = rewrite(*CART, policy("p", GET, FROM_WEB, app="cart", unknownField={"kept": 1}))
    twin, stays = manifests(given)["cart-p"], manifests(given, late=True)["p"]
    assert twin["spec"]["rules"] == [GET, FROM_WEB]
    assert stays["spec"]["rules"] == [FROM_WEB]
    assert stays["spec"]["unknownField"] == twin["spec"]["unknownField"] == {"kept": 1}
    assert stays["spec"]["selector"] == {"matchLabels": {"app": "cart"}}


def test_a_policy_of_layer_4_stays_whole():
    given = rewrite(*CART, policy("p", FROM_WEB, app="cart"))
    assert list(manifests(given)) == ["cart-p"]


def test_a_deny_lets_the_waypoint_pass_and_its_twin_does_not_say_so():
    given = rewrite(
        *CART, policy("p", FROM_WEB, {"from": [{"source": {"namespaces": ["other"]}}]}, action="DENY", app="cart")
    )
    assert rules(given, "p") == [
        FROM_WEB,
        {"from": [{"source": {"namespaces": ["other"], "notPrincipals": [WAYPOINT]}}]},
    ]
    assert rules(given, "cart-p")[1] == {"from": [{"source": {"namespaces": ["other"]}}]}
    assert not any(change.late for change in given.changes)


def test_beside_service_accounts_the_waypoint_is_let_pass_by_a_condition():
    """The API takes no principals in such a source."""
    rule = {
        "from": [{"source": {"notServiceAccounts": ["web"]}}],
        "when": [{"key": "source.namespace", "values": ["a"]}],
    }
    given = rewrite(*CART, policy("p", rule, action="DENY", app="cart"))
    passing = {"key": "source.principal", "notValues": [WAYPOINT]}
    assert rules(given, "p") == [{**rule, "when": [*rule["when"], passing]}]
    assert rules(given, "cart-p") == [rule]


@pytest.mark.parametrize(("where", "name"), [({}, "cart-p"), ({"space": "istio-system"}, "cart-istio-system-p")])
def test_a_default_deny_is_repeated_at_the_service_and_stays(where, name):
    given = rewrite(*CART, policy("p", **where))
    assert manifests(given)[name]["spec"]["rules"] == []
    assert [change.kind for change in given.changes] == [ChangeKind.ADD]


def test_an_allow_for_a_namespace_goes_on_refusing_who_is_new():
    given = rewrite(*CART, policy("p", GET))
    assert manifests(given, late=True)["p"]["spec"]["rules"] == []


@pytest.mark.parametrize("action", ["CUSTOM", "AUDIT"])
def test_actions_that_ztunnel_has_not_move_whole(action):
    given = rewrite(
        *CART,
        policy("p", GET, action=action, app="cart", **({"provider": {"name": "ext"}} if action == "CUSTOM" else {})),
    )
    assert manifests(given)["cart-p"]["spec"]["action"] == action
    assert manifests(given, late=True) == {"p": None}


def test_a_dry_run_stays_a_dry_run():
    dry = policy("p", GET, app="cart")
    dry["metadata"] |= {"annotations": {"istio.io/dry-run": "true"}, "labels": {"istio.io/rev": "canary", "team": "a"}}
    twin = manifests(rewrite(*CART, dry))["cart-p"]
    assert twin["metadata"]["annotations"]["istio.io/dry-run"] == "true"
    assert twin["metadata"]["labels"] == {"istio.io/rev": "canary", "team": "a"}


def test_a_twin_belongs_to_whom_its_policy_belongs_and_to_no_tool():
    own = policy("p", GET, app="cart")
    tools = {"argocd.argoproj.io/tracking-id": "x", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    own["metadata"] |= {"annotations": {"owner": "shop", **tools}, "labels": {"app.kubernetes.io/instance": "x"}}
    twin = manifests(rewrite(*CART, own))["cart-p"]["metadata"]
    assert twin["annotations"]["owner"] == "shop"
    assert not twin["annotations"].keys() & tools.keys()
    assert "labels" not in twin


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (policy("p", GET, service="cart"), "it is attached to a Service already"),
        (policy("p", GET, gateway="waypoint"), "it is attached to a Gateway"),
        (policy("p", GET, app="nobody"), "it selects nobody"),
        (policy("p", GET, app="cart", space="elsewhere"), "it is of another namespace"),
    ],
)
def test_others_stay_as_they_are(found, reason):
    given = rewrite(*CART, found)
    assert not given.changes, reason
    assert not given.losses, reason


def test_nothing_happens_where_nobody_moves():
    assert not rewrite(*CART, policy("p", GET, app="cart"), behind=(), moving=()).changes


def test_never_for_a_waypoint_that_is_not_told():
    given = rewrite(*CART, *pods("stock"), service("stock"), policy("p", GET), behind=("cart",))
    assert "stock-p" not in manifests(given)
    assert severities(given.losses) == [("traffic", "spec.rules[0]")]


@pytest.mark.parametrize("mode", ["sidecar", "gateway"])
def test_whoever_goes_on_reading_it_keeps_it(mode):
    staying = pods("stays", mode)
    given = rewrite(*CART, *staying, policy("p", GET), moving=("cart",))
    assert "cart-p" in manifests(given)
    assert not manifests(given, late=True)


@pytest.mark.parametrize(
    ("action", "rule", "severity"),
    [
        ("ALLOW", GET, "traffic"),
        ("DENY", GET, "security"),
        ("DENY", {**FROM_WEB, **GET}, "security"),
        ("DENY", {"to": [{"operation": {"ports": ["8080"], "methods": ["GET"]}}]}, "traffic"),
        ("CUSTOM", GET, "security"),
        ("AUDIT", GET, "observability"),
    ],
)
def test_without_a_waypoint_it_is_a_loss(action, rule, severity):
    given = rewrite(*CART, policy("p", rule, action=action, app="cart", provider={"name": "ext"}), behind=())
    assert [found for found, _ in severities(given.losses)] == [severity]
    assert not given.changes


def test_on_tcp_ports_a_deny_without_its_http_is_what_sidecars_enforce():
    stream = [*pods("cart"), service("cart", protocol="tcp")]
    rule = {**FROM_WEB, **GET}
    given = rewrite(*stream, policy("p", rule, action="DENY", app="cart"), behind=())
    assert rules(given, "p") == [rule, {**FROM_WEB, "to": [{"operation": {"ports": ["8080"]}}]}]
    assert not given.losses


def test_aliases_are_written_out():
    given = rewrite(
        *CART, mesh_config(trustDomain="new", trustDomainAliases=["old"]), policy("p", FROM_WEB, app="cart"), behind=()
    )
    assert rules(given, "p") == [{"from": [{"source": {"principals": ["new/ns/shop/sa/web", "old/ns/shop/sa/web"]}}]}]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            {"when": [{"key": "source.serviceAccount", "values": ["web", "other/a"], "notValues": ["x"]}]},
            {"when": [{"key": "source.principal", "values": ["*/ns/shop/sa/web", "*/ns/other/sa/a"], "notValues": ["*/ns/shop/sa/x"]}]},
        ),
        ({"when": [{"key": "source.trustDomain", "values": ["d"]}]}, {"when": [{"key": "source.principal", "values": ["d/*"]}]}),
        (
            {"from": [{"source": {"trustDomains": ["d"], "namespaces": ["shop"]}}]},
            {"from": [{"source": {"principals": ["d/*"], "namespaces": ["shop"]}}]},
        ),
        (
            {"from": [{"source": {"notTrustDomains": ["d"], "notPrincipals": ["x"]}}]},
            {"from": [{"source": {"notPrincipals": ["x", "d/*"]}}]},
        ),
        (
            {"from": [{"source": {"trustDomains": ["d"], "principals": ["*/ns/shop/sa/web"]}}]},
            {"from": [{"source": {"principals": ["*/ns/shop/sa/web"]}}], "when": [{"key": "source.principal", "values": ["d/*"]}]},
        ),
        (
            {"from": [{"source": {"trustDomains": ["d"], "notTrustDomains": ["e"], "serviceAccounts": ["web"]}}]},
            {
                "from": [{"source": {"serviceAccounts": ["web"]}}],
                "when": [{"key": "source.principal", "values": ["d/*"]}, {"key": "source.principal", "notValues": ["e/*"]}],
            },
        ),
    ],
)  # fmt: skip
def test_identities_are_said_by_principals(before, after):
    given = rewrite(*CART, policy("p", before, app="cart"), behind=())
    assert rules(given, "p") == [after]
    assert not given.losses


def test_a_star_within_a_namespace_is_written_out_and_said():
    spaces = [m.o.namespace("team-a-prod"), m.o.namespace("team-b-prod"), m.o.namespace("team-c")]
    found = policy("p", {"from": [{"source": {"namespaces": ["team-*-prod", "x*", "*y"]}}]}, app="cart")
    given = rewrite(*CART, *spaces, found, behind=())
    assert rules(given, "p")[0]["from"][0]["source"]["namespaces"] == [
        "team-*-prod",
        "x*",
        "*y",
        "team-a-prod",
        "team-b-prod",
    ]
    assert severities(given.losses) == [("traffic", "spec.rules[0].from.namespaces")]


def test_a_trust_domain_with_a_star_cannot_be_said():
    given = rewrite(*CART, policy("p", {"from": [{"source": {"trustDomains": ["d*m"]}}]}, app="cart"), behind=())
    assert not given.changes
    assert severities(given.losses) == [("traffic", "spec.rules[0]")]


@pytest.mark.parametrize(("action", "severity"), [("ALLOW", "security"), ("DENY", "traffic")])
def test_what_is_left_of_such_a_source_is_wider(action, severity):
    rule = {"from": [{"source": {"trustDomains": ["d*m"], "namespaces": ["shop"]}}]}
    given = rewrite(*CART, policy("p", rule, action=action, app="cart"), behind=())
    assert severities(given.losses) == [(severity, "spec.rules[0]")]


def test_a_deny_that_loses_one_alternative_opens():
    rule = {"to": [{"operation": {"methods": ["GET"]}}, {"operation": {"ports": ["9999"]}}]}
    given = rewrite(*CART, policy("p", rule, action="DENY", app="cart"), behind=())
    assert severities(given.losses) == [("security", "spec.rules[0]")]


def test_pods_of_one_service_with_other_policies_are_never_opened():
    two = [*pods("cart"), *pods("canary", labels={"group": "c"}), service("all", selector={"istio": "x"})]
    for each in two:
        if each["kind"] == "Service":
            each["spec"]["selector"] = {"team": "t"}
        for meta in (each["metadata"], (each.get("spec") or {}).get("template", {}).get("metadata", {})):
            meta.setdefault("labels", {})
            meta["labels"] = {**meta["labels"], "team": "t"}
    found = index(*two, policy("p", GET, app="cart"), policy("d", GET, action="DENY", app="cart"))
    allow = one(REWRITE, context(found, "all"), "AuthorizationPolicy", "p")
    deny = one(REWRITE, context(found, "all"), "AuthorizationPolicy", "d")
    assert rules(allow, "all-p") == rules(deny, "all-d") == [GET]
    assert [each for each, _ in severities((*allow.losses, *deny.losses))] == ["traffic", "traffic"]
    assert not any(change.late for change in (*allow.changes, *deny.changes))


def test_ports_that_no_service_leads_to_are_said():
    rule = {"to": [{"operation": {"ports": ["9999"], "methods": ["GET"]}}]}
    given = rewrite(*CART, policy("p", rule, action="DENY", app="cart"))
    assert severities(given.losses) == [("traffic", "spec.rules[0].to[0].operation.ports")]
    assert "cart-p" not in manifests(given)


@pytest.mark.parametrize(("action", "is_made"), [("DENY", False), ("CUSTOM", False), ("AUDIT", False), ("ALLOW", True)])
def test_of_a_policy_without_any_rule_left_only_an_allow_is_one(action, is_made):
    """An ALLOW without rules admits nobody; of the others admission takes none."""
    rule = {"to": [{"operation": {"ports": ["9999"], "methods": ["PUT"]}}]}
    more = {"provider": {"name": "checks"}} if action == "CUSTOM" else {}
    given = rewrite(*CART, policy("p", rule, app="cart", action=action, **more))
    assert ("cart-p" in manifests(given)) is is_made


def test_names_that_others_mean_too_get_a_digest():
    both = [*pods("a"), *pods("a-b"), service("a"), service("a-b")]
    found = index(*both, policy("b-c", GET), policy("c", GET))
    names = {
        name
        for each in ("b-c", "c")
        for name in manifests(one(REWRITE, context(found, "a", "a-b"), "AuthorizationPolicy", each), late=False)
    }
    assert len(names) == 4
    assert {"a-c", "a-b-b-c"} <= names


@pytest.mark.parametrize(
    "spec", [{"rules": 7}, {"action": "MAYBE"}, {"rules": [{"from": "x"}]}, {"selector": {"matchLabels": {"app": 1}}}]
)
def test_malformed_ones_are_left_and_said(spec):
    broken = m.o.istio("AuthorizationPolicy", "p", "shop", spec)
    given = rewrite(*CART, broken)
    assert not given.changes
    assert [each for each, _ in severities(given.losses)] in (["security"], [])


VERSIONS = [*pods("cart", labels={"version": "v1"}), *pods("cart-b", labels={"app": "cart", "version": "v2"})]


def of_versions(*more, action="ALLOW", rule=GET):
    """A policy for the first of two versions behind one Service, beside others."""
    mine = policy("p", rule, action=action, labels={"app": "cart", "version": "v1"})
    return rewrite(*VERSIONS, service("cart"), mine, *more)


@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
def test_policies_that_say_the_same_of_all_pods_behind_a_service_hold_for_it(action):
    same = policy("q", GET, action=action, labels={"version": "v2"})
    given = of_versions(same, action=action)
    assert rules(given, "cart-p") == [GET]
    assert not [each for each in given.losses if each.field == "spec.selector"]


OTHER_ALLOWS = [
    policy("q", FROM_WEB, labels={"version": "v2"}),
    policy("q", GET, labels={"version": "v2"}, space="istio-system"),
]


@pytest.mark.parametrize("other", OTHER_ALLOWS)
def test_an_allow_that_would_admit_to_other_pods_admits_nobody(other):
    given = of_versions(other)
    assert rules(given, "cart-p") == []
    assert "spec.selector" in [each.field for each in given.losses]


@pytest.mark.parametrize(
    "other",
    [
        policy("q", GET, action="DENY", labels={"version": "v2"}),
        policy("q", GET, labels={"version": "v3"}),
        {**policy("q", GET, labels={"version": "v2"}), "metadata": {**m.o.meta("q", "shop"), "annotations": {"istio.io/dry-run": "true"}}},
    ],
)  # fmt: skip
def test_an_allow_for_some_of_the_pods_holds_for_all_where_others_have_none(other):
    """Whoever it admits was admitted to the others too."""
    given = of_versions(other)
    assert rules(given, "cart-p") == [GET]
    assert "spec.selector" in [each.field for each in given.losses]


def test_of_several_allows_those_that_all_guarded_pods_have_are_kept():
    everybody = policy("all", FROM_WEB, app="cart")
    mine = policy("p", GET, labels={"app": "cart", "version": "v1"})
    found = context(index(*VERSIONS, service("cart"), mine, everybody), "cart")
    assert rules(one(REWRITE, found, "AuthorizationPolicy", "p"), "cart-p") == []
    assert rules(one(REWRITE, found, "AuthorizationPolicy", "all"), "cart-all") == [FROM_WEB]


VERSIONED = st.sampled_from([{"app": "cart"}, {"app": "cart", "version": "v1"}, {"version": "v2"}])


@st.composite
def of_any_pods(draw):
    return [
        policy(
            f"p{number}", *draw(st.sampled_from([[GET], [FROM_WEB], [GET, FROM_WEB]])),
            action=draw(st.sampled_from(["ALLOW", "ALLOW", "DENY"])), labels=draw(VERSIONED),
            space=draw(st.sampled_from(["shop", "shop", "istio-system"])),
        )
        for number in range(draw(st.integers(1, 3)))
    ]  # fmt: skip


def versions(mode):
    found = [
        pods("cart", mode, labels={"version": "v1"}), pods("cart-b", mode, labels={"app": "cart", "version": "v2"}),
    ]  # fmt: skip
    injected = m.o.labelled_namespace("shop", {"istio-injection": "enabled"})
    return [injected, *found, pods("web", mode), service("cart")]


@hypothesis.given(of_any_pods())
@hypothesis.example(
    [policy("p", GET, labels={"app": "cart", "version": "v1"}), policy("q", FROM_WEB, labels={"version": "v2"})]
)
@hypothesis.settings(max_examples=40, deadline=None)
def test_whatever_pods_policies_are_for_nothing_opens(config):
    today = index(*versions("sidecar"), *config)
    found = context(today, "cart")
    then = after(versions, config, found, convert(found).changes)
    assert not opened(prove(today, then, Terms(Leave.SHAPE | Leave.CLOSED)))
