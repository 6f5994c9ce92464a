"""Addresses that ServiceEntries have anywhere, outside of the networks of pods and Services."""

from tests.support.lab import Talk, asked, greeter, run_inside
from tests.support.node_mesh import NodeMesh, service

from sidestep.controlplane.index import Changes
from sidestep.controlplane.records import PortMap, Service

VIP, HOST, OTHER = "10.96.0.20", "172.18.0.1", "172.18.0.2"
ONE, ONE6, WIDE, WIDE6, NARROW = "198.51.100.7", "2001:db8:5::7", "192.0.2.0/25", "2001:db8:6::/64", "192.0.2.16/28"
CLOSED = ("", "ConnectionResetError", "BrokenPipeError")


def entry(name: str, *vips: str) -> Service:
    ports = PortMap(80, 8080), PortMap(9000, 8080)
    return Service(name, "default", f"{name}.example", vips, ports, canonical=False)


def scene() -> dict[str, object]:
    mesh = NodeMesh()
    web, out, narrow = service("web", VIP, (80, 8080)), entry("out", HOST, ONE, ONE6, WIDE, WIDE6), entry("in", NARROW)
    mesh.put(web)
    a, b, c = mesh.add("a", 0), mesh.add("b", 1, serves=[web, out]), mesh.add("c", 1, serves=[narrow])
    mesh.settle()
    met: dict[str, object] = {"client": [a.ipv4, a.ipv6]}
    hosts = [each.namespace for each in mesh.nodes]
    with (
        greeter(b.namespace, 8080, "b"),
        greeter(c.namespace, 8080, "c"),
        greeter(hosts[0], 9000, "host"),
        greeter(hosts[1], 9000, "other"),
    ):
        held, passed = Talk(a.namespace, VIP, 80), Talk(a.namespace, HOST, 9000)
        mesh.put(out)
        mesh.settle()
        led = Talk(a.namespace, HOST, 9000)
        met["address"] = [asked(a.namespace, each, 80) for each in (ONE, ONE6)]
        met["network"] = [asked(a.namespace, each, 80) for each in ("192.0.2.5", "192.0.2.20", "2001:db8:6::9")]
        met["port"] = [asked(a.namespace, each, 81) for each in (ONE, "192.0.2.5")]
        mesh.put(narrow)
        mesh.settle()
        met["narrow"] = [asked(a.namespace, each, 80).split()[0] for each in ("192.0.2.5", "192.0.2.20")]
        met["outside"] = asked(a.namespace, OTHER, 9000)
        clusters = mesh.admin(0).get("/clusters?format=json")
        met["clusters"] = [clusters.count(f'"name": "{each}') for each in (f"{WIDE}:80", "192.0.2.5", "192.0.2.20")]
        mesh.apply(Changes(services={out.key: None}))
        mesh.settle()
        met["greeted"] = [passed.greeting, led.greeting, Talk(a.namespace, HOST, 9000).greeting]
        met["held"] = [each.echoes("still") for each in (held, passed, led)]
    return met


def test_they_are_led_to_their_endpoints_and_open_connections_stay():
    met = run_inside(scene)
    four, six = (f"b {each}" for each in met["client"])
    assert met["address"] == [four, six]
    assert met["network"] == [four, four, six]
    assert set(met["port"]) <= set(CLOSED)
    assert met["narrow"] == ["b", "c"]
    assert met["outside"].startswith("other ")
    assert met["clusters"] == [1, 0, 0]
    assert [each.split()[0] for each in met["greeted"]] == ["host", "b", "host"]
    assert met["held"] == [True, True, True]
