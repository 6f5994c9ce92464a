"""RequestAuthentications are read by waypoints."""

from tests.support.conversions import context, manifests, one, severities
from tests.support.scenes import index, m, pods, service

from sidestep.convert.rules.request_authentication import RULE as REWRITE

SPEC = {"jwtRules": [{"issuer": "i", "jwks": "{}", "forwardOriginalToken": True}]}
CART = [*pods("cart"), service("cart")]


def rewrite(spec, *objects, behind=("cart",), **how):
    tokens = m.o.istio("RequestAuthentication", "t", "shop", spec)
    return one(REWRITE, context(index(*objects, tokens), *behind, **how), "RequestAuthentication", "t")


def test_it_moves_to_the_waypoint():
    given = rewrite({**SPEC, "selector": {"matchLabels": {"app": "cart"}}}, *CART)
    assert manifests(given)["cart-t"]["spec"] == {
        **SPEC,
        "targetRefs": [{"group": "", "kind": "Service", "name": "cart"}],
    }
    assert manifests(given, late=True) == {"t": None}
    assert not given.losses


def test_without_a_waypoint_it_is_a_loss():
    given = rewrite(SPEC, *CART, behind=())
    assert not given.changes
    assert severities(given.losses) == [("security", "spec.jwtRules")]


def test_a_gateway_keeps_it():
    given = rewrite(SPEC, *CART, *pods("door", "gateway"))
    assert "cart-t" in manifests(given)
    assert not manifests(given, late=True)


def test_attached_or_empty_ones_stay():
    ref = {"group": "", "kind": "Service", "name": "cart"}
    for spec in ({**SPEC, "targetRefs": [ref]}, {**SPEC, "targetRef": ref}, {}):
        given = rewrite(spec, *CART)
        assert not given.changes
        assert not given.losses


def test_a_malformed_one_is_said():
    given = rewrite({"jwtRules": 7}, *CART)
    assert not given.changes
    assert severities(given.losses) == [("security", "spec")]
