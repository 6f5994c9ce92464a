"""Redirection: what it takes, what it lets pass, that it fails closed, and that it comes and goes under open connections."""

import socket
from contextlib import suppress
from typing import Any

import pytest
from tests.support.lab import (
    USERS,
    Talk,
    asked,
    fabric,
    greeter,
    made,
    node,
    pod_address,
    run_inside,
)

from sidestep.lab.net.namespaces import inside
from sidestep.lab.net.nft import Nft
from sidestep.lab.net.sockets import listening, waited_at

PORT = 8080
REFUSED = "ConnectionRefusedError"
FAMILIES = ("ipv4", "ipv6")


def scene():
    """Two pods on one node, one on another."""
    lab = fabric()
    one, two = node(lab, 0), node(lab, 1)
    a, b = one.add_pod("a", pod_address(0, 0)), one.add_pod("b", pod_address(0, 1))
    return one, two, a, b, two.add_pod("c", pod_address(1, 0))


def without_a_proxy() -> dict[str, list[str]]:
    one, _, a, b, c = scene()
    with greeter(b.namespace, PORT, "b"), greeter(c.namespace, PORT, "c"):
        before = [asked(a.namespace, getattr(c.address, each), PORT) for each in FAMILIES]
        a.capture()
        out = [asked(a.namespace, getattr(c.address, each), PORT) for each in FAMILIES]
        a.release()
        b.capture()
        come_in = [asked(a.namespace, getattr(b.address, each), PORT) for each in FAMILIES]
        own = [asked(b.namespace, getattr(b.address, each), PORT) for each in FAMILIES]
        probe = [asked(one.namespace, getattr(b.address, each), PORT) for each in FAMILIES]
        b.release()
        after = [asked(a.namespace, getattr(b.address, each), PORT) for each in FAMILIES]
        unprobed = [asked(one.namespace, getattr(b.address, each), PORT) for each in FAMILIES]
    return {"before": before, "out": out, "in": come_in, "own": own, "probe": probe, "after": after, "late": unprobed}


@pytest.mark.parametrize("user", USERS)
def test_captured_pods_are_closed_where_no_proxy_listens_but_for_probes_and_themselves(user):
    met = run_inside(without_a_proxy, user=user)
    a, b = pod_address(0, 0), pod_address(0, 1)
    assert met["before"] == [f"c {a.ipv4}", f"c {a.ipv6}"]
    assert met["out"] == [REFUSED, REFUSED]
    assert met["in"] == [REFUSED, REFUSED]
    assert met["own"] == [f"b {b.ipv4}", f"b {b.ipv6}"]
    assert met["probe"] == ["b 169.254.7.127", "b fd16:9254:7127:1337:ffff:ffff:ffff:ffff"]
    assert met["after"] == [f"b {a.ipv4}", f"b {a.ipv6}"]
    assert met["late"] == ["b 172.18.0.1", "b fd00:172:18::1"]


def with_listeners() -> dict[str, str]:
    _, _, a, _, c = scene()
    a.capture()
    c.capture()
    met = {}
    with (
        greeter(a.namespace, 15001, "outbound"),
        greeter(a.namespace, 15053, "names"),
        greeter(c.namespace, 15006, "inbound"),
        greeter(c.namespace, 15008, "hbone"),
        greeter(a.namespace, PORT, "beside", address="127.0.0.1"),
    ):
        marked = made(a.namespace, socket.AF_INET)
        marked.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x539)
        marked.connect((c.address.ipv4, 15008))
        met["proxy to hbone"] = marked.makefile().readline().strip()
        for family in FAMILIES:
            address = getattr(c.address, family)
            met[f"pod {family}"] = asked(a.namespace, address, PORT)
            met[f"hbone {family}"] = asked(a.namespace, address, 15008)
            met[f"names {family}"] = asked(a.namespace, address, 53)
            four = made(a.namespace, socket.AF_INET if family == "ipv4" else socket.AF_INET6)
            four.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x539)
            four.connect((address, PORT))
            met[f"proxy {family}"] = four.makefile().readline().strip()
        met["beside"] = asked(a.namespace, "127.0.0.1", PORT)
    return met


def test_what_goes_to_which_listener():
    met = run_inside(with_listeners)
    a = pod_address(0, 0)
    for family in FAMILIES:
        source = getattr(a, family)
        assert met[f"pod {family}"] == f"outbound {source}"
        assert met[f"hbone {family}"] == f"outbound {source}"
        assert met[f"names {family}"] == f"names {source}"
        assert met[f"proxy {family}"] == f"inbound {source}"
    assert met["proxy to hbone"] == f"hbone {a.ipv4}"
    assert met["beside"] == "beside 127.0.0.1"


