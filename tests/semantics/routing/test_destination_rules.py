"""DestinationRules: which one speaks to whom, and what it says (D44, D53, §4.4)."""

import pytest
from tests.semantics.routing.meshes import HOSTS, OTHER, REVIEWS, ROOT, WEB, dr, entry, get, routing, to, version, vs

from sidestep.model.gaps import Gap, GapReason
from sidestep.semantics.routing.hosts import Client, HostPort


def lb(name, host="reviews.shop.svc.cluster.local", namespace="shop", age=1, **spec):
    """A rule whose policy is its name."""
    return dr(name, {"host": host, "trafficPolicy": {"loadBalancer": {"simple": name}}, **spec}, namespace, age)


def words(*objects, client=WEB, **how):
    found = routing(*objects, **how).sidecar_http(client, REVIEWS, "reviews.shop", 9080, get())
    assert not found.unknown
    return found.traffic_policy


def speaks(*objects, **how):
    """The rule that a sidecar follows."""
    found = words(*objects, **how)
    return found[0].rpartition(" ")[2] if found else ""


def test_client_then_service_then_root():
    mine, theirs, roots = lb("mine", namespace="other"), lb("theirs"), lb("roots", namespace=ROOT)
    assert speaks(roots, theirs, mine, client=OTHER) == "mine"
    assert speaks(roots, theirs, client=OTHER) == "theirs"
    assert speaks(roots, client=OTHER) == "roots"
    assert speaks(mine) == ""
    assert speaks(lb("third", namespace="third")) == "", "other namespaces have no say"


def test_clients_of_the_root_namespace():
    """Of the root namespace's rules only private ones come before the service's."""
    theirs, roots = lb("theirs"), lb("roots", namespace=ROOT)
    private = lb("private", namespace=ROOT, exportTo=["."])
    root_client = Client(ROOT, {})
    assert speaks(theirs, roots, client=root_client) == "theirs"
    assert speaks(theirs, private, client=root_client) == "private"


@pytest.mark.parametrize(
    ("exported", "shop", "other"),
    [
        (["."], True, False),
        (["other"], False, True),
        (["*"], True, True),
        (["shop", "other"], True, True),
        (None, True, True),
    ],
)
def test_exports(exported, shop, other):
    """A rule that is exported to others alone is nothing to its own namespace."""
    rule = lb("a", exportTo=exported)
    assert (speaks(rule) == "a", speaks(rule, client=OTHER) == "a") == (shop, other)


def test_default_exports():
    assert speaks(lb("a"), client=OTHER, destination_rule_export_to=(".",)) == ""


def test_the_most_specific_host():
    exact, near, far = lb("exact"), lb("near", "*.shop.svc.cluster.local"), lb("far", "*.cluster.local")
    assert speaks(far, near, exact) == "exact"
    assert speaks(far, near) == "near"
    assert speaks(far) == "far"
    assert speaks(lb("short", "reviews")) == "short"
    assert speaks(lb("a", "*.local", "other"), lb("exact"), client=OTHER) == "a", "a namespace is asked before the next"


def test_rules_for_one_host_are_merged():
    """Subsets add up, the oldest policy stays, and a name that is taken stays with its owner."""
    one = dr("one", {"host": "reviews", "subsets": [{"name": "v1", "labels": {"v": "1"}}]}, age=1)
    two = lb("two", subsets=[{"name": "v1", "labels": {"v": "x"}}, {"name": "v2", "labels": {"v": "2"}}], age=2)
    three = lb("three", age=3)
    made = vs(
        "r",
        {
            "hosts": ["reviews"],
            "http": [{"route": [{"destination": {"host": "reviews", "subset": s}, "weight": 1} for s in ("v1", "v2")]}],
        },
    )
    route = routing(three, two, one, made).sidecar_http(WEB, REVIEWS, "reviews", 9080, get())
    assert [b.labels for b in route.backends] == [{"v": "1"}, {"v": "2"}]
    assert route.traffic_policy == ("loadBalancer.simple: two",)
    assert route.traffic_object.name == "one"


def test_rules_of_other_exports_stay_apart():
    """Of those that a client sees, the last that selects nobody counts."""
    public, private = lb("public", age=1), lb("private", age=2, exportTo=["."])
    assert speaks(public, private, client=OTHER) == "public"
    assert speaks(public, private) == "private"


def test_workload_selectors():
    """Only in the rule's own namespace, and before those that select nobody."""
    chosen = lb("chosen", workloadSelector={"matchLabels": {"app": "web"}}, age=5)
    assert speaks(lb("rest"), chosen) == "chosen"
    assert speaks(lb("rest"), chosen, client=Client("shop", {"app": "x"})) == "rest"
    assert speaks(lb("rest"), chosen, client=OTHER) == "rest"
    assert speaks(chosen, client=OTHER) == ""


