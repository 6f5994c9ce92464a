"""What a small mesh becomes, word by word, and that the real Envoy takes all of it.

`SIDESTEP_GOLDEN=write pytest …` writes the files anew; the diff is what to review.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict
from msgspec.structs import replace
from tests.support.envoy import envoy_binary

from sidestep.controlplane.generators import CLUSTER, ENDPOINTS, LISTENER, Resource
from sidestep.controlplane.generators.node import NodeGenerator, Settings
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import (
    Locality,
    PolicyKey,
    PortMap,
    Preference,
    Scope,
    Service,
    ServiceKey,
    Tunnel,
    WaypointAddress,
    Workload,
    WorkloadUid,
)
from sidestep.lab.envoy import ControlPlane, Proxy, bootstrap
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.ztunnel import Address, Authorization, Group, Match, Side
from sidestep.semantics.authorization.ztunnel import Scope as PolicyScope

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = Settings(pods=("10.128.0.0/9", "fd00:10:128::/48"), services=("10.96.0.0/16",), access_log="/dev/null")
WEB, BEHIND = ServiceKey("shop/web.shop.svc.cluster.local"), ServiceKey("shop/behind.shop.svc.cluster.local")
GATE = ServiceKey("shop/gate.shop.svc.cluster.local")


def pod(name: str, *addresses: str, node: str = "one", **more) -> Workload:
    return Workload(
        WorkloadUid(f"Kubernetes//Pod/shop/{name}"), name, "shop", addresses, node, account=name,
        locality=Locality("r", f"zone-{node}"), canonical_name=name, canonical_revision="v1", **more,
    )  # fmt: skip


def service(key: ServiceKey, vip: str, **more) -> Service:
    name = key.partition("/")[2].partition(".")[0]
    return Service(name, "shop", key.partition("/")[2], (vip,), (PortMap(80, 8080), PortMap(90, 0)), **more)


@pytest.fixture
def index() -> Index:
    ports = (PortMap(80, 8080),)
    workloads = [
        pod("web", "10.128.0.2", "fd00:10:128::2", tunnel=Tunnel.HBONE, netns="/scratch/netns/web", services={WEB: ports}, policies=(PolicyKey("shop/listed"),)),
        pod("old", "10.128.0.3", node="two", services={WEB: (PortMap(80, 9090), PortMap(90, 9091))}),
        pod("gate", "10.128.0.4", node="two", tunnel=Tunnel.HBONE, native_tunnel=True, services={GATE: ()}),
        pod("behind", "10.128.0.5", node="two", tunnel=Tunnel.HBONE, waypoint=WaypointAddress(GATE)),
    ]  # fmt: skip
    services = [
        service(WEB, "10.96.0.20", preferences=(Scope.ZONE,), mode=Preference.FAILOVER, sans=("spiffe://td/ns/x/sa/y",)),
        service(BEHIND, "10.96.0.21", waypoint=WaypointAddress(GATE)),
        service(GATE, "10.96.0.22"),
    ]  # fmt: skip
    strict = Authorization(
        "strict", "shop", PolicyScope.NAMESPACE, Action.DENY, (Group(((Match(negative=Side(principals=("*",))),),)),)
    )
    listed = Authorization("listed", "shop", PolicyScope.WORKLOAD_SELECTOR, Action.ALLOW, (
        Group(((Match(Side(ports=(8080,))),), (Match(Side(namespaces=("shop*",), source_ips=(Address("10.128.0.0", 16),))),))),
    ))  # fmt: skip
    made = Index()
    made.apply(
        Changes(
            {each.uid: each for each in workloads},
            {each.key: each for each in services},
            {PolicyKey(f"shop/{each.name}"): each for each in (strict, listed)},
        )
    )
    return made


def standing(index: Index) -> dict[str, Resource]:
    generator = NodeGenerator(SETTINGS)
    found = [each for unit in generator.units(index, None) for each in generator.resources(index, unit)]
    return {f"{each.type_url.rpartition('.')[2]} {each.name}": each for each in found}


def asked(index: Index, *names: str) -> dict[str, Resource]:
    """Clusters, and the endpoints that each asks for."""
    generator, found = NodeGenerator(SETTINGS), {}
    for name in names:
        cluster = generator.on_demand(index, CLUSTER, name, "one")
        if cluster is not None:
            found[f"Cluster {name}"] = cluster
            endpoints = generator.on_demand(index, ENDPOINTS, endpoints_name(cluster), "one")
            assert endpoints is not None
            found[f"ClusterLoadAssignment {name}"] = endpoints
    return found


def endpoints_name(cluster: Resource) -> str:
    return cluster.message.eds_cluster_config.service_name


DIALLED = ("10.96.0.20:80", "10.96.0.20:90", "10.96.0.21:80", "10.128.0.2", "10.128.0.3", "10.128.0.5")


def told(found: dict[str, Resource]) -> dict[str, object]:
    return {
        name: [each.proxy, MessageToDict(each.message, preserving_proto_field_name=True)]
        for name, each in found.items()
    }


@pytest.mark.parametrize("name", ["standing", "asked"])
def test_a_small_mesh_becomes_what_is_written_down(index, name):
    found = told(standing(index) if name == "standing" else asked(index, *DIALLED))
    file = GOLDEN / f"{name}.json"
    if os.environ.get("SIDESTEP_GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    assert found == json.loads(file.read_text())


def test_the_same_records_become_the_same_bytes(index):
    def content() -> list[bytes]:
        found = {**standing(index), **asked(index, *DIALLED)}
        return [each.message.SerializeToString(deterministic=True) for each in found.values()]

    assert content() == content()


def test_what_is_not_there_has_no_cluster(index):
    assert asked(index, "10.96.0.20:81", "10.96.0.99:80", "10.128.9.9", "10.96.0.20", "name:80", "[x]:80", ":80") == {}


def test_an_answer_depends_on_who_is_at_the_waypoint(index):
    before = asked(index, "10.96.0.21:80")["ClusterLoadAssignment 10.96.0.21:80"]
    gate = WorkloadUid("Kubernetes//Pod/shop/gate")
    assert f"endpoints {GATE}" in before.depends
    index.apply(Changes({gate: None}))
    after = asked(index, "10.96.0.21:80")["ClusterLoadAssignment 10.96.0.21:80"]
    assert before.message != after.message
    assert not after.message.endpoints[0].lb_endpoints


def test_who_else_is_accepted_is_asked_for_by_another_name_so_that_the_cluster_before_is_told_nothing_of_them(index):
    """Envoy uses the cluster before until the new one has endpoints; with the new endpoints it would send plaintext."""
    generator, name = NodeGenerator(SETTINGS), "10.96.0.20:80"
    before = generator.on_demand(index, CLUSTER, name, "one")
    plain = pod("late", "10.128.0.9", services={WEB: (PortMap(80, 8080),)})
    index.apply(Changes({plain.uid: plain}))
    assert endpoints_name(generator.on_demand(index, CLUSTER, name, "one")) == endpoints_name(before)
    index.apply(Changes({plain.uid: replace(plain, tunnel=Tunnel.HBONE)}))
    after = generator.on_demand(index, CLUSTER, name, "one")
    assert endpoints_name(after) != endpoints_name(before)
    assert generator.on_demand(index, ENDPOINTS, endpoints_name(before), "one") is None
    assert generator.vacated(ENDPOINTS, endpoints_name(before), "one") is None  # it keeps what it has
    told = generator.on_demand(index, ENDPOINTS, endpoints_name(after), "one").message
    assert told.cluster_name == endpoints_name(after)
    accepted = {each.name for each in after.message.transport_socket_matches}
    for each in told.endpoints[0].lb_endpoints:
        match = each.metadata.filter_metadata.get("envoy.transport_socket_match")
        assert match is None or match["identities"] in accepted


def test_what_is_no_more_has_nobody_and_asks_for_nobody(index):
    gone = NodeGenerator(SETTINGS).vacated(CLUSTER, "10.96.0.20:80", "one").message
    assert (gone.type, gone.load_assignment.cluster_name) == (gone.STATIC, "10.96.0.20:80")
    assert not gone.load_assignment.endpoints


def test_a_policy_touches_those_who_list_it_or_live_with_it_and_nobody_else(index):
    generator = NodeGenerator(SETTINGS)
    assert list(generator.units(index, index.apply(Changes(policies={PolicyKey("shop/listed"): None})))) == [
        "pod/Kubernetes//Pod/shop/web"
    ]
    assert list(generator.units(index, index.apply(Changes(services={BEHIND: None})))) == []


def test_an_entrys_address_elsewhere_touches_everybody_who_is_captured_and_once_only(index):
    def touched(*vips: str, **more) -> list[str]:
        entry = Service("out", "shop", "out.example", vips, (PortMap(80, 80),), canonical=False, **more)
        return list(NodeGenerator(SETTINGS).units(index, index.apply(Changes(services={entry.key: entry}))))

    web = ["pod/Kubernetes//Pod/shop/web"]
    assert touched("10.96.0.77") == []  # of Services' own network
    assert touched("198.51.100.7", "198.51.100.0/24") == web
    assert touched("198.51.100.7", "198.51.100.0/24", all_endpoints=True) == []
    assert touched("198.51.100.7") == web
    passes = {"mode": Preference.PASSTHROUGH}
    assert touched("198.51.100.7", **passes) == web  # it is dialled as it is now
    assert touched("198.51.100.8", **passes) == []
    assert touched("198.51.100.8", waypoint=WaypointAddress(GATE), **passes) == web


def test_an_address_that_an_endpoint_has_too_is_the_services_without_its_waypoint(index):
    entry = Service("out", "shop", "out.example", ("198.51.100.7",), (PortMap(80, 0),), waypoint=WaypointAddress(GATE), canonical=False)  # fmt: skip
    index.apply(Changes(services={entry.key: entry}))
    name = "ClusterLoadAssignment 198.51.100.7:80"

    def authorities() -> list[str]:
        (group,) = asked(index, "198.51.100.7:80")[name].message.endpoints
        known = (each.metadata.filter_metadata["sidestep"] for each in group.lb_endpoints)
        return [dict(each).get("authority", "as dialled") for each in known]

    assert authorities() == ["as dialled"]  # at the waypoint
    one = Workload(WorkloadUid("x/ServiceEntry/shop/out/y"), "out", "shop", ("198.51.100.7",), services={entry.key: (PortMap(80, 8080),)})  # fmt: skip
    index.apply(Changes({one.uid: one}))
    assert authorities() == ["198.51.100.7:8080"]


@pytest.mark.real
def test_envoy_takes_it(index, tmp_path):
    found = {**standing(index), **asked(index, *DIALLED)}
    plane = ControlPlane("127.0.0.1:1", "x", tmp_path / "roots", tmp_path / "token")
    for path in (plane.roots, plane.token):
        path.write_text("-")
    start = bootstrap(Proxy("one", tmp_path, plane))
    static: dict[str, list[object]] = {"listeners": [], "clusters": []}
    for each in found.values():
        shown = MessageToDict(each.message, preserving_proto_field_name=True)
        if each.type_url == LISTENER:
            shown.get("address", {}).get("socket_address", {}).pop("network_namespace_filepath", None)
            static["listeners"].append(shown)
        elif each.type_url == CLUSTER:
            static["clusters"].append(shown)
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps({**start, "static_resources": static}))
    done = subprocess.run(
        [envoy_binary(), "--mode", "validate", "--config-path", file],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "deprecated" not in done.stderr.lower()