def questions_for_names() -> dict[str, object]:
    _, _, a, _, c = scene()
    server = made(a.namespace, socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 15053))
    other = made(c.namespace, socket.AF_INET, socket.SOCK_DGRAM)
    other.bind((c.address.ipv4, 53))

    def ask() -> tuple[str, tuple[str, int]]:
        client = made(a.namespace, socket.AF_INET, socket.SOCK_DGRAM)
        client.sendto(b"name?", (c.address.ipv4, 53))
        taken, from_where = (server if a.captured() else other).recvfrom(99)
        (server if a.captured() else other).sendto(b"answer", from_where)
        client.settimeout(5)
        return (taken.decode(), *client.recvfrom(99)[1])

    a.capture()
    first = ask()
    a.capture(dns=False)
    elsewhere = listening(a.namespace)
    with Nft(a.namespace) as nft:
        without = nft.run("list table inet sidestep")
    a.release()
    return {"captured": first, "open": ask(), "listening": sorted(elsewhere), "names": ":15053" in without}


def test_questions_for_names_are_answered_by_the_node_and_seem_to_come_from_who_was_asked():
    c = pod_address(1, 0)
    met = run_inside(questions_for_names)
    assert met == {
        "captured": ["name?", c.ipv4, 53],
        "open": ["name?", c.ipv4, 53],
        "listening": [],
        "names": False,
    }


def ports_used_again() -> list[str]:
    """The same port of the client asks before redirection, during, and after it."""
    _, _, a, _, c = scene()
    servers = {}
    for name, pod, place in (("node", a, ("127.0.0.1", 15053)), ("cluster", c, (c.address.ipv4, 53))):
        servers[name] = made(pod.namespace, socket.AF_INET, socket.SOCK_DGRAM)
        servers[name].settimeout(2)
        servers[name].bind(place)

    def ask(who: str) -> str:
        with made(a.namespace, socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.bind((a.address.ipv4, 4053))
            client.connect((c.address.ipv4, 53))
            _, from_where = heard(client, servers[who])
            servers[who].sendto(who.encode(), from_where)
            return client.recv(99).decode()

    def heard(client: socket.socket, server: socket.socket) -> tuple[bytes, Any]:
        """As resolvers ask: again after a while. What the kernel remembers wrongly it remembers for half a minute."""
        for _ in range(3):
            client.send(b"name?")
            with suppress(TimeoutError):
                return server.recvfrom(99)
        raise AssertionError("nobody was asked")

    met = []
    for _ in range(2):
        met.append(ask("cluster"))
        a.capture()
        met.append(ask("node"))
        a.release()
    return [*met, ask("cluster")]


def test_a_port_that_asks_again_is_answered_by_who_answers_now():
    assert run_inside(ports_used_again) == ["cluster", "node", "cluster", "node", "cluster"]


def waiting() -> list[list[int]]:
    _, _, a, b, _ = scene()
    listener = made(a.namespace, socket.AF_INET6)
    listener.bind(("::", PORT))
    listener.listen()
    met = [sorted(waited_at(a.namespace))]
    with made(b.namespace, socket.AF_INET6) as client:
        client.settimeout(5)
        client.connect((a.address.ipv6, PORT))
        met.append(sorted(waited_at(a.namespace)))
        listener.accept()
        return [*met, sorted(waited_at(a.namespace))]


def test_who_is_not_accepted_yet_is_known_to_wait():
    assert run_inside(waiting) == [[], [PORT], []]


def spoofed_return() -> list[str]:
    """The proxy speaks to the application from the client's address, and the answers come back to it."""
    _, _, a, _, c = scene()
    c.capture()
    with greeter(c.namespace, PORT, "app"):
        return [spoken(a, c, family, 0) for family in FAMILIES]


def spoken(client: Any, server: Any, family: str, port: int) -> str:
    """What the proxy of a server hears first that dials from a client's address, and from a port of its own or any."""
    level, option = (socket.SOL_IP, 19) if family == "ipv4" else (socket.IPPROTO_IPV6, 75)
    proxy = made(server.namespace, socket.AF_INET if family == "ipv4" else socket.AF_INET6)
    proxy.settimeout(5)
    proxy.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x539)
    proxy.setsockopt(level, option, 1)
    proxy.bind((getattr(client.address, family), port))
    proxy.connect((getattr(server.address, family), PORT))
    return proxy.makefile().readline().strip()


def from_the_same_port() -> list[str]:
    """The port that the kernel gives the proxy may be that of the client's connection, which is redirected."""
    _, _, a, _, c = scene()
    c.capture()
    met = []
    with greeter(c.namespace, PORT, "app"), greeter(c.namespace, 15006, "inbound"):
        for family in FAMILIES:
            come = made(a.namespace, socket.AF_INET if family == "ipv4" else socket.AF_INET6)
            come.settimeout(5)
            come.connect((getattr(c.address, family), PORT))
            talk = come.makefile("rw")
            met.append(talk.readline().strip())
            met.append(spoken(a, c, family, come.getsockname()[1]))
            talk.write("still\n")
            with suppress(OSError):
                talk.flush()
                met.append(talk.readline().strip())
    return met


