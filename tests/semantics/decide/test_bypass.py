"""A waypoint that is passed by is said, and why; one that is asked, or that nobody names, is not."""

import pytest
from tests.support.scenes import ask, index, pods, service, waypoint

from sidestep.semantics.decisions import Bypass, CheckKind, Proxy

BOUND = {"istio.io/use-waypoint": "waypoint"}


def scene(client, *more, labels=BOUND, server="ambient"):
    return index(pods("web", client), pods("cart", server, ip="10.1.0.2"), service("cart", labels=labels), *more)


def passing(decision):
    return [check.bypass for hop in decision.path for check in hop.checks if check.kind is CheckKind.WAYPOINT]


@pytest.mark.parametrize(
    ("client", "who", "to", "why"),
    [
        ("ambient", "web", "cart", []),
        ("sidecar", "web", "cart", [Bypass.SIDECAR]),
        ("none", "web", "cart", [Bypass.PLAIN]),
        ("none", "outside", "cart.shop", [Bypass.OUTSIDE]),
        ("ambient", "web", "10.1.0.2", [Bypass.POD]),
        ("sidecar", "web", "10.1.0.2", [Bypass.SIDECAR]),
    ],
)
def test_by_client_and_address(client, who, to, why):
    assert passing(ask(scene(client, waypoint()), who, to)) == why


def test_a_sidecar_behind_a_bound_service_is_reached_past_the_waypoint_too():
    assert passing(ask(scene("sidecar", waypoint(), server="sidecar"), "web", "cart")) == [Bypass.SIDECAR]


@pytest.mark.parametrize("labels", [None, {"istio.io/use-waypoint": "none"}])
def test_nothing_is_passed_by_where_nobody_asks_for_a_waypoint(labels):
    assert passing(ask(scene("sidecar", waypoint(), labels=labels), "web", "cart")) == []


def test_a_label_without_effect_says_what_is_wrong():
    found = ask(scene("ambient", waypoint(ready=False)), "web", "cart")
    assert passing(found) == [Bypass.UNAVAILABLE]
    assert "WaypointIsNotReady" in found.path[-1].checks[0].reason


def test_an_unbound_service_before_bound_pods():
    debug = service("debug", selector={"app": "cart"})
    assert passing(ask(scene("ambient", waypoint(), debug), "web", "debug")) == [Bypass.OTHER_SERVICE]


def test_headless_services_bind_nothing():
    found = ask(scene("ambient", waypoint(), service("peers", selector={"app": "cart"}, headless=True)), "web", "peers")
    assert passing(found) == [Bypass.POD]
    assert Proxy.WAYPOINT not in [hop.proxy for hop in found.path]
