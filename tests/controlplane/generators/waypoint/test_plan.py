"""What of a waypoint a change makes again, and that it is the same as made afresh."""

from typing import Any

from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.waypoint_mesh import bound, gateway_of, policy_of, route_of, service_of

from sidestep.controlplane.ads.catalogue import Catalogue
from sidestep.controlplane.generators import CLUSTER, ENDPOINTS, LISTENER, SCOPED_ROUTES
from sidestep.controlplane.generators.waypoint import WaypointGenerator
from sidestep.controlplane.registry.registry import Change, Registry

_GROUP = "waypoint/default/waypoint"
_KINDS = (CLUSTER, ENDPOINTS, LISTENER, SCOPED_ROUTES)


class Scene:
    """A waypoint's catalogue, kept in step with objects."""

    def __init__(self, *trees: dict[str, Any]) -> None:
        self.registry = Registry()
        self.registry.apply(map(Change.to, trees))
        self.generator = WaypointGenerator()
        self.catalogue = Catalogue(self.generator, self.registry.index)
        self.catalogue.fill()

    def change(self, *changes: Change) -> list[str]:
        """Names of what a change made other."""
        return [key.name for key in self.catalogue.renew(self.registry.apply(changes))]

    def told(self) -> dict[str, str]:
        names = [(kind, name) for kind in _KINDS for name in self.catalogue.everything(kind, _GROUP)]
        found = {f"{kind} {name}": self.catalogue.find(kind, name, _GROUP) for kind, name in names}
        return {name: entry.version for name, entry in found.items() if entry is not None}


def _policy(name: str, service: str, path: str) -> dict[str, Any]:
    target = {"group": "", "kind": "Service", "name": service}
    return policy_of(
        name, {"targetRefs": [target], "action": "DENY", "rules": [{"to": [{"operation": {"paths": [path]}}]}]}
    )


def _route(name: str, service: str, backend: str) -> dict[str, Any]:
    return route_of(name, service, {"backendRefs": [{"name": backend, "port": 80}]})


def _virtual_service(name: str, host: str, to: str) -> dict[str, Any]:
    spec = {"hosts": [host], "http": [{"route": [{"destination": {"host": to}}]}]}
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": spec}


def _rule(host: str, number: int) -> dict[str, Any]:
    spec = {"host": host, "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": number}}}}
    meta = {"name": f"d-{host}", "namespace": "default"}
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": meta, "spec": spec}


_SERVICES = [bound(service_of(name, f"10.96.0.{at + 1}", ("http", 80), ("tcp", 90))) for at, name in enumerate("abc")]


def test_an_edit_makes_the_touched_host_again_and_nothing_else():
    scene = Scene(gateway_of("waypoint", {}), *_SERVICES)
    assert scene.change(Change.to(_policy("p", "a", "/x"))) == ["a.default.svc.cluster.local|80", "mesh.streams"]
    assert scene.change(Change.to(_route("r", "b", "c"))) == ["b.default.svc.cluster.local|80"]
    assert "b.default.svc.cluster.local" in " ".join(name for name in scene.told() if CLUSTER in name)
    assert scene.change(Change.to(_rule("c", 7))) == [
        "outbound|80||c.default.svc.cluster.local",
        "outbound|90||c.default.svc.cluster.local",
    ]
    assert scene.change(Change.to({**_policy("p", "a", "/x"), "status": {"conditions": []}})) == []


def test_a_list_of_filters_hangs_on_no_policy_route_or_service():
    scene = Scene(gateway_of("waypoint", {}), *_SERVICES)
    before = {name: version for name, version in scene.told().items() if LISTENER in name}
    scene.change(*(Change.to(each) for each in (_policy("p", "a", "/x"), _route("r", "b", "c"), _rule("c", 7))))
    scene.change(Change(Change.to(_SERVICES[1]).ref, None))
    assert {name: version for name, version in scene.told().items() if LISTENER in name} == before
    assert len(before) == 9


def test_requests_that_are_seen_otherwise_are_judged_in_a_manager_of_their_own():
    """What judges the others stays as it is."""
    scene = Scene(gateway_of("waypoint", {}), *_SERVICES)
    before = scene.told()
    spec = {
        "targetRefs": [{"group": "", "kind": "Service", "name": "b"}],
        "accessLogging": [{"providers": [{"name": "envoy"}]}],
    }
    meta = {"name": "b", "namespace": "default"}
    told = {"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": meta, "spec": spec}
    changed = scene.change(Change.to(told))
    after = scene.told()
    view = next(name.removeprefix("mesh.main") for name in changed if name.startswith("mesh.main."))
    assert set(changed) == {"mesh.connect", f"mesh.main{view}", f"mesh.sniff{view}"}
    assert {name: after[name] for name in before} == before


def test_one_manager_routes_for_all_services():
    scene = Scene(gateway_of("waypoint", {}), *_SERVICES)
    units = scene.generator.resources(scene.registry.index, f"{_GROUP}|standing")
    listeners = {each.name: each.message for each in units if isinstance(each.message, Listener)}
    [chain] = listeners["mesh.main"].filter_chains
    manager = HttpConnectionManager.FromString(chain.filters[0].typed_config.value)
    assert manager.scoped_routes.WhichOneof("config_specifier") == "scoped_rds"
    assert [each.name for each in manager.http_filters][-1] == "envoy.filters.http.router"


def test_replicas_are_of_one_group_and_others_of_none():
    scene = Scene(gateway_of("waypoint", {}), pod("waypoint-0", {"gateway.networking.k8s.io/gateway-name": "waypoint"}))
    index = scene.registry.index
    assert scene.generator.group(index, "default/waypoint-0") == _GROUP
    assert scene.generator.group(index, "default/other") == ""


def pod(name: str, labels: dict[str, str]) -> dict[str, Any]:
    meta = {"name": name, "namespace": "default", "labels": labels, "annotations": {"sidestep.dev/proxy": "waypoint"}}
    status = {"podIPs": [{"ip": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": "one"}, "status": status}


_names = st.sampled_from("abc")
_objects = st.one_of(
    st.builds(_policy, st.sampled_from(["p", "q"]), _names, st.sampled_from(["/x", "/y"])),
    st.builds(_route, st.sampled_from(["r", "s"]), _names, st.sampled_from("abcd")),
    st.builds(_virtual_service, st.just("v"), st.sampled_from(["a", "*.default.svc.cluster.local"]), _names),
    st.builds(_rule, _names, st.integers(1, 2)),
    st.sampled_from(
        [*_SERVICES, service_of("a", "10.96.0.1", ("http", 80)), gateway_of("waypoint", {"serves": "none"})]
    ),
)
_changes = st.lists(st.tuples(_objects, st.booleans()), max_size=6)


@settings(max_examples=60, deadline=None)
@given(_changes)
def test_after_any_changes_a_waypoint_is_told_the_same_as_by_a_generator_made_afresh(changes):
    scene = Scene(gateway_of("waypoint", {}), *_SERVICES)
    for tree, gone in changes:
        change = Change.to(tree)
        scene.change(Change(change.ref, None) if gone else change)
    told, fresh = scene.told(), Scene(*scene.registry.objects()).told()
    assert {name: told.get(name) for name in fresh} == fresh
    stays = (CLUSTER, SCOPED_ROUTES)
    assert all(any(kind in name for kind in stays) for name in told.keys() - fresh.keys())