@pytest.mark.parametrize("user", USERS)
def test_the_proxy_never_speaks_to_itself_in_place_of_the_application(user):
    a = pod_address(0, 0)
    expected = [[f"inbound {address}", f"app {address}", "still"] for address in (a.ipv4, a.ipv6)]
    assert run_inside(from_the_same_port, user=user) == [*expected[0], *expected[1]]


@pytest.mark.parametrize("user", USERS)
def test_the_proxy_may_speak_from_the_clients_address(user):
    a = pod_address(0, 0)
    assert run_inside(spoofed_return, user=user) == [f"app {a.ipv4}", f"app {a.ipv6}"]


def pieces() -> dict[str, list[int]]:
    """How large pieces may be: of the client's proxy to its client, of a server to its proxy, and over the link."""
    _, _, a, _, c = scene()
    met: dict[str, list[int]] = {"turned round": [], "answers": [], "link": []}
    for family, kind, level, option in (
        ("ipv4", socket.AF_INET, socket.SOL_IP, 19),
        ("ipv6", socket.AF_INET6, socket.IPPROTO_IPV6, 75),
    ):
        to = (getattr(c.address, family), PORT)
        with listener(c, kind, PORT) as server, listener(a, kind, 15001) as outbound:
            met["link"].append(piece(accepted(a, kind, to, server)))
            a.capture()
            met["turned round"].append(piece(accepted(a, kind, to, outbound)))
            a.release()
            spoof = [(socket.SOL_SOCKET, socket.SO_MARK, 0x539), (level, option, 1)]
            come = accepted(c, kind, to, server, spoof, (getattr(a.address, family), 0))
            met["answers"].append(piece(come))
            met.setdefault("marks", []).append(come.getsockopt(socket.SOL_SOCKET, socket.SO_MARK))
    return met


def listener(pod: Any, kind: int, port: int) -> socket.socket:
    found = made(pod.namespace, kind)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.settimeout(5)
    found.bind(("", port))
    found.listen()
    return found


def accepted(
    pod: Any, kind: int, to: tuple[str, int], by: socket.socket, options: Any = (), own: Any = None
) -> socket.socket:
    """The other end of a connection from a pod."""
    line = made(pod.namespace, kind)
    for each in options:
        line.setsockopt(*each)
    if own:
        line.bind(own)
    line.settimeout(5)
    line.connect(to)
    return by.accept()[0]


def piece(line: socket.socket) -> int:
    return line.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)


def test_what_does_not_leave_a_pod_is_not_cut_for_the_link():
    met = run_inside(pieces)
    assert all(each <= 1460 for each in met["link"]), met
    assert all(each > 16_384 for each in (*met["turned round"], *met["answers"])), met
    assert met["marks"] == [0x111, 0x111]


def open_connections(rounds: int) -> dict[str, object]:
    _, _, a, b, c = scene()
    talks: list[Talk] = []
    greetings: dict[str, list[str]] = {"captured": [], "released": []}
    captured, broken = [], 0
    with (
        greeter(a.namespace, PORT, "a"),
        greeter(c.namespace, PORT, "c"),
        greeter(a.namespace, 15001, "outbound"),
        greeter(a.namespace, 15006, "inbound"),
    ):

        def open_some() -> list[str]:
            opened = [Talk(a.namespace, getattr(c.address, family), PORT) for family in FAMILIES]
            opened += [Talk(b.namespace, getattr(a.address, family), PORT) for family in FAMILIES]
            talks.extend(opened)
            return [each.greeting.split()[0] for each in opened]

        greetings["plain"] = open_some()
        for number in range(rounds):
            for when, change in (("captured", a.capture), ("released", a.release)):
                change()
                change()
                captured.append(a.captured())
                greetings[when] += open_some()
                broken += sum(not each.echoes(f"{when} {number}") for each in talks)
    return {"greetings": greetings, "captured": captured, "broken": broken, "open": len(talks)}


@pytest.mark.parametrize("user", USERS)
def test_open_connections_live_on_when_redirection_comes_and_goes(user):
    met = run_inside(open_connections, 3, user=user)
    assert met["captured"] == [True, False] * 3
    assert met["greetings"]["plain"] == ["c", "c", "a", "a"]
    assert met["greetings"]["captured"] == ["outbound", "outbound", "inbound", "inbound"] * 3
    assert met["greetings"]["released"] == ["c", "c", "a", "a"] * 3
    assert (met["broken"], met["open"]) == (0, 28)


def half_rules() -> list[bool]:
    _, _, a, _, _ = scene()
    told = [a.captured()]
    a.capture()
    told.append(a.captured())
    for chain in ("inbound", "outbound"):
        with Nft(a.namespace) as nft:
            nft.run(f"flush chain inet sidestep {chain}")
        told.append(a.captured())
        a.capture()
    with inside(a.namespace):
        told.append(a.captured())
    a.capture(inbound=False)
    told.append(a.captured())
    return told


def test_the_kernel_is_asked_whether_a_pod_is_captured():
    assert run_inside(half_rules) == [False, True, False, False, True, True]
