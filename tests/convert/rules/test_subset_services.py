"""SID333: Services of subsets: which, called what, and what is asked of connections to them."""

from tests.convert.rules.route_scene import (
    SHOP,
    SUBSETS,
    Asked,
    applied,
    convert,
    dr,
    fqdn,
    get,
    istio,
    m,
    service,
    to,
    vs,
)

from sidestep.convert.rewrite import ChangeKind
from sidestep.semantics.index import MeshIndex


def send(subset, host="reviews"):
    return vs("reviews", {"hosts": ["reviews"], "http": [{"route": to(host, subset=subset)}]})


def define(*subsets, **spec):
    return dr(
        "reviews",
        {"host": "reviews", "subsets": [{"name": name, "labels": {"version": name}} for name in subsets], **spec},
    )


def names(found):
    return [each["metadata"]["name"] for each in found.made("Service")]


def test_a_service_of_the_subset_s_pods():
    parent = service(
        "reviews", trafficDistribution="PreferClose", ports=({"name": "http", "port": 9080, "nodePort": 30000},)
    )
    read = {"istio.io/ingress-use-waypoint": "true", "istio.io/use-waypoint": "waypoint"}
    parent["metadata"]["labels"] = {**read, "istio.io/use-waypoint-namespace": "elsewhere", "app": "reviews"}
    found = convert(SUBSETS, send("v2"), base=(parent, *SHOP[1:]))
    assert found.only("Service") == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "reviews-v2",
            "namespace": "shop",
            "labels": read,
            "annotations": {"sidestep.dev/origin": "DestinationRule shop/reviews", "sidestep.dev/rule": "SID333"},
        },
        "spec": {
            "selector": {"app": "reviews", "version": "v2"},
            "ports": [{"name": "http", "port": 9080}],
            "trafficDistribution": "PreferClose",
        },
    }


def test_only_subsets_that_a_route_sends_to():
    assert names(convert(SUBSETS, send("v1"))) == ["reviews-v1"]
    assert names(convert(SUBSETS)) == []
    kept = vs("reviews", {"hosts": ["reviews"], "http": [{"fault": {}, "route": to("reviews", subset="v1")}]})
    assert names(convert(SUBSETS, kept)) == []


def test_names_do_not_clash():
    taken = service("reviews-v1", selector={"app": "other"})
    assert names(convert(SUBSETS, send("v1"), taken)) == ["reviews-v1-subset"]


def test_a_service_of_the_same_meaning_is_taken():
    found = convert(SUBSETS, send("v1"), service("reviews-v1", selector={"app": "reviews", "version": "v1"}))
    assert names(found) == []
    assert found.rules()[0]["backendRefs"][0]["name"] == "reviews-v1"


def test_names_are_made_fit_and_stay_apart():
    subsets = [{"name": name, "labels": {"version": name}} for name in ("V1.0", "v1-0")]
    rule = dr("reviews", {"host": "reviews", "subsets": subsets})
    both = vs("reviews", {"hosts": ["reviews"], "http": [{"route": [
        {"destination": {"host": "reviews", "subset": each["name"]}, "weight": 1} for each in subsets
    ]}]})  # fmt: skip
    assert sorted(names(convert(rule, both))) == ["reviews-v1-0", "reviews-v1-0-subset"]


def test_what_is_asked_of_the_subset_is_asked_of_its_service():
    rule = define("v1", "v2", trafficPolicy={"loadBalancer": {"simple": "RANDOM"}})
    rule["spec"]["subsets"][1]["trafficPolicy"] = {"loadBalancer": {"simple": "ROUND_ROBIN"}}
    found = convert(rule, send("v2"))
    assert found.only("DestinationRule")["spec"] == {
        "host": fqdn("reviews-v2"), "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
    }  # fmt: skip
    assert Asked(found.after).waypoint(get("/")).traffic_policy == Asked(found.before).sidecar(get("/")).traffic_policy


def test_a_policy_that_cannot_be_read():
    rule = define("v1", trafficPolicy={"portLevelSettings": "x"})
    found = convert(rule, send("v1"))
    assert found.made("DestinationRule") == []
    assert "spec.trafficPolicy" in found.fields()


