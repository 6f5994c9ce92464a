"""Where connections of captured pods go, and from whom they seem to come."""

import pytest
from tests.support.lab import USERS, Talk, asked, greeter, run_inside
from tests.support.node_mesh import NodeMesh, ServiceKey, service

from sidestep.controlplane.records import Preference, Scope

VIP, VIP6 = "10.96.0.20", "fd00:10:96::20"
CLOSED = ("", "ConnectionResetError", "BrokenPipeError")


def scene() -> dict[str, object]:
    mesh = NodeMesh()
    web = service("web", VIP, (80, 8080))
    mesh.put(web)
    a, b = mesh.add("a", 0), mesh.add("b", 1, serves=[web])
    near, plain = mesh.add("near", 0), mesh.add("plain", 1, captured=False)
    with (
        greeter(b.namespace, 8080, "b"),
        greeter(near.namespace, 8080, "near"),
        greeter(plain.namespace, 8080, "plain"),
        greeter(mesh.nodes[0].namespace, 9000, "host"),
    ):
        return {
            "addresses": {name: [pod.ipv4, pod.ipv6] for name, pod in mesh.pods.items()},
            "vip": [asked(a.namespace, each, 80) for each in (VIP, VIP6)],
            "pod": [asked(a.namespace, each, 8080) for each in (b.ipv4, b.ipv6)],
            "same node": asked(a.namespace, near.ipv4, 8080),
            "not in the mesh": [asked(a.namespace, each, 8080) for each in (plain.ipv4, plain.ipv6)],
            "outside": asked(a.namespace, "172.18.0.1", 9000),
            "plaintext": [asked(plain.namespace, each, 8080) for each in (b.ipv4, b.ipv6)],
            "own service": asked(b.namespace, VIP, 80),
            "own address": asked(b.namespace, b.ipv4, 8080),
            "closed": [
                asked(a.namespace, b.ipv4, 81),
                asked(a.namespace, VIP, 81),
                asked(a.namespace, "10.128.0.250", 80),
                asked(a.namespace, "10.96.0.99", 80),
                asked(a.namespace, "172.18.0.1", 81),
                asked(a.namespace, "127.0.0.1", 15001),
                asked(a.namespace, a.ipv4, 15001),
            ],
        }


@pytest.mark.parametrize("user", USERS)
def test_every_kind_of_destination_is_reached_and_sees_the_client(user):
    met = run_inside(scene, user=user)
    a, b, plain = (met["addresses"][name] for name in ("a", "b", "plain"))
    assert met["vip"] == [f"b {each}" for each in a]
    assert met["pod"] == [f"b {each}" for each in a]
    assert met["same node"] == f"near {a[0]}"
    assert met["not in the mesh"] == [f"plain {each}" for each in a]
    assert met["outside"] == f"host {a[0]}"
    assert met["plaintext"] == [f"b {each}" for each in plain]
    assert met["own service"] == met["own address"] == f"b {b[0]}"
    assert set(met["closed"]) <= set(CLOSED)


def follows_change() -> dict[str, object]:
    """A destination that was dialled already becomes another."""
    mesh = NodeMesh()
    web = service("web", VIP, (80, 8080))
    mesh.put(web)
    a, b, c = mesh.add("a", 0), mesh.add("b", 1, serves=[web]), mesh.add("c", 0)
    met: dict[str, object] = {}
    with greeter(b.namespace, 8080, "b"), greeter(c.namespace, 9090, "c"):
        met["unknown"] = asked(a.namespace, "10.96.0.21", 80)
        held = Talk(a.namespace, VIP, 80)
        mesh.put(service("late", "10.96.0.21", (80, 9090)))
        mesh.change(
            c, services={ServiceKey("default/late.default.svc.cluster.local"): service("x", VIP, (80, 9090)).ports}
        )
        mesh.settle()
        met["known"] = asked(a.namespace, "10.96.0.21", 80)
        mesh.change(b, healthy=False)
        mesh.settle()
        met["unhealthy"] = asked(a.namespace, VIP, 80)
        met["held"] = held.echoes("still")
        mesh.change(c, services={web.key: service("x", VIP, (80, 9090)).ports})
        mesh.settle()
        met["moved"] = asked(a.namespace, VIP, 80)
    return met


def test_services_that_come_and_endpoints_that_go_are_followed_and_open_connections_stay():
    met = run_inside(follows_change)
    assert met["unknown"] in CLOSED
    assert met["known"].startswith("c ")
    assert met["unhealthy"] in CLOSED
    assert met["held"] is True
    assert met["moved"].startswith("c ")


def by_locality() -> dict[str, object]:
    mesh = NodeMesh()
    spread = service("spread", VIP, (80, 8080), preferences=(Scope.NODE,), mode=Preference.FAILOVER)
    strict = service("strict", "10.96.0.21", (80, 8080), preferences=(Scope.NODE,), mode=Preference.STRICT)
    mesh.put(spread, strict)
    clients = [mesh.add(f"client-{number}", number) for number in (0, 1)]
    servers = [mesh.add(f"server-{number}", number, serves=[spread, strict]) for number in (0, 1)]
    with greeter(servers[0].namespace, 8080, "0"), greeter(servers[1].namespace, 8080, "1"):
        near = [{asked(each.namespace, VIP, 80)[:1] for _ in range(12)} for each in clients]
        mesh.change(servers[0], healthy=False)
        mesh.settle()
        return {
            "near": [sorted(each) for each in near],
            "failed over": asked(clients[0].namespace, VIP, 80)[:1],
            "strict": asked(clients[0].namespace, "10.96.0.21", 80),
        }


def test_near_endpoints_are_preferred_and_strict_ones_are_the_only_ones():
    met = run_inside(by_locality)
    assert met["near"] == [["0"], ["1"]]
    assert met["failed over"] == "1"
    assert met["strict"] in CLOSED


def mixed() -> list[str]:
    mesh = NodeMesh()
    web = service("web", VIP, (80, 8080))
    mesh.put(web)
    a = mesh.add("a", 0)
    meshed, plain = mesh.add("meshed", 1, serves=[web]), mesh.add("plain", 1, serves=[web], captured=False)
    with greeter(meshed.namespace, 8080, "meshed"), greeter(plain.namespace, 8080, "plain"):
        return sorted({asked(a.namespace, VIP, 80) for _ in range(24)})


def test_a_service_may_have_endpoints_in_the_mesh_and_outside_of_it():
    met = run_inside(mixed)
    assert [each.split()[0] for each in met] == ["meshed", "plain"]
    assert len({each.split()[1] for each in met}) == 1
