"""A VirtualService that a controller writes stays one: routes in its place would stand still while weights move."""

from tests.support import mesh as m
from tests.support.conversions import context
from tests.support.scenes import index, pods, service

from sidestep.convert.conversion import convert
from sidestep.convert.rewrite import Severity

WEIGHTS = [{"destination": {"host": name}, "weight": share} for name, share in (("cart", 90), ("cart-next", 10))]
ROUTING = {"canary": {"trafficRouting": {"istio": {"virtualService": {"name": "cart"}}}}}


def converted(*more, space="shop"):
    route = m.o.istio(
        "VirtualService", "cart", space, {"hosts": ["cart.shop.svc.cluster.local"], "http": [{"route": WEIGHTS}]}
    )
    mesh = index(
        *pods("cart"), *pods("web"), service("cart"), service("cart-next", selector={"app": "cart"}), route, *more
    )
    return convert(context(mesh, "cart", "cart-next"))


def rollout(space="shop"):
    return m.o.thing("argoproj.io/v1alpha1", "Rollout", m.o.meta("cart", space), spec={"strategy": ROUTING})


def of_routes(found):
    return [each for each in found.changes if each.object.kind in ("VirtualService", "HTTPRoute")]


def test_it_stays_where_the_waypoint_reads_it():
    assert of_routes(converted())
    found = converted(rollout())
    assert not of_routes(found)
    assert [(each.severity, each.object.name) for each in found.losses if "Rollout shop/cart" in each.did] == [
        (Severity.COSMETIC, "cart")
    ]


def test_where_no_waypoint_reads_it_that_is_said_and_nothing_moves_it_away_from_its_controller():
    found = converted(rollout("edge"), space="edge")
    assert not of_routes(found)
    assert any("no one namespace is read" in each.why for each in found.losses)
