"""Which waypoint serves a Service, which pods stand behind it, and which Service a host names."""

import pytest
from tests.support.mesh import labelled, mesh, namespace, o

from sidestep.model.kinds import SERVICE
from sidestep.semantics.services import (
    bound_services,
    covers_host,
    entries_for,
    ingress_uses_waypoint,
    is_unbound,
    service_named,
    stands_behind,
    waypoint_of,
)  # fmt: skip

SHOP = labelled("shop", {"istio.io/use-waypoint": "waypoint"})
WAYPOINT = o.waypoint("waypoint", "shop")


def service(made, *others):
    known = mesh(made, *others)
    return known, known.of(SERVICE)[0]


def test_a_label_of_its_own_beats_the_namespaces():
    other = o.service("cart", "shop", labels={"istio.io/use-waypoint": "other"})
    known, found = service(other, SHOP, WAYPOINT)
    assert waypoint_of(known, found).name == "other"
    known, found = service(o.service("cart", "shop", labels={"istio.io/use-waypoint": "none"}), SHOP, WAYPOINT)
    assert waypoint_of(known, found) is None
    known, found = service(o.service("cart", "shop"), SHOP, WAYPOINT)
    assert waypoint_of(known, found).name == "waypoint"


def test_unbound_is_said_only_of_what_is_certain():
    known, found = service(o.service("cart", "shop"))
    assert not is_unbound(known, found), "the namespace was not read"
    known, found = service(o.service("cart", "shop"), namespace("shop"))
    assert is_unbound(known, found)


def test_headless_services_and_waypoints_of_their_own_are_served_by_none():
    waypoints_own = o.service("waypoint", "shop", labels={"gateway.istio.io/managed": "istio.io-mesh-controller"})
    known = mesh(SHOP, WAYPOINT, o.service("cart", "shop"), o.service("db", "shop", headless=True), waypoints_own)
    assert [each.resource.meta.name for each in bound_services(known)] == ["cart"]


@pytest.mark.parametrize(
    ("host", "name"),
    [("cart", "cart"), ("cart.shop", "cart"), ("cart.shop.svc", "cart"), ("cart.shop.svc.cluster.local", "cart"),
     ("cart.other", None), ("cart.shop.example.com", None), ("", None)],
)  # fmt: skip
def test_hosts_name_services(host, name):
    found = service_named(mesh(o.service("cart", "shop")), host, "shop")
    assert (found.meta.name if found else None) == name


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [("a.b", "a.b", True), ("*.b", "a.b", True), ("a.b", "*.b", True), ("*.b", "b", False), ("a.b", "c.b", False)],
)
def test_wildcards(pattern, host, covered):
    assert covers_host(pattern, host) is covered


def test_entries_of_a_host():
    known = mesh(
        o.istio("ServiceEntry", "a", "x", {"hosts": ["*.b"]}), o.istio("ServiceEntry", "c", "x", {"hosts": "a.b"})
    )
    assert [each.meta.name for each in entries_for(known, "a.b")] == ["a"]


def test_a_service_without_selector_selects_nothing():
    bare = o.service("cart", "shop")
    bare["spec"]["selector"] = {}
    assert not stands_behind(service(bare)[1], {"app": "cart"})
    assert stands_behind(service(o.service("cart", "shop"))[1], {"app": "cart", "more": "x"})


def test_the_ingress_label_of_a_service_beats_its_namespaces():
    told = labelled("shop", {"istio.io/ingress-use-waypoint": "true"})
    known, found = service(o.service("cart", "shop"), told)
    assert ingress_uses_waypoint(known, found)
    known, found = service(o.service("cart", "shop", labels={"istio.io/ingress-use-waypoint": "x"}), told)
    assert not ingress_uses_waypoint(known, found)