def test_settings_of_ports_and_subsets():
    """A port's settings replace the host's as a whole; a subset's replace them one by one."""
    policy = {
        "loadBalancer": {"simple": "RANDOM"}, "connectionPool": {"tcp": {"maxConnections": 5}},
        "portLevelSettings": [{"port": {"number": 80}, "loadBalancer": {"simple": "PASSTHROUGH"}}],
    }  # fmt: skip
    subset = {"name": "v1", "labels": {}, "trafficPolicy": {"outlierDetection": {"consecutive5xxErrors": 1}}}
    rule = dr("r", {"host": "reviews", "trafficPolicy": policy, "subsets": [subset]})
    assert words(rule) == ("connectionPool.tcp.maxConnections: 5", "loadBalancer.simple: RANDOM")
    to_subset = vs("r", {"hosts": ["reviews"], "http": [{"route": to("reviews", subset="v1")}]})
    assert words(rule, to_subset) == (
        "connectionPool.tcp.maxConnections: 5", "loadBalancer.simple: RANDOM", "outlierDetection.consecutive5xxErrors: 1",
    )  # fmt: skip
    at_port = {**policy, "portLevelSettings": [{"port": {"number": 9080}, "loadBalancer": {"simple": "PASSTHROUGH"}}]}
    assert words(dr("r", {"host": "reviews", "trafficPolicy": at_port})) == ("loadBalancer.simple: PASSTHROUGH",)


def test_policies_that_differ_name_their_destination():
    split = vs(
        "r",
        {
            "hosts": ["reviews"],
            "http": [{"route": [{"destination": {"host": h}, "weight": 1} for h in ("reviews", "ratings")]}],
        },
    )
    assert words(split, lb("RANDOM")) == ("reviews.shop.svc.cluster.local: loadBalancer.simple: RANDOM",)


@pytest.mark.parametrize(
    ("tls", "sidecar", "waypoint"),
    [
        ({"mode": "SIMPLE", "sni": "x"}, "SIMPLE", "SIMPLE"), ({"mode": "ISTIO_MUTUAL"}, "ISTIO_MUTUAL", ""),
        ({"mode": "DISABLE"}, "DISABLE", ""), ({}, "DISABLE", ""), (None, "", ""),
    ],
)  # fmt: skip
def test_tls(tls, sidecar, waypoint):
    """§4.4: at a waypoint only TLS to the application itself means anything."""
    made = routing(dr("d", {"host": "reviews", "trafficPolicy": {"tls": tls}}))
    assert made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).tls == sidecar
    assert made.waypoint_http("shop", REVIEWS, 9080, get()).tls == waypoint


def test_tls_modes_that_differ_cannot_be_told():
    split = vs(
        "r",
        {
            "hosts": ["reviews"],
            "http": [{"route": [{"destination": {"host": h}, "weight": 1} for h in ("reviews", "ratings")]}],
        },
    )
    found = routing(split, dr("d", {"host": "reviews", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}))
    assert "TLS modes" in found.sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).unknown


def test_tls_origination_for_a_service_entry():
    """D36."""
    api = entry("api.example.com", ports=(HostPort(80, "http", "HTTP"),))
    rule = dr("d", {"host": "api.example.com", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}})
    assert routing(rule, hosts=(*HOSTS, api)).sidecar_http(WEB, api, "api.example.com", 80, get()).tls == "SIMPLE"


def test_waypoints_read_their_own_namespace_first():
    mine, theirs = lb("mine", namespace="infra"), lb("theirs")
    client = lb("client", namespace="other")
    made = routing(mine, theirs, client)
    assert made.waypoint_http("infra", REVIEWS, 9080, get()).traffic_policy == ("loadBalancer.simple: mine",)
    assert made.waypoint_http("shop", REVIEWS, 9080, get()).traffic_policy == ("loadBalancer.simple: theirs",)


def test_consistent_hash_at_waypoints():
    """Before 1.31 requests that no route speaks about were not hashed (61045)."""
    rule = dr("d", {"host": "reviews", "trafficPolicy": {"loadBalancer": {"consistentHash": {"httpHeaderName": "x"}}}})
    word = ("loadBalancer.consistentHash.httpHeaderName: x",)
    assert routing(rule).waypoint_http("shop", REVIEWS, 9080, get()).traffic_policy == word
    assert routing(rule, at=version(30)).waypoint_http("shop", REVIEWS, 9080, get()).traffic_policy == ()
    routed = vs("r", {"hosts": ["reviews"], "http": [{"route": to("reviews")}]})
    assert routing(rule, routed, at=version(30)).waypoint_http("shop", REVIEWS, 9080, get()).traffic_policy == word


@pytest.mark.parametrize(
    "spec",
    [
        {"host": "reviews", "subsets": "x"}, {"host": "reviews", "subsets": [{"name": "v1", "labels": {"a": 1}}]}, {"host": "reviews", "exportTo": 1},
        {"host": "reviews", "trafficPolicy": {"portLevelSettings": 1}}, {"host": "reviews", "trafficPolicy": []}, {"host": 1},
        {"host": "reviews", "workloadSelector": {"matchLabels": 1}}, {"host": "reviews", "trafficPolicy": {"tls": {"mode": 1}}},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(spec):
    found = routing(dr("odd", spec)).sidecar_http(WEB, REVIEWS, "reviews", 9080, get())
    assert "DestinationRule shop/odd" in found.unknown


def test_what_was_not_read_is_said():
    lost = Gap("destinationrules.networking.istio.io", GapReason.FORBIDDEN)
    assert "destinationrules" in routing(gaps=(lost,)).sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).unknown
