"""The endpoints of a cluster: how each is reached, and which are preferred."""

import pytest
from google.protobuf.json_format import MessageToDict
from msgspec.structs import replace

from sidestep.controlplane.generators.http.destinations import Destination, Dialler
from sidestep.controlplane.generators.http.endpoints import assignment, identities
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import (
    Locality,
    PortMap,
    Preference,
    ProxyRole,
    Records,
    Scope,
    Service,
    Tunnel,
    WaypointAddress,
    Workload,
    WorkloadUid,
)

HOST = "reviews.shop.svc.cluster.local"
SERVICE = Service("reviews", "shop", HOST, ("10.96.0.7", "fd00::7"), (PortMap(80, 8080),))
HERE, NEAR, FAR = (Locality(*each) for each in (("eu", "a", ""), ("eu", "b", ""), ("us", "a", "")))
WEB = Dialler("spiffe://cluster.local/ns/shop/sa/web", HERE, "one")
OUTLIERS = {"outlierDetection": {"consecutive5xxErrors": 5}}


def pod(number, **fields):
    maps = {SERVICE.key: (PortMap(80, 8080),)}
    given = {"node": "one", "account": "reviews", "services": maps, "locality": HERE, **fields}
    return Workload(WorkloadUid(f"pod-{number}"), f"pod-{number}", "shop", (f"10.0.0.{number}",), **given)


def index(*pods, service=SERVICE):
    return Index.of(Records({each.uid: each for each in pods}, {service.key: service}, {}))


def found(known, settings=None, dialler=WEB, **fields):
    to = Destination("c", HOST, SERVICE.key, 80, settings=settings or {}, **fields)
    told = assignment(known, to, dialler, lambda workload, _: workload.proxy is ProxyRole.SIDECAR)
    return MessageToDict(told).get("endpoints", [])


def one(known, **fields):
    (place,) = found(known, **fields)
    (endpoint,) = place["lbEndpoints"]
    return endpoint["endpoint"]["address"], endpoint["metadata"]["filterMetadata"]


def where(address):
    return address["socketAddress"]["address"], address["socketAddress"]["portValue"]


def names(places):
    return [(each.get("priority", 0), len(each["lbEndpoints"])) for each in places]


def test_a_pod_without_a_mesh_is_dialled_as_it_is():
    address, metadata = one(index(pod(1)))
    assert where(address) == ("10.0.0.1", 8080)
    assert "envoy.transport_socket_match" not in metadata


def stranger(space="shop"):
    """What a slice says of an address and no more."""
    known = pod(1, account="", host_network=True)
    uid = WorkloadUid(f"Kubernetes/discovery.k8s.io/EndpointSlice/{space}/by-hand/10.0.0.1")
    return replace(known, uid=uid, namespace=space)


def beside(**fields):
    return replace(pod(1, services={}, **fields), uid=WorkloadUid("Kubernetes//Pod/shop/pod-1"))


def test_an_address_that_a_slice_names_is_sent_what_the_pod_there_takes():
    _, metadata = one(index(stranger(), beside(tunnel=Tunnel.HBONE)))
    assert metadata["envoy.transport_socket_match"] == {"tunnel": "http"}
    _, metadata = one(index(stranger(), beside(proxy=ProxyRole.SIDECAR)))
    assert metadata["envoy.transport_socket_match"] == {"tlsMode": "istio"}
    assert identities(index(stranger(), beside()), SERVICE) == ("spiffe://cluster.local/ns/shop/sa/reviews",)


def test_a_sidecar_of_another_namespace_or_nobody_is_a_stranger_there():
    for known in (index(stranger("other"), beside(proxy=ProxyRole.SIDECAR)), index(stranger())):
        assert "envoy.transport_socket_match" not in one(known)[1]
        assert identities(known, SERVICE) == ()


def test_a_sidecar_is_sent_mutual_tls_even_where_it_takes_tunnels():
    address, metadata = one(index(pod(1, proxy=ProxyRole.SIDECAR, tunnel=Tunnel.HBONE)))
    assert where(address) == ("10.0.0.1", 8080)
    assert metadata["envoy.transport_socket_match"] == {"tlsMode": "istio"}


@pytest.mark.parametrize("pods", [{}, {"proxy": ProxyRole.SIDECAR}])
def test_a_waypoint_opens_tunnels_to_whoever_takes_them(pods):
    own = Dialler(WEB.identity, HERE, "one", mutual=False)
    address, metadata = one(index(pod(1, tunnel=Tunnel.HBONE, **pods)), dialler=own)
    assert address["envoyInternalAddress"]["serverListenerName"] == "connect_originate"
    assert metadata["mesh"]["authority"] == "10.0.0.1:8080"
    assert metadata["mesh"]["identity"] == "spiffe://cluster.local/ns/shop/sa/reviews"


