"""What the configuration means, made again only when it changed."""

from sidestep.controlplane.registry.objects import Ref
from sidestep.controlplane.registry.registry import Change, Registry
from sidestep.model import kinds
from sidestep.semantics.instances import Mode

_SERVICE = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "shop"},
    "spec": {"ports": [{"port": 80}]},
}  # fmt: skip
_ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "shop"},
    "spec": {"parentRefs": [{"kind": "Service", "group": "", "name": "a"}]},
}  # fmt: skip


def _pod(annotations: dict[str, str]) -> dict:
    meta = {"name": "p", "namespace": "shop", "annotations": annotations}
    proxy = {"name": "istio-proxy", "args": ["proxy", "sidecar"]}
    status = {"podIPs": [{"ip": "10.0.0.1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [proxy]}, "status": status}


def test_the_meaning_is_made_again_only_when_an_object_changed_that_it_is_read_from():
    registry = Registry()
    registry.apply([Change.to(_SERVICE)])
    before = registry.index.mesh()
    assert not registry.apply([Change.to({**_SERVICE, "status": {"loadBalancer": {}}})]).configuration
    assert not registry.apply([Change.to(_pod({}))]).configuration
    assert registry.index.mesh() is before
    dirty = registry.apply([Change.to(_ROUTE)])
    assert dirty.configuration == {Ref("httproutes.gateway.networking.k8s.io", "shop", "r")}
    assert [each.meta.name for each in registry.index.mesh().mesh.of(kinds.HTTP_ROUTE)] == ["r"]
    gone = registry.apply([Change(Ref("httproutes.gateway.networking.k8s.io", "shop", "r"), None)])
    assert gone.configuration
    assert (registry.index.live.has(kinds.SERVICE), registry.index.live.has(kinds.HTTP_ROUTE)) == (True, False)
    assert not registry.index.mesh().mesh.of(kinds.HTTP_ROUTE)


def test_an_object_with_a_field_of_a_wrong_type_counts_for_nothing_and_harms_no_other():
    registry = Registry()
    registry.apply([Change.to(_SERVICE), Change.to({**_ROUTE, "spec": "nothing"})])
    mesh = registry.index.mesh()
    assert [each.meta.name for each in mesh.mesh.of(kinds.SERVICE)] == ["a"]
    assert not mesh.mesh.of(kinds.HTTP_ROUTE)
    assert list(registry.index.live.malformed) == [Ref("httproutes.gateway.networking.k8s.io", "shop", "r")]


def test_a_pod_is_known_as_meaning_is_asked_about_it():
    registry = Registry()
    registry.apply([Change.to(_pod({"sidecar.istio.io/status": "{}"}))])
    found = registry.index.live.instances("shop", "p")
    assert found is not None
    assert (found.mode, found.address, found.labels) == (Mode.SIDECAR, "10.0.0.1", {})
    assert registry.index.live.instances("shop", "q") is None
