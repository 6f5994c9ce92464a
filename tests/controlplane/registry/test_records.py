"""What istiod would tell a ztunnel of objects (ztunnel.md §3.9)."""

import pytest

from sidestep.controlplane.records import (
    Families,
    Locality,
    PolicyKey,
    PortMap,
    Preference,
    ProxyRole,
    Scope,
    Service,
    ServiceKey,
    Tunnel,
    WaypointAddress,
    Workload,
    WorkloadUid,
)
from sidestep.controlplane.registry.objects import ref_of
from sidestep.controlplane.registry.registry import Change, Registry
from sidestep.errors import WorldError

_REVIEWS = ServiceKey("shop/reviews.shop.svc.cluster.local")


def _object(kind: str, name: str, spec: dict, api_version: str = "v1", namespace: str = "shop", **rest) -> dict:
    meta = {"name": name, "namespace": namespace, **rest.pop("meta", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec, **rest}


def _pod(name: str = "reviews-v1-5f7c-abcde", *, labels=None, annotations=None, owners=(), **spec) -> dict:
    meta = {"labels": labels or {}, "annotations": annotations or {}, "ownerReferences": list(owners)}
    status = {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}], "conditions": [{"type": "Ready", "status": "True"}]}
    return _object("Pod", name, {"nodeName": "one", **spec}, meta=meta, status=status)


def _service(**spec) -> dict:
    return _object("Service", "reviews", {"selector": {"app": "reviews"}, "ports": [{"port": 9080}], **spec})


def _registry(*objects: dict) -> Registry:
    registry = Registry()
    registry.apply(map(Change.to, objects))
    return registry


def _only_workload(*objects: dict) -> Workload:
    [found] = _registry(*objects).index.workloads.values()
    return found


def _record(*objects: dict, key: ServiceKey = _REVIEWS) -> Service:
    return _registry(*objects).index.services[key]