def test_a_proxy_that_opens_no_tunnels_sends_ambient_pods_plaintext():
    own = Dialler(WEB.identity, HERE, "one", tunnels=False)
    address, metadata = one(index(pod(1, tunnel=Tunnel.HBONE)), dialler=own)
    assert where(address) == ("10.0.0.1", 8080)
    assert "envoy.transport_socket_match" not in metadata


def test_a_gateway_passes_the_waypoint_of_a_service_that_asks_for_it_and_a_sidecar_never():
    way = WaypointAddress(address="10.0.0.9")
    asking = Service("reviews", "shop", HOST, SERVICE.vips, SERVICE.ports, waypoint=way, ingress_use_waypoint=True)
    waypoint = Workload(WorkloadUid("w"), "w", "shop", ("10.0.0.9",), account="waypoint")
    known = index(pod(1), waypoint, service=asking)
    gateway = Dialler(WEB.identity, HERE, "one", asks_waypoints=True)
    _, metadata = one(known, dialler=gateway)
    assert metadata["mesh"]["authority"] == "10.96.0.7:80"
    assert metadata["mesh"]["identity"] == "spiffe://cluster.local/ns/shop/sa/waypoint"
    assert metadata["envoy.filters.listener.original_dst"] == {"local": "10.0.0.9:15008"}
    assert where(one(known)[0]) == ("10.0.0.1", 8080)


def test_a_subset_has_the_pods_with_its_labels():
    known = index(pod(1, labels={"version": "v1"}), pod(2, labels={"version": "v2"}))
    assert where(one(known, labels={"version": "v2"})[0]) == ("10.0.0.2", 8080)
    assert not found(known, labels={"version": "v3"})


def test_who_is_not_ready_is_not_chosen():
    assert where(one(index(pod(1, healthy=False), pod(2)))[0]) == ("10.0.0.2", 8080)


def test_other_places_are_used_only_when_the_nearer_fail_as_soon_as_failures_are_watched():
    known = index(pod(1, locality=FAR), pod(2, locality=NEAR), pod(3), pod(4))
    assert {priority for priority, _ in names(found(known))} == {0}
    assert names(found(known, OUTLIERS)) == [(0, 2), (1, 1), (2, 1)]


def test_a_named_failover_goes_before_other_regions():
    other = Locality("asia", "a", "")
    known = index(pod(1, locality=other), pod(2, locality=FAR), pod(3))
    to_us = {"localityLbSetting": {"failover": [{"from": "eu", "to": "us"}]}}
    regions = [each["locality"]["region"] for each in found(known, {**OUTLIERS, "loadBalancer": to_us})]
    assert regions == ["eu", "us", "asia"]


def test_requests_are_spread_over_places_as_a_rule_says():
    known = index(pod(1, locality=FAR), pod(2, locality=NEAR), pod(3))
    spread = {"distribute": [{"from": "eu/a/*", "to": {"eu/a/*": 80, "eu/b/*": 20}}]}
    places = found(known, {"loadBalancer": {"localityLbSetting": spread}})
    assert {each["locality"]["zone"]: each["loadBalancingWeight"] for each in places} == {"a": 80, "b": 20}


def weights(known, near, **fields):
    places = found(known, {"loadBalancer": {"localityLbSetting": near}}, **fields)
    return {f"{each['locality']['region']}/{each['locality']['zone']}": each.get("loadBalancingWeight")
            for each in places}  # fmt: skip


def test_a_share_is_that_of_all_places_together_that_it_covers_by_their_endpoints():
    known = index(pod(1), pod(2, locality=FAR), pod(3, locality=Locality("us", "b", "")),
                  pod(4, locality=Locality("us", "b", "")), pod(5, locality=Locality("asia", "a", "")))  # fmt: skip
    spread = {"distribute": [{"from": "eu/*", "to": {"eu/*": 40, "us/*": 60}}]}
    assert weights(known, spread) == {"eu/a": 40, "us/a": 20, "us/b": 40}


def test_places_of_which_no_share_is_told_are_weighed_by_their_endpoints():
    known = index(pod(1), pod(2, locality=FAR), pod(3, locality=FAR))
    assert weights(known, {"distribute": [{"from": "asia/*", "to": {"eu/*": 100}}]}) == {"eu/a": 1, "us/a": 2}