def test_labels_that_contradict_the_selector():
    rule = dr("reviews", {"host": "reviews", "subsets": [{"name": "v1", "labels": {"app": "other"}}]})
    found = convert(rule, send("v1"))
    assert found.changes == []
    assert found.fields() == {"spec.http[0].route[0].destination.subset"}


def test_clients_that_mean_different_subsets():
    """A route holds for all of them, so a subset must."""
    own = dr("reviews", {"host": fqdn("reviews"), "subsets": [{"name": "v1", "labels": {"version": "other"}}]}, "web")
    template = m.inject(m.app("client"), m.Sidecar())
    found = convert(SUBSETS, own, send("v1"), base=(*SHOP, *m.workload(template, "client", "web", pods=1)))
    assert names(found) == []
    assert "spec.http[0].route[0].destination.subset" in found.fields()


def guarded(*more, **how):
    """Subset v1 of reviews, whose pods move."""
    template = m.inject(m.app("reviews", version="v1"), m.Sidecar())
    selector = {"matchLabels": {"app": "reviews"}}
    rules = [{"to": [{"operation": {"methods": ["GET"], "ports": ["9080"]}}]}]
    guard = istio("AuthorizationPolicy", "guard", {"selector": selector, "rules": rules}, group="security")
    tokens = istio("RequestAuthentication", "tokens", {"selector": selector, "jwtRules": [{"issuer": "i"}]}, group="security")  # fmt: skip
    base = (*SHOP[:3], *m.workload(template, "client", pods=1))
    return convert(SUBSETS, send("v1"), guard, tokens, *more, base=base, **how)


def test_policies_guard_the_new_name_too():
    """At the same waypoint; what people attached to the parent themselves is attached there too."""
    mine = {"targetRefs": [{"group": "", "kind": "Service", "name": "reviews"}], "action": "DENY", "rules": [{}]}
    found = guarded(istio("AuthorizationPolicy", "mine", mine, group="security"))
    (standing,) = [each for each in found.made("Service") if each["metadata"]["name"] == "reviews-v1"]
    assert standing["metadata"]["labels"] == {"istio.io/use-waypoint": "waypoint"}
    policies = {each["metadata"]["name"]: each["spec"] for each in found.made("AuthorizationPolicy")}
    assert set(policies) == {"reviews-v1-guard", "reviews-v1-mine"}
    target = [{"group": "", "kind": "Service", "name": "reviews-v1"}]
    assert policies["reviews-v1-guard"]["targetRefs"] == policies["reviews-v1-mine"]["targetRefs"] == target
    assert policies["reviews-v1-guard"]["rules"] == [{"to": [{"operation": {"methods": ["GET"], "ports": ["9080"]}}]}]
    assert policies["reviews-v1-mine"]["rules"] == [{}]
    assert [each["metadata"]["name"] for each in found.made("RequestAuthentication")] == ["reviews-v1-tokens"]
    assert not [each for each in found.losses if each.rule == "SID333"]


def test_what_was_attached_before_is_not_attached_again():
    once = guarded()
    again = convert(base=once.after)
    assert [each.object for each in again.changes if each.object.kind == "AuthorizationPolicy"] == []


def test_what_the_api_server_gave_stays():
    found = convert(SUBSETS, send("v1"))
    after = applied(found.before, [each for each in found.changes if not each.late])
    (standing,) = [each for each in after if each["metadata"]["name"] == "reviews-v1"]
    standing["spec"] |= {"clusterIP": "10.0.0.9", "type": "ClusterIP"}
    assert not [each for each in convert(base=after).changes if each.object.kind == "Service"]
    standing["spec"]["selector"] = {"app": "reviews"}
    (change,) = [each for each in convert(base=after).changes if each.object.kind == "Service"]
    assert change.kind is ChangeKind.REPLACE
    assert change.manifest["spec"]["clusterIP"] == "10.0.0.9"
    assert change.manifest["spec"]["selector"] == {"app": "reviews", "version": "v1"}


def test_the_pods_are_those_of_the_subset():
    pods = [each for at in (1, 2) for each in m.workload(m.app("reviews", version=f"v{at}"), f"reviews-v{at}", pods=1)]
    found = convert(SUBSETS, send("v1"), base=(*SHOP, *pods))
    index = MeshIndex.of(m.mesh(*found.after))
    behind = index.behind(index.services.by_host[fqdn("reviews-v1")])
    assert [each.workload.name for each in behind] == ["reviews-v1"]
