"""Redirection to a sidecar: what istio-init takes and leaves, and how the proxy is told from the application."""

import socket

import pytest
from tests.support.lab import USERS, asked, fabric, greeter, made, node, pod_address, run_inside

from sidestep.lab.net.pod import PodNet
from sidestep.semantics.redirection import redirection

PORT = 8080
REFUSED = "ConnectionRefusedError"
PREFIX = "traffic.sidecar.istio.io/"


def scene() -> tuple[PodNet, PodNet]:
    lab = fabric()
    return node(lab, 0).add_pod("a", pod_address(0, 0)), node(lab, 1).add_pod("b", pod_address(1, 0))


def redirect(pod: PodNet, **annotations: str) -> None:
    written = {PREFIX + key: value for key, value in annotations.items()}
    pod.redirect(redirection(written), ("172.18.0.250",), dns=False)


def by_proxy(pod: PodNet, address: str, port: int, source: str = "") -> str:
    """What a socket of the proxy's meets."""
    marked = made(pod.namespace, socket.AF_INET)
    with marked:
        marked.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x539)
        if source:
            marked.bind((source, 0))
        try:
            marked.connect((address, port))
        except OSError as error:
            return type(error).__name__
        return marked.makefile().readline().strip()


def without_a_proxy() -> dict[str, object]:
    a, b = scene()
    with greeter(a.namespace, PORT, "a"), greeter(b.namespace, PORT, "b"), greeter(b.namespace, 15021, "health"):
        before = asked(a.namespace, b.address.ipv4, PORT)
        redirect(a)
        out = [asked(a.namespace, each, PORT) for each in (b.address.ipv4, b.address.ipv6)]
        own = asked(a.namespace, a.address.ipv4, PORT)
        a.release()
        redirect(b)
        come_in = [asked(a.namespace, each, PORT) for each in (b.address.ipv4, b.address.ipv6)]
        health = asked(a.namespace, b.address.ipv4, 15021)
        captured = b.captured(), a.captured()
        b.release()
        after = asked(a.namespace, b.address.ipv4, PORT)
    return {"before": before, "out": out, "own": own, "in": come_in, "health": health, "after": after, "is": captured}


@pytest.mark.parametrize("user", USERS)
def test_connections_are_refused_until_the_sidecar_listens(user):
    met = run_inside(without_a_proxy, user=user)
    a = pod_address(0, 0)
    assert met["before"] == met["after"] == f"b {a.ipv4}"
    assert met["out"] == met["in"] == [REFUSED, REFUSED]
    assert met["own"] == f"a {a.ipv4}"
    assert met["health"] == f"health {a.ipv4}"
    assert list(met["is"]) == [True, False]


def with_a_proxy() -> dict[str, str]:
    a, b = scene()
    redirect(a)
    with (
        greeter(a.namespace, 15001, "outbound"),
        greeter(a.namespace, 15006, "inbound"),
        greeter(a.namespace, PORT, "application"),
        greeter(b.namespace, PORT, "b"),
    ):
        return {
            "application out": asked(a.namespace, b.address.ipv4, PORT),
            "proxy out": by_proxy(a, b.address.ipv4, PORT),
            "proxy to its own pod": by_proxy(a, a.address.ipv4, PORT),
            "proxy to the application": by_proxy(a, a.address.ipv4, PORT, "127.0.0.6"),
            "proxy by loopback": by_proxy(a, "127.0.0.1", PORT),
            "others in": asked(b.namespace, a.address.ipv4, PORT),
        }


def test_the_proxys_own_connections_are_not_redirected_but_for_those_to_its_own_pod():
    met = {key: value.split()[0] for key, value in run_inside(with_a_proxy).items()}
    assert met == {
        "application out": "outbound",
        "proxy out": "b",
        "proxy to its own pod": "inbound",
        "proxy to the application": "application",
        "proxy by loopback": "application",
        "others in": "inbound",
    }


def with_annotations() -> dict[str, str]:
    a, b = scene()
    met = {}
    with (
        greeter(a.namespace, 15001, "outbound"),
        greeter(a.namespace, 15006, "inbound"),
        greeter(a.namespace, PORT, "a"),
        greeter(a.namespace, 9090, "a"),
        greeter(b.namespace, PORT, "b"),
        greeter(b.namespace, 9090, "b"),
    ):
        for name, annotations in SCENES.items():
            redirect(a, **annotations)
            out = [asked(a.namespace, b.address.ipv4, port).split()[0] for port in (PORT, 9090)]
            into = [asked(b.namespace, a.address.ipv4, port).split()[0] for port in (PORT, 9090)]
            met[name] = " ".join((*out, *into))
    return met


SCENES = {
    "ports out": {"excludeOutboundPorts": "9090"},
    "ports in": {"excludeInboundPorts": "9090"},
    "only some in": {"includeInboundPorts": "9090"},
    "nothing in": {"includeInboundPorts": ""},
    "other networks": {"includeOutboundIPRanges": "10.0.0.0/16"},
    "this network": {"includeOutboundIPRanges": "10.128.0.0/9"},
    "not this network": {"excludeOutboundIPRanges": "10.128.0.0/9"},
    "no network but a port": {"includeOutboundIPRanges": "", "includeOutboundPorts": "9090"},
}


def test_annotations_say_what_is_left_alone():
    assert run_inside(with_annotations) == {
        "ports out": "outbound b inbound inbound",
        "ports in": "outbound outbound inbound a",
        "only some in": "outbound outbound a inbound",
        "nothing in": "outbound outbound a a",
        "other networks": "b b inbound inbound",
        "this network": "outbound outbound inbound inbound",
        "not this network": "b b inbound inbound",
        "no network but a port": "b outbound inbound inbound",
    }
