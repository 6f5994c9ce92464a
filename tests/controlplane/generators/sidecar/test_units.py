"""Which sidecars are told something anew after a change, and what they are told of broken objects."""

import pytest

from sidestep.controlplane.generators import CLUSTER, ENDPOINTS, LISTENER, ROUTES
from sidestep.controlplane.generators.sidecar import SidecarGenerator
from sidestep.controlplane.registry.registry import Change, Registry

SIDECAR = {"sidestep.dev/proxy": "sidecar", "sidecar.istio.io/status": "{}"}


def service(name, space="shop", port=80):
    ports = [{"name": "http", "port": port, "targetPort": 8080}]
    spec = {"clusterIP": "10.96.0.1", "selector": {"app": name}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": space}, "spec": spec}


def pod(name, address, space="shop", *, ready=True, account="default"):
    ready_as = {"type": "Ready", "status": "True" if ready else "False"}
    meta = {"name": name, "namespace": space, "labels": {"app": name}, "annotations": SIDECAR}
    containers = [{"name": "istio-init"}, {"name": "istio-proxy", "args": ["proxy", "sidecar"]}]
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": meta,
        "spec": {"containers": containers[1:], "initContainers": containers[:1], "serviceAccountName": account},
        "status": {"phase": "Running", "podIPs": [{"ip": address}], "conditions": [ready_as]},
    }  # fmt: skip


def istio(kind, space, spec, group="security"):
    meta = {"name": "x", "namespace": space}
    return {"apiVersion": f"{group}.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}


@pytest.fixture
def made():
    registry, generator = Registry(), SidecarGenerator()
    objects = [service("a"), pod("a", "10.0.0.1"), pod("b", "10.0.0.2"), pod("c", "10.0.0.3", "other")]
    registry.apply(map(Change.to, objects))
    for unit in generator.units(registry.index, None):
        list(generator.resources(registry.index, unit))
    return registry, generator


def again(made, *objects):
    """Pods that are told anew, by their last letter."""
    registry, generator = made
    dirty = registry.apply(map(Change.to, objects))
    return {unit[-1] for unit in generator.units(registry.index, dirty)}


@pytest.mark.parametrize(
    ("tree", "pods"),
    [
        (istio("AuthorizationPolicy", "shop", {"rules": [{}]}), {"a", "b"}),
        (istio("AuthorizationPolicy", "istio-system", {"rules": [{}]}), {"a", "b", "c"}),
        (istio("PeerAuthentication", "other", {"mtls": {"mode": "STRICT"}}), {"c"}),
        (istio("VirtualService", "shop", {"hosts": ["a"]}, "networking"), {"a", "b", "c"}),
        (service("new"), {"a", "b", "c"}),
    ],
)
def test_a_change_concerns_whom_its_object_counts_for(made, tree, pods):
    assert again(made, tree) == pods


def test_a_pod_that_comes_and_goes_changes_nothing_for_others_unless_somebody_new_is_behind_a_service(made):
    assert again(made, pod("a", "10.0.0.1", ready=False)) >= {"a"}
    assert again(made, pod("a", "10.0.0.1")) == {"a"}
    assert again(made, pod("a", "10.0.0.1", account="else")) == {"a", "b", "c"}


def test_endpoints_are_made_for_who_asks_and_hang_on_what_they_are_made_of(made):
    registry, generator = made
    name = "outbound|80||a.shop.svc.cluster.local"
    found = generator.on_demand(registry.index, ENDPOINTS, name, "shop/b")
    (place,) = found.message.endpoints
    assert place.lb_endpoints[0].endpoint.address.socket_address.address == "10.0.0.1"
    assert "endpoints shop/a.shop.svc.cluster.local" in found.depends
    assert not generator.on_demand(registry.index, ENDPOINTS, "nobody", "shop/b").message.endpoints


def test_a_broken_object_leaves_everything_else_as_it_is(made):
    registry, generator = made
    (unit,) = [each for each in generator.units(registry.index, None) if each.endswith("/b")]
    before = {(each.type_url, each.name) for each in generator.resources(registry.index, unit)}
    rule = {"host": "a", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": "many"}}}}
    good = {"route": [{"destination": {"host": "a"}}]}
    broken = [
        istio("DestinationRule", "shop", rule, "networking"),
        istio(
            "VirtualService",
            "shop",
            {"hosts": ["a"], "http": [{"match": [{"uri": {"regex": "("}}]}, good]},
            "networking",
        ),
        istio("AuthorizationPolicy", "shop", {"rules": "none"}),
    ]
    registry.apply(map(Change.to, broken))
    assert {(each.type_url, each.name) for each in generator.resources(registry.index, unit)} == before
    assert {url for url, _ in before} >= {CLUSTER, LISTENER, ROUTES}
    (remark,) = map(str, generator.remarks[unit])
    assert remark == (
        "DestinationRule shop/x: trafficPolicy.connectionPool.tcp.maxConnections: expected a whole number, found a string"
    )


def replicas(*objects):
    """Three pods of one kind, one with another account, and objects that say what they may do."""
    made = [pod(name, f"10.0.0.{at}") for at, name in enumerate(("w1", "w2", "w3"), 1)]
    other = pod("w4", "10.0.0.4", account="other")
    for each in (*made, other):
        each["metadata"]["labels"] = {"app": "web", "service.istio.io/canonical-name": "web"}
    registry = Registry()
    registry.apply(map(Change.to, [service("web"), service("b"), *made, other, *objects]))
    return registry


def told(registry, generator, unit):
    found = list(generator.resources(registry.index, unit))
    return {(each.type_url, each.name): each.message.SerializeToString(deterministic=True) for each in found}


@pytest.mark.parametrize(
    "more",
    [
        (),
        (istio("DestinationRule", "shop", {"host": "b", "trafficPolicy": {"outlierDetection": {"interval": "soon"}}}, "networking"),),
        (istio("EnvoyFilter", "shop", {"configPatches": [{"applyTo": "CLUSTER", "patch": {"operation": "MERGE", "value": {"connect_timeout": "3s"}}}]}, "networking"),),
    ],
    ids=["plain", "a remark", "a patch"],
)  # fmt: skip
def test_replicas_are_told_what_each_would_be_told_alone(more):
    registry, together = replicas(*more), SidecarGenerator()
    units = list(together.units(registry.index, None))
    found = {unit: told(registry, together, unit) for unit in units}
    for unit in units:
        alone = SidecarGenerator()
        assert found[unit] == told(registry, alone, unit)
        assert together.remarks.get(unit) == alone.remarks.get(unit)
    first, second, _, other = (found[unit] for unit in sorted(units))
    assert sum(first[key] != second[key] for key in first) <= 1
    assert any(first[key] != other[key] for key in first if key[0] == CLUSTER)
