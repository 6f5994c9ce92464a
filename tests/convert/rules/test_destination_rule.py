"""SID334: DestinationRules that stay, that move, and that nobody hears any more."""

import pytest
from tests.convert.rules.route_scene import NOW, SHOP, Asked, convert, dr, entry, fqdn, get, sidecars, version

from sidestep.convert.rewrite import ChangeKind, Severity, Waypoint

RANDOM = {"loadBalancer": {"simple": "RANDOM"}}
TLS = {"tls": {"mode": "SIMPLE"}}
FAR = {"host": fqdn("reviews"), "trafficPolicy": RANDOM}


def severities(found):
    return {each.field: each.severity for each in found.losses}


@pytest.mark.parametrize("space", ["shop", "istio-system"])
def test_what_the_waypoint_honours_stays(space):
    found = convert(dr("reviews", FAR, space))
    assert (found.changes, found.losses) == ([], [])
    assert Asked(found.after).waypoint(get("/")).traffic_policy == Asked(found.before).sidecar(get("/")).traffic_policy


def test_a_client_side_rule_of_all_clients_moves():
    base = (*SHOP[:3], *sidecars("web"))
    found = convert(dr("reviews", {**FAR, "exportTo": ["."], "brandNew": 1}, "web"), base=base)
    assert found.only("DestinationRule") == {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {
            "name": "reviews",
            "namespace": "shop",
            "annotations": {"sidestep.dev/origin": "DestinationRule web/reviews", "sidestep.dev/rule": "SID334"},
        },
        "spec": {"host": fqdn("reviews"), "trafficPolicy": RANDOM, "brandNew": 1},
    }
    assert [(each.late, each.kind) for each in found.changes] == [(False, ChangeKind.ADD), (True, ChangeKind.REMOVE)]
    assert found.losses == []
    expected = Asked(found.before).sidecar(get("/"), client="web").traffic_policy
    assert Asked(found.after).waypoint(get("/")).traffic_policy == expected
    assert Asked(found.both).sidecar(get("/"), client="web").traffic_policy == expected
    assert convert(base=found.after).changes == []
    again = convert(base=found.both)
    assert ([each.kind for each in again.changes], again.losses) == ([ChangeKind.REMOVE], [])


def test_a_client_side_rule_of_some_clients_is_lost():
    found = convert(dr("reviews", FAR, "web"), base=(*SHOP, *sidecars("web")))
    assert found.changes == []
    assert severities(found) == {"metadata.namespace": Severity.TRAFFIC}
    for policy in (TLS, {"portLevelSettings": [{"port": {"number": 80}, **TLS}]}):
        found = convert(dr("reviews", {**FAR, "trafficPolicy": policy}, "web"), base=(*SHOP, *sidecars("web")))
        assert severities(found) == {"metadata.namespace": Severity.SECURITY}


def test_a_rule_of_the_service_s_own_namespace_holds_for_all_at_the_waypoint():
    found = convert(dr("reviews", {**FAR, "exportTo": ["."]}), base=(*SHOP, *sidecars("web")))
    assert found.changes == []
    assert found.fields() == {"spec.exportTo"}


def test_a_rule_that_the_waypoint_of_another_namespace_does_not_see():
    waypoints = {fqdn("reviews"): Waypoint("proxies", "waypoint")}
    found = convert(dr("reviews", {**FAR, "exportTo": ["."]}), waypoints=waypoints)
    assert found.fields() == {"metadata.namespace"}


def test_a_rule_that_selects_clients():
    found = convert(dr("reviews", {**FAR, "workloadSelector": {"matchLabels": {"app": "client"}}}))
    [loss] = found.losses
    assert (loss.field, loss.severity) == ("spec.workloadSelector", Severity.TRAFFIC)
    assert "selector" in loss.instead
    assert "namespace" not in loss.instead


def test_limits_count_all_clients():
    policy = {**RANDOM, "connectionPool": {"tcp": {"maxConnections": 10}}}
    found = convert(dr("reviews", {"host": "reviews", "trafficPolicy": policy}))
    assert severities(found) == {"spec.trafficPolicy.connectionPool": Severity.TRAFFIC}


def test_hashing_before_131():
    policy = {"loadBalancer": {"consistentHash": {"useSourceIp": True}}}
    made = dr("reviews", {"host": "reviews", "trafficPolicy": policy})
    assert convert(made, at=NOW).losses == []
    assert convert(made, at=version(30)).fields() == {"spec.trafficPolicy.loadBalancer.consistentHash"}


def test_without_a_waypoint():
    policy = {**RANDOM, "tls": {"mode": "ISTIO_MUTUAL"}, "portLevelSettings": [{"port": {"number": 1}, **TLS}]}
    made = dr("reviews", {"host": "reviews", "trafficPolicy": policy})
    found = convert(made, waypoints={})
    assert severities(found) == {
        "spec.trafficPolicy.loadBalancer": Severity.TRAFFIC,
        "spec.trafficPolicy.portLevelSettings[0].tls": Severity.SECURITY,
    }
    assert convert(made, waypoints={}, moving=False).losses == []
    assert (
        convert(
            dr("reviews", {"host": "reviews", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}), waypoints={}
        ).losses
        == []
    )


@pytest.mark.parametrize("name", ["clientCertificate", "privateKey", "caCertificates", "credentialName"])
def test_certificates_of_the_client(name):
    base = (*SHOP, entry("api.example.com"))
    policy = {"tls": {"mode": "MUTUAL", name: "/etc/x"}}
    found = convert(dr("api", {"host": "api.example.com", "trafficPolicy": policy}), base=base)
    assert severities(found) == {f"spec.trafficPolicy.tls.{name}": Severity.SECURITY}
    assert found.changes == []


def test_tls_to_an_entry_moves_to_it():
    base = (*SHOP[:3], entry("api.example.com"), *sidecars("web"))
    found = convert(dr("api", {"host": "api.example.com", "trafficPolicy": TLS}, "web"), base=base)
    assert found.only("DestinationRule")["metadata"]["namespace"] == "shop"
    assert Asked(found.after).waypoint(get("/"), name="api.example.com", port=80).tls == "SIMPLE"


@pytest.mark.parametrize(
    "spec",
    [
        {"host": 7},
        {"host": "reviews", "trafficPolicy": "x"},
        {"host": "reviews", "trafficPolicy": {"tls": "x"}},
        {"host": "reviews", "trafficPolicy": {"portLevelSettings": [1]}},
        {"host": "reviews", "subsets": "x"},
        {"host": "reviews", "exportTo": 1},
        {"host": "reviews", "trafficPolicy": {"tls": {"mode": 1}}},
        {},
        None,
    ],
)
def test_what_cannot_be_read_changes_nothing(spec):
    assert convert(dr("reviews", spec)).changes == []
    assert convert(dr("reviews", spec), waypoints={}).changes == []
