"""The other end of a tunnel that a pod opens: what it is told, and that it must be who it should be."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.hbone import Server
from tests.support.lab import asked, run_inside
from tests.support.node_mesh import NodeMesh, service

from sidestep.controlplane.ca.certificates import pem
from sidestep.controlplane.records import Tunnel, WaypointAddress

FOLDER = Path("/run")
SA = "spiffe://cluster.local/ns/default/sa/"
VIP, BEHIND, EXTRA = "10.96.0.20", "10.96.0.21", "10.96.0.22"


def scene() -> dict[str, object]:
    """A waypoint and an impostor, both played by the tests, with pods of two accounts that dial them."""
    mesh = NodeMesh()
    gate, web = service("gate", VIP, (15008, 15008)), service("web", EXTRA, (80, 8080))
    behind = service("behind", BEHIND, (80, 8080), waypoint=WaypointAddress(gate.key))
    extra = service("extra", "10.96.0.23", (80, 8080), sans=(f"{SA}evil",))
    mesh.put(gate, web, behind, extra)
    a, c = mesh.add("a", 0), mesh.add("c", 0)
    waypoint = mesh.add("waypoint", 1, captured=False, tunnel=Tunnel.HBONE, native_tunnel=True, serves=[gate])
    impostor = mesh.add("impostor", 1, captured=False, tunnel=Tunnel.HBONE, serves=[web, extra])
    pod = mesh.add("pod", 1, captured=False, tunnel=Tunnel.HBONE, waypoint=WaypointAddress(gate.key))
    mesh.settle()
    now, roots = datetime.now(UTC), pem(mesh.authority.anchors)
    gateway = Server(waypoint.namespace, FOLDER, mesh.authority.issue(f"{SA}waypoint", now), roots, "waypoint")
    evil = Server(impostor.namespace, FOLDER, mesh.authority.issue(f"{SA}evil", now), roots, "evil")
    return {
        "by waypoint": [asked(each.namespace, BEHIND, 80) for each in (a, c, a)],
        "pod by waypoint": asked(a.namespace, pod.ipv4, 9999),
        "authorities": [each[":authority"] for each in gateway.asked],
        "headers": sorted(gateway.asked[0]),
        "forwarded": [each["forwarded"] for each in gateway.asked],
        "traces": [each["traceparent"] for each in gateway.asked],
        "peers": gateway.peers,
        "pod": f"{pod.ipv4}:9999",
        "impostor": [asked(a.namespace, EXTRA, 80), asked(a.namespace, impostor.ipv4, 8080)],
        "told": len(evil.asked),
        "accepted by name": asked(a.namespace, "10.96.0.23", 80),
        "a": a.ipv4,
        "impostors authority": [evil.asked[0][":authority"], f"{impostor.ipv4}:8080"],
    }


@pytest.fixture(scope="module")
def met() -> dict:
    return run_inside(scene)


def test_a_waypoint_is_told_what_was_dialled_by_who_dialled_it(met):
    assert met["by waypoint"] == ["waypoint"] * 3
    assert met["pod by waypoint"] == "waypoint"
    assert met["authorities"] == [f"{BEHIND}:80"] * 3 + [met["pod"]]
    assert met["headers"] == [":authority", ":method", "baggage", "forwarded", "traceparent"]


def test_a_peer_is_told_the_client_and_the_service_and_a_trace_of_each_connection(met):
    client = rf'for="{re.escape(met["a"])}:[0-9]+"'
    assert re.fullmatch(rf"{client};host=behind\.default\.svc\.cluster\.local", met["forwarded"][0])
    assert re.fullmatch(client, met["forwarded"][3])
    assert all(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", each) for each in met["traces"])
    assert len(set(met["traces"])) == len(met["traces"]) == 4


def test_each_account_has_a_tunnel_of_its_own_that_is_used_again(met):
    assert sorted(set(met["peers"])) == [f"{SA}a", f"{SA}c"]
    assert met["peers"].count(f"{SA}c") == 1


def test_who_shows_another_name_than_the_workloads_is_told_nothing(met):
    assert not any(each.startswith("evil") for each in met["impostor"])
    assert met["told"] == 0


def test_a_name_that_the_service_accepts_besides_is_taken(met):
    assert met["accepted by name"] == "evil"
    assert len(set(met["impostors authority"])) == 1
