"""Records are found by address, node, service; what a change touched is told."""

from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import Dirty, PolicyKey, Records, Service, ServiceKey, Tunnel, Workload, WorkloadUid
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.ztunnel import Authorization, Scope

_A = WorkloadUid("Kubernetes//Pod/default/a")
_B = WorkloadUid("Kubernetes//Pod/default/b")
_ENTRY = WorkloadUid("Kubernetes/networking.istio.io/WorkloadEntry/default/z")
_WEB = ServiceKey("default/web.default.svc.cluster.local")


def _pod(uid=_A, **fields) -> Workload:
    return Workload(uid, uid.rpartition("/")[2], "default", **{"addresses": ("10.0.0.1",), "node": "one", **fields})


def _service(name="web", namespace="default", **fields) -> Service:
    return Service(name, namespace, f"{name}.{namespace}.svc.cluster.local", **{"vips": ("10.96.0.1",), **fields})


def _index(*records: Workload | Service) -> Index:
    workloads = {each.uid: each for each in records if isinstance(each, Workload)}
    services = {each.key: each for each in records if isinstance(each, Service)}
    return Index.of(Records(workloads, services, {}))


def test_a_pod_in_the_mesh_wins_an_address_over_one_outside_and_over_what_is_no_pod():
    meshed, outside = _pod(_A, tunnel=Tunnel.HBONE), _pod(_B)
    entry = _pod(_ENTRY, tunnel=Tunnel.HBONE)
    assert _index(outside, meshed, entry).workload_at("10.0.0.1") == meshed
    assert _index(outside, entry).workload_at("10.0.0.1") == outside


def test_a_pod_with_its_nodes_address_is_not_found_by_it():
    assert _index(_pod(host_network=True)).workload_at("10.0.0.1") is None


def test_a_virtual_address_belongs_to_the_clients_namespace_first_then_to_kubernetes():
    here, there = _service(canonical=False), _service(namespace="other")
    index = _index(here, there)
    assert index.service_at("10.96.0.1", "default") == here
    assert index.service_at("10.96.0.1", "third") == there


def test_the_longest_network_wins_and_an_own_address_over_every_network():
    wide, narrow = _service("wide", vips=("10.0.0.0/8",)), _service("narrow", vips=("10.96.0.0/16",))
    index = _index(wide, narrow, _service())
    assert index.service_at("10.96.0.1") == _service()
    assert index.service_at("10.96.0.2") == narrow
    assert index.service_at("10.1.0.2") == wide
    assert index.service_at("11.0.0.1") is None


def test_a_moved_pod_touches_its_nodes_addresses_and_services_before_and_after():
    index = _index(_pod(services={_WEB: ()}))
    moved = _pod(addresses=("10.0.0.2",), node="two", services={})
    dirty = index.apply(Changes({_A: moved}))
    assert dirty == Dirty(
        frozenset({_A}),
        endpoints=frozenset({_WEB}),
        addresses=frozenset({"10.0.0.1", "10.0.0.2"}),
        nodes=frozenset({"one", "two"}),
    )
    assert list(index.on_node("one")) == []
    assert list(index.on_node("two")) == [moved]
    assert list(index.endpoints(_WEB)) == []


def test_what_equals_the_old_is_no_change():
    index = _index(_pod(), _service())
    assert not index.apply(Changes({_A: _pod()}, {_service().key: _service()}))
    assert not index.apply(Changes({_B: None}))


def test_a_workload_is_held_by_its_mesh_its_namespace_and_what_it_lists_and_exists():
    def policy(namespace: str, name: str, scope: Scope) -> Authorization:
        return Authorization(name, namespace, scope, Action.ALLOW, ())

    everywhere = policy("istio-system", "all", Scope.GLOBAL)
    here = policy("default", "here", Scope.NAMESPACE)
    elsewhere = policy("other", "there", Scope.NAMESPACE)
    listed = policy("default", "own", Scope.WORKLOAD_SELECTOR)
    unlisted = policy("default", "foreign", Scope.WORKLOAD_SELECTOR)
    found = {
        PolicyKey(f"{each.namespace}/{each.name}"): each for each in (elsewhere, unlisted, listed, here, everywhere)
    }
    index = Index.of(Records({}, {}, found))
    pod = _pod(policies=(PolicyKey("default/own"), PolicyKey("default/never-sent")))
    assert list(index.authorizations(pod)) == [everywhere, here, listed]


def test_a_policy_that_becomes_one_of_a_namespace_touches_mesh_and_namespace():
    key = PolicyKey("istio-system/all")
    index = Index.of(Records({}, {}, {key: Authorization("all", "istio-system", Scope.GLOBAL, Action.DENY, ())}))
    dirty = index.apply(Changes(policies={key: Authorization("all", "istio-system", Scope.NAMESPACE, Action.DENY, ())}))
    assert dirty == Dirty(policies=frozenset({key}), policy_namespaces=frozenset({"", "istio-system"}))
