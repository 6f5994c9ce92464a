"""What sidecars send to headless Services; the same by packets: tests/lab/test_headless.py."""

import pytest
from tests.semantics.differences.cases.scene import dr, istiod, to, vs
from tests.support import scenes as s

from sidestep.semantics.decisions import Shape, Transport, Verdict
from sidestep.semantics.requests import Tcp


def bare():
    """A pod of `cart` without a sidecar."""
    return s.pods("bare", "none", ip="10.1.0.9", labels={"app": "cart"})


def cart(server, *more, **of_service):
    service = s.service("cart", **{"headless": True, "port": 8080, **of_service})
    return s.index(s.pods("web", "sidecar"), s.pods("cart", server, ip="10.1.0.2"), service, *more)


def arrived(found):
    return [(each.path[-1].transport, each.path[-1].port, each.verdict) for each in found.branches]


@pytest.mark.parametrize("payload", [None, Tcp()])
@pytest.mark.parametrize(
    ("server", "more", "transport"),
    [
        ("sidecar", (), Transport.MTLS),
        ("ambient", (), Transport.PLAINTEXT),
        ("none", (), Transport.PLAINTEXT),
        ("sidecar", (s.peers("DISABLE", "shop"),), Transport.PLAINTEXT),
        ("sidecar", (dr("off", "cart", {"tls": {"mode": "DISABLE"}}),), Transport.PLAINTEXT),
    ],
)
def test_by_what_all_its_pods_take(server, more, transport, payload):
    spoken = "tcp" if payload else "http"
    found = s.ask(cart(server, *more, protocol=spoken), "web", "cart", payload, port=8080)
    assert arrived(found) == [(transport, 8080, Verdict.ALLOW)]


def test_one_pod_without_a_sidecar_has_all_sent_plaintext():
    found = s.ask(cart("sidecar", bare()), "web", "cart", port=8080)
    assert {each[0] for each in arrived(found)} == {Transport.PLAINTEXT}
    strict = s.ask(cart("sidecar", bare(), s.peers("STRICT")), "web", "cart", port=8080)
    assert {each.verdict for each in strict.branches} == {Verdict.ALLOW, Verdict.DENY}


def test_the_port_is_the_one_that_was_dialled():
    assert [each[1] for each in arrived(s.ask(cart("sidecar", port=80), "web", "cart", port=80))] == [80]


def test_a_request_for_an_address_stays_there_whoever_the_host_header_names():
    mesh = cart("sidecar", s.pods("next", "sidecar", ip="10.1.0.3"))
    found = s.ask(mesh, "web", "10.1.0.2", s.get("/", host="cart"), port=8080)
    assert [str(each.destination) for each in found.branches] == ["Deployment shop/cart"]
    wrong = s.ask(mesh, "web", "10.1.0.3", s.get("/", host="cart"), port=8080)
    assert (wrong.verdict, wrong.shape) == (Verdict.UNREACHABLE, Shape.UNAVAILABLE)


def test_what_another_service_routes_there_goes_where_that_leads():
    more = s.pods("menu", "none", ip="10.1.0.3"), s.service("menu"), vs("menu", "menu", to("cart"))
    found = s.ask(cart("none", *more), "web", "menu")
    assert [str(each.destination) for each in found.branches] == ["Deployment shop/menu"]


def test_where_istiod_sends_endpoints_a_pod_is_chosen():
    mesh = cart("ambient", istiod(PILOT_ENABLE_EDS_FOR_HEADLESS_SERVICES="true"), port=80)
    assert arrived(s.ask(mesh, "web", "cart")) == [(Transport.HBONE, 8080, Verdict.ALLOW)]