def test_a_setting_that_is_switched_off_spreads_nothing_and_puts_nobody_behind():
    known = index(pod(1), pod(2, locality=NEAR))
    off = {"enabled": False, "distribute": [{"from": "eu/a/*", "to": {"eu/b/*": 100}}]}
    assert weights(known, off) == {"eu/a": None, "eu/b": None}
    assert names(found(known, {**OUTLIERS, "loadBalancer": {"localityLbSetting": off}})) == [(0, 1), (0, 1)]


def test_the_meshs_setting_holds_where_no_rule_has_one():
    known = index(pod(1), pod(2, locality=NEAR))
    spread = {"distribute": [{"from": "eu/a/*", "to": {"eu/b/*": 100}}]}
    assert weights(known, None, places=spread) == {"eu/b": 100}
    assert weights(known, {"enabled": True}, places=spread) == {"eu/a": None, "eu/b": None}
    assert names(found(known, OUTLIERS, places={"enabled": False})) == [(0, 1), (0, 1)]
    close = replace(SERVICE, preferences=(Scope.ZONE,), mode=Preference.FAILOVER)
    asked = index(pod(1), pod(2, locality=NEAR), service=close)
    assert weights(asked, None, places=spread) == {"eu/a": 1, "eu/b": 1}
    assert names(found(asked, places=spread)) == [(0, 1), (1, 1)]
    assert names(found(asked, {"loadBalancer": {"localityLbSetting": {"enabled": False}}})) == [(0, 1), (0, 1)]


def test_regions_come_after_labels_where_both_are_named():
    known = index(pod(1, locality=FAR, labels={"rack": "1"}), pod(2, labels={"rack": "2"}), pod(3, node="two"))
    first = {"failoverPriority": ["rack=1"]}
    assert names(found(known, {**OUTLIERS, "loadBalancer": {"localityLbSetting": first}})) == [(0, 1), (1, 2)]
    both = {**first, "failover": [{"from": "eu", "to": "us"}]}
    assert names(found(known, {**OUTLIERS, "loadBalancer": {"localityLbSetting": both}})) == [(0, 1), (1, 2)]
    nodes = {"failoverPriority": ["kubernetes.io/hostname"]}
    assert names(found(known, {**OUTLIERS, "loadBalancer": {"localityLbSetting": nodes}}))[-1] == (1, 1)


def test_a_service_that_keeps_to_the_node_has_no_others():
    own = Service(
        "reviews", "shop", HOST, SERVICE.vips, SERVICE.ports, preferences=(Scope.NODE,), mode=Preference.STRICT
    )
    known = index(pod(1), pod(2, node="two"), service=own)
    assert where(one(known)[0]) == ("10.0.0.1", 8080)


def test_a_service_is_whoever_stands_behind_it():
    known = index(pod(1), pod(2, account="other"))
    prefix = "spiffe://cluster.local/ns/shop/sa/"
    assert identities(known, SERVICE) == (f"{prefix}other", f"{prefix}reviews")


@pytest.mark.parametrize(
    ("there", "match"),
    [
        ({"tunnel": Tunnel.HBONE}, {"tunnel": "http"}),
        ({"proxy": ProxyRole.SIDECAR, "tunnel": Tunnel.HBONE}, {"tunnel": "http"}),
        ({"proxy": ProxyRole.SIDECAR}, None), ({}, None),
    ],
    ids=["ambient", "a sidecar", "a sidecar without tunnels", "no mesh"],
)  # fmt: skip
def test_at_an_address_in_a_service_entry_no_more_is_known_than_whether_it_takes_a_tunnel(there, match):
    uid = WorkloadUid("Kubernetes/networking.istio.io/ServiceEntry/shop/entry/10.0.0.1")
    _, metadata = one(index(replace(pod(1, account="default"), uid=uid), beside(**there)))
    assert metadata.get("envoy.transport_socket_match") == match
    assert metadata["mesh"].get("identity") == ("spiffe://cluster.local/ns/shop/sa/reviews" if match else None)


@pytest.mark.parametrize(("tunnel", "match"), [(Tunnel.HBONE, {"tunnel": "http"}), (Tunnel.NONE, None)])
def test_a_sidecar_that_is_said_to_be_outside_is_sent_a_tunnel_or_plaintext(tunnel, match):
    _, metadata = one(index(pod(1, proxy=ProxyRole.SIDECAR, tunnel=tunnel)), external=True)
    assert metadata.get("envoy.transport_socket_match") == match