def test_a_pod_in_the_mesh():
    owner = {"kind": "ReplicaSet", "name": "reviews-v1-5f7c", "controller": True}
    labels = {"app": "reviews", "version": "v1", "pod-template-hash": "5f7c"}
    annotations = {"ambient.istio.io/redirection": "enabled", "sidestep.dev/netns": "/netns/1"}
    pod = _pod(labels=labels, annotations=annotations, owners=[owner], serviceAccountName="bookinfo-reviews")
    node = {"topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "z"}
    place = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one", "labels": node}}
    assert _only_workload(pod, place, _service()) == Workload(
        WorkloadUid("Kubernetes//Pod/shop/reviews-v1-5f7c-abcde"),
        "reviews-v1-5f7c-abcde",
        "shop",
        ("10.0.0.1", "fd00::1"),
        "one",
        "bookinfo-reviews",
        tunnel=Tunnel.HBONE,
        services={_REVIEWS: (PortMap(9080, 9080),)},
        locality=Locality("r", "z"),
        workload_name="reviews-v1",
        canonical_name="reviews",
        canonical_revision="v1",
        netns="/netns/1",
        labels=labels,
    )


def test_which_proxy_a_pod_has_stands_on_the_pod():
    said = {each: _only_workload(_pod(annotations={"sidestep.dev/proxy": each})).proxy for each in ("waypoint", "node")}
    assert said == {"waypoint": ProxyRole.WAYPOINT, "node": None}


def test_a_pod_outside_the_mesh_is_known_and_not_reached_by_hbone():
    found = _only_workload(_pod())
    assert (found.tunnel, found.account, found.netns) == (Tunnel.NONE, "default", "")


@pytest.mark.parametrize(
    "status",
    [{}, {"podIPs": []}, {"podIPs": [{"ip": "10.0.0.1"}], "phase": "Succeeded"}],
    ids=["no status", "no address", "ended"],
)
def test_a_pod_that_cannot_be_reached_is_not_known(status: dict):
    assert not _registry({**_pod(), "status": status}).index.workloads


@pytest.mark.parametrize("what", ["not ready", "leaving"])
def test_a_pod_that_is_not_ready_or_leaves_is_known_and_not_chosen(what: str):
    pod = _pod()
    if what == "leaving":
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    else:
        pod["status"]["conditions"][0]["status"] = "False"
    assert not _only_workload(pod).healthy


def test_a_named_port_is_the_pods_own_and_left_out_where_the_pod_has_none():
    containers = [{"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}]
    ports = [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": "absent"}]
    objects = _pod(labels={"app": "reviews"}, containers=containers), _service(ports=ports)
    assert _only_workload(*objects).services == {_REVIEWS: (PortMap(80, 8080),)}
    assert _record(*objects).ports == (PortMap(80, 0), PortMap(81, 0))


def test_a_service_that_selects_nothing_of_the_pod_is_not_among_its_services():
    assert _only_workload(_pod(labels={"app": "ratings"}), _service()).services == {}


def test_a_service_with_two_families():
    found = _record(_service(clusterIPs=["10.96.0.1", "fd00:96::1"], ipFamilies=["IPv4", "IPv6"]))
    assert (found.vips, found.families, found.canonical) == (("10.96.0.1", "fd00:96::1"), Families.DUAL, True)


def test_a_headless_service_has_no_address_and_a_name_for_another_is_none():
    assert _record(_service(clusterIP="None", clusterIPs=["None"])).vips == ()
    assert not _registry(_service(type="ExternalName", externalName="example.com")).index.services


@pytest.mark.parametrize(
    ("spec", "preferences", "mode"),
    [
        ({}, (), Preference.ANY),
        ({"internalTrafficPolicy": "Local"}, (Scope.NODE,), Preference.STRICT),
        ({"trafficDistribution": "PreferClose"}, (Scope.NETWORK, Scope.REGION, Scope.ZONE), Preference.FAILOVER),
        (
            {"trafficDistribution": "PreferSameNode"},
            (Scope.NETWORK, Scope.REGION, Scope.ZONE, Scope.SUBZONE, Scope.NODE),
            Preference.FAILOVER,
        ),
    ],
)
def test_where_endpoints_are_preferred(spec: dict, preferences: tuple[Scope, ...], mode: Preference):
    found = _record(_service(**spec))
    assert (found.preferences, found.mode) == (preferences, mode)


def test_ports_that_are_no_streams_are_left_out():
    ports = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    assert _record(_service(ports=ports)).ports == (PortMap(53, 53),)


def _entry(**spec) -> dict:
    body = {"hosts": ["example.com"], "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}], **spec}
    return _object("ServiceEntry", "outside", body, "networking.istio.io/v1")


_OUTSIDE = ServiceKey("shop/example.com")


def test_an_entry_without_resolution_lets_pass():
    found = _record(_entry(addresses=["192.0.2.0/24"]), key=_OUTSIDE)
    assert (found.mode, found.all_endpoints, found.vips, found.canonical) == (
        Preference.PASSTHROUGH,
        True,
        ("192.0.2.0/24",),
        False,
    )


def test_an_entry_to_be_resolved_is_one_endpoint_with_a_name_and_the_address_that_it_was_given():
    entry = _entry(resolution="DNS")
    entry["status"] = {
        "addresses": [{"host": "example.com", "value": "240.240.0.1"}, {"host": "b", "value": "1.2.3.4"}]
    }
    registry = _registry(entry)
    assert registry.index.services[_OUTSIDE].vips == ("240.240.0.1",)
    [endpoint] = registry.index.endpoints(_OUTSIDE)
    assert (endpoint.hostname, endpoint.addresses, endpoint.services) == (
        "example.com",
        (),
        {_OUTSIDE: (PortMap(443, 443),)},
    )


def test_endpoints_that_an_entry_names_have_their_own_ports_and_accounts():
    endpoint = {"address": "192.0.2.9", "ports": {"tls": 8443}, "serviceAccount": "vm", "locality": "r/z"}
    [found] = _registry(_entry(resolution="STATIC", endpoints=[endpoint])).index.workloads.values()
    assert (found.uid, found.addresses, found.services, found.account, found.locality) == (
        "Kubernetes/networking.istio.io/ServiceEntry/shop/outside/192.0.2.9",
        ("192.0.2.9",),
        {_OUTSIDE: (PortMap(443, 8443),)},
        "vm",
        Locality("r", "z"),
    )


def test_a_service_wins_the_name_over_an_entry_and_the_entry_comes_back_when_it_goes():
    entry = _entry(hosts=["reviews.shop.svc.cluster.local"], resolution="STATIC")
    registry = _registry(entry, _service())
    assert registry.index.services[_REVIEWS].canonical
    registry.apply([Change(ref_of(_service()), None)])
    assert not registry.index.services[_REVIEWS].canonical


def _policy(name: str, namespace: str = "shop", **spec) -> dict:
    return _object("AuthorizationPolicy", name, {"rules": [{}], **spec}, "security.istio.io/v1", namespace)


def _peer(name: str, mode: str, namespace: str = "shop", **spec) -> dict:
    return _object("PeerAuthentication", name, {"mtls": {"mode": mode}, **spec}, "security.istio.io/v1", namespace)


_SELECTING = {"selector": {"matchLabels": {"app": "reviews"}}}


def test_a_workload_lists_policies_that_select_it_and_what_is_derived():
    objects = (
        _pod(labels={"app": "reviews"}),
        _policy("here"),
        _policy("selecting", **_SELECTING),
        _policy("everywhere", "istio-system", **_SELECTING),
        _policy("elsewhere", "bank", **_SELECTING),
        _policy("to-waypoint", targetRefs=[{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "w"}]),
        _policy("custom", action="CUSTOM", **_SELECTING),
        _peer("default", "STRICT", "istio-system"),
    )
    registry = _registry(*objects)
    assert registry.index.workloads[WorkloadUid("Kubernetes//Pod/shop/reviews-v1-5f7c-abcde")].policies == (
        PolicyKey("istio-system/everywhere"),
        PolicyKey("shop/selecting"),
        PolicyKey("istio-system/istio_converted_static_strict"),
    )
    assert sorted(registry.index.policies) == [
        "bank/elsewhere",
        "istio-system/everywhere",
        "istio-system/istio_converted_static_strict",
        "shop/here",
        "shop/selecting",
    ]
    assert [ref.name for ref in registry.withheld] == ["to-waypoint", "custom"]


def test_a_port_that_is_open_under_strict_makes_a_policy_of_its_own():
    peer = _peer("ports", "STRICT", portLevelMtls={"8080": {"mode": "PERMISSIVE"}}, **_SELECTING)
    registry = _registry(_pod(labels={"app": "reviews"}), peer)
    key = PolicyKey("shop/converted_peer_authentication_ports")
    [workload] = registry.index.workloads.values()
    assert workload.policies == (key,)
    assert key in registry.index.policies


def _gateway(**spec) -> dict:
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    body = {"gatewayClassName": "istio-waypoint", "listeners": [listener], **spec}
    status = {"addresses": [{"type": "Hostname", "value": "waypoint.shop.svc.cluster.local"}]}
    return _object("Gateway", "waypoint", body, "gateway.networking.k8s.io/v1", status=status)


def _namespace(**labels: str) -> dict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}


_BOUND = WaypointAddress(ServiceKey("shop/waypoint.shop.svc.cluster.local"))


def test_a_service_goes_through_the_waypoint_that_its_namespace_asks_for_and_pods_do_not():
    objects = _service(), _pod(), _namespace(**{"istio.io/use-waypoint": "waypoint"}), _gateway()
    registry = _registry(*objects)
    assert registry.index.services[_REVIEWS].waypoint == _BOUND
    assert [each.waypoint for each in registry.index.workloads.values()] == [None]


def test_a_waypoint_that_comes_later_or_goes_is_noticed():
    registry = _registry(_service(), _namespace(**{"istio.io/use-waypoint": "waypoint"}))
    assert registry.index.services[_REVIEWS].waypoint is None
    registry.apply([Change.to(_gateway())])
    assert registry.index.services[_REVIEWS].waypoint == _BOUND
    registry.apply([Change(ref_of(_gateway()), None)])
    assert registry.index.services[_REVIEWS].waypoint is None


def test_a_change_of_one_pod_touches_nothing_else():
    other = _pod("other", labels={"app": "reviews"})
    registry = _registry(_pod(labels={"app": "reviews"}), other, _service(), _policy("selecting", **_SELECTING))
    moved = {**other, "status": {**other["status"], "podIPs": [{"ip": "10.0.0.9"}]}}
    dirty = registry.apply([Change.to(moved)])
    assert dirty.workloads == {"Kubernetes//Pod/shop/other"}
    assert not dirty.services
    assert not dirty.policies


def test_what_is_told_again_touches_nothing():
    objects = _pod(labels={"app": "reviews"}), _service(), _policy("here"), _namespace()
    assert not _registry(*objects).apply(map(Change.to, objects))


def test_an_object_of_an_unknown_kind_is_named():
    with pytest.raises(WorldError, match="Gadget"):
        Change.to({"apiVersion": "v1", "kind": "Gadget", "metadata": {"name": "x"}})


def _slice(*endpoints: dict, service: str = "reviews", **meta) -> dict:
    told = {"endpoints": list(endpoints), "ports": [{"port": 8080}], "addressType": "IPv4"}
    labels = {"kubernetes.io/service-name": service, **meta}
    return _object("EndpointSlice", "by-hand", {}, "discovery.k8s.io/v1", meta={"labels": labels}, **told)


def test_an_endpoint_of_which_only_the_address_is_known():
    strangers = _slice({"addresses": ["192.0.2.1"]}, {"addresses": ["192.0.2.2"], "conditions": {"ready": False}})
    found = _registry(_service(selector=None), strangers).index.workloads
    one, other = (found[key] for key in sorted(found))
    assert one.uid == "Kubernetes/discovery.k8s.io/EndpointSlice/shop/by-hand/192.0.2.1"
    assert (one.addresses, one.services, one.healthy) == (("192.0.2.1",), {_REVIEWS: (PortMap(9080, 8080),)}, True)
    assert (one.tunnel, one.host_network, one.account) == (Tunnel.NONE, True, "")
    assert not other.healthy


def test_a_pod_that_a_slice_names_serves_with_all_that_is_known_of_it():
    named = {"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "reviews-0"}}
    found = _only_workload(_pod("reviews-0"), _service(selector=None), _slice(named))
    assert (found.name, found.services) == ("reviews-0", {_REVIEWS: (PortMap(9080, 9080),)})


def test_slices_of_no_service_or_that_controllers_make_are_no_endpoints():
    managed = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    for told in (
        _slice({"addresses": ["192.0.2.1"]}, service="other"),
        _slice({"addresses": ["192.0.2.1"]}, **managed),
    ):
        assert not _registry(_service(), told).index.workloads


def test_a_service_hears_of_a_pod_at_the_address_of_a_stranger():
    registry = _registry(_service(selector=None), _slice({"addresses": ["10.0.0.1"]}))
    assert registry.apply([Change.to(_pod("other"))]).endpoints == {_REVIEWS}


def _waypoint(name: str = "waypoint") -> dict:
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "m", "port": 15008, "protocol": "HBONE"}]}
    status = {"addresses": [{"type": "IPAddress", "value": "10.96.0.9"}]}
    return _object("Gateway", name, spec, "gateway.networking.k8s.io/v1", status=status)


def _istiod(value: str) -> dict:
    env = [{"name": "PILOT_AUTO_ALLOW_WAYPOINT_POLICY", "value": value}]
    template = {"spec": {"containers": [{"name": "discovery", "env": env}]}}
    return _object("Deployment", "istiod", {"template": template}, "apps/v1", namespace="istio-system")


@pytest.mark.parametrize(("value", "listed"), [("true", ("shop/istio_allow_waypoint_shop_waypoint",)), ("false", ())])
def test_waypoints_are_admitted_where_istiod_is_asked_for_it(value, listed):
    pod, behind = _pod(labels={"app": "reviews"}), _service()
    behind["metadata"]["labels"] = {"istio.io/use-waypoint": "waypoint"}
    other = _pod("other")
    registry = _registry(pod, other, behind, _waypoint(), _istiod(value))
    assert {each.name: each.policies for each in registry.index.workloads.values()} == {
        "reviews-v1-5f7c-abcde": listed,
        "other": (),
    }
    assert tuple(registry.index.policies) == listed
    assert all("cluster.local/ns/shop/sa/waypoint" in str(each) for each in registry.index.policies.values())
