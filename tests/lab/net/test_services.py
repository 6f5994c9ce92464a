"""kube-proxy's role: services' addresses lead to endpoints, change by change."""

import socket
from contextlib import suppress

import pytest
from tests.support.lab import USERS, Talk, asked, fabric, greeter, made, node, pod_address, run_inside

from sidestep.lab.cluster.services import Backend

VIPS = ("10.96.0.1", "fd00:10:96::1")
PORT, TARGET = 80, 8080
REFUSED = "ConnectionRefusedError"


def behind(*addresses: str, vip: str = VIPS[0], sticky: bool = False, protocol: str = "TCP") -> Backend:
    return Backend(vip, protocol, PORT, tuple((each, TARGET) for each in addresses), sticky)


def scene():
    lab = fabric()
    one, two = node(lab, 0), node(lab, 1)
    a, b = one.add_pod("a", pod_address(0, 0)), one.add_pod("b", pod_address(0, 1))
    return one, a, b, two.add_pod("c", pod_address(1, 0))


def changes() -> dict[str, object]:
    one, a, b, c = scene()
    met: dict[str, object] = {}
    with greeter(b.namespace, TARGET, "b"), greeter(c.namespace, TARGET, "c"), greeter(a.namespace, TARGET, "a"):

        def ask(vip: str = VIPS[0], times: int = 1) -> list[str]:
            return sorted({asked(a.namespace, vip, PORT) for _ in range(times)})

        both = [behind(b.address.ipv4, c.address.ipv4), behind(b.address.ipv6, c.address.ipv6, vip=VIPS[1])]
        one.set_services(both)
        met["both"] = [ask(times=40), ask(VIPS[1], times=40)]
        met["from the node"] = asked(one.namespace, VIPS[0], PORT).split()[0] in {"b", "c"}
        talk = Talk(a.namespace, VIPS[0], PORT)
        one.set_services([behind(c.address.ipv4), behind(c.address.ipv6, vip=VIPS[1])])
        met["one"] = [ask(times=5), ask(VIPS[1], times=5)]
        one.set_services([behind(), behind(vip=VIPS[1])])
        one.set_services([behind(sticky=True), behind(vip=VIPS[1])])
        met["none"] = [ask(), ask(VIPS[1]), asked(one.namespace, VIPS[0], PORT)]
        one.set_services([behind(a.address.ipv4), behind(a.address.ipv6, vip=VIPS[1])])
        met["itself"] = [ask(), ask(VIPS[1])]
        one.set_services([behind(b.address.ipv4, c.address.ipv4, sticky=True)])
        met["sticky"] = len(ask(times=20))
        met["gone"] = asked(a.namespace, VIPS[1], PORT, patience=0.1)
        one.set_services([])
        one.set_services(both)
        met["again"] = len(ask(times=40))
        met["talk goes on"] = talk.echoes("after all that")
    return met


@pytest.mark.parametrize("user", USERS)
def test_services_follow_their_table(user):
    met = run_inside(changes, user=user)
    a = pod_address(0, 0)
    assert met["both"] == [[f"b {a.ipv4}", f"c {a.ipv4}"], [f"b {a.ipv6}", f"c {a.ipv6}"]]
    assert met["one"] == [[f"c {a.ipv4}"], [f"c {a.ipv6}"]]
    assert met["none"] == [[REFUSED], [REFUSED], REFUSED]
    assert met["itself"] == [["a 172.18.0.1"], ["a fd00:172:18::1"]], "a pod hears itself from the node's address"
    assert met["sticky"] == 1
    assert met["gone"] == "TimeoutError", "nobody has the address any more"
    assert met["again"] == 2
    assert met["from the node"]
    assert met["talk goes on"]


def datagrams() -> dict[str, object]:
    one, a, b, _ = scene()
    server = made(b.namespace, socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", TARGET))  # noqa: S104 - in a namespace of the test
    one.set_services([behind(b.address.ipv4, protocol="UDP"), behind(protocol="TCP")])
    client = made(a.namespace, socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(5)
    taken, peer = taken_at_last(client, server)
    server.sendto(b"answer", peer)
    answer, source = client.recvfrom(99)
    met = {"taken": taken.decode(), "from": peer[0], "answer": answer.decode(), "by": source[0]}
    met["tcp"] = asked(a.namespace, VIPS[0], PORT)
    one.set_services([behind(protocol="UDP")])
    late = made(a.namespace, socket.AF_INET, socket.SOCK_DGRAM)
    late.settimeout(5)
    late.connect((VIPS[0], PORT))
    try:
        late.send(b"hello")
        late.recv(99)
    except OSError as error:
        met["none"] = type(error).__name__
    return met


def taken_at_last(client: socket.socket, server: socket.socket) -> tuple[bytes, tuple[str, int]]:
    """A link that has just come up may drop what is sent at once, and nobody sends a datagram again but who sent it."""
    server.settimeout(0.2)
    for _ in range(100):
        client.sendto(b"hello", (VIPS[0], PORT))
        with suppress(TimeoutError):
            return server.recvfrom(99)
    raise AssertionError("no datagram has come")


def test_datagrams_too():
    met = run_inside(datagrams)
    assert met == {
        "taken": "hello",
        "from": pod_address(0, 0).ipv4,
        "answer": "answer",
        "by": VIPS[0],
        "tcp": REFUSED,
        "none": REFUSED,
    }


def captured_clients() -> list[str]:
    """In a captured pod the proxy balances: the service's address must reach it as it was dialled."""
    one, a, b, _ = scene()
    one.set_services([behind(b.address.ipv4)])
    a.capture()
    with greeter(a.namespace, 15001, "outbound"), greeter(b.namespace, TARGET, "b"):
        captured = asked(a.namespace, VIPS[0], PORT)
        a.release()
        return [captured, asked(a.namespace, VIPS[0], PORT)]


def test_a_captured_pods_service_is_its_proxys_affair():
    a = pod_address(0, 0).ipv4
    assert run_inside(captured_clients) == [f"outbound {a}", f"b {a}"]


def half_a_table() -> list[str]:
    one, a, b, c = scene()
    with greeter(b.namespace, TARGET, "b"), greeter(c.namespace, TARGET, "c"):
        one.set_services([behind(b.address.ipv4)])
        told = [asked(a.namespace, VIPS[0], PORT)]
        try:
            one.set_services([behind(c.address.ipv4), behind("no address", vip="10.96.0.2")])
        except Exception as error:  # noqa: BLE001 - which one is what is asked
            told.append(type(error).__name__)
        told.append(asked(a.namespace, VIPS[0], PORT))
        one.set_services([behind(c.address.ipv4)])
        return [*told, asked(a.namespace, VIPS[0], PORT)]


def test_a_table_is_taken_whole_or_not_at_all():
    a = pod_address(0, 0).ipv4
    assert run_inside(half_a_table) == [f"b {a}", "UsageError", f"b {a}", f"c {a}"]


def large_tables(services: int) -> list[object]:
    one, a, b, c = scene()
    vips = [f"10.96.{1 + number // 250}.{number % 250}" for number in range(services)]
    with greeter(b.namespace, TARGET, "b"), greeter(c.namespace, TARGET, "c"):
        one.set_services([behind(*[b.address.ipv4] * 8, vip=vip) for vip in vips])
        told = [asked(a.namespace, vip, PORT) for vip in (vips[0], vips[services // 2], vips[-1])]
        one.set_services([behind(*[c.address.ipv4] * 8, vip=vip) for vip in vips[1:]])
        told += [asked(a.namespace, vip, PORT) for vip in (vips[1], vips[services // 2], vips[-1])]
        one.set_services([])
        return told


@pytest.mark.parametrize("user", USERS)
def test_large_tables_are_taken_from_ordinary_users_too(user):
    a = pod_address(0, 0).ipv4
    assert run_inside(large_tables, 1000, user=user) == [f"b {a}"] * 3 + [f"c {a}"] * 3
