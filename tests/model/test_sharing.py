"""Meshes that were read apart: what says the same is the same object, and nothing else is."""

from msgspec.structs import replace
from tests.support.scenes import index, pods, policy, service

from sidestep.model.kinds import AUTHORIZATION_POLICY, SERVICE
from sidestep.model.sharing import sharing

OBJECTS = [*pods("web"), *pods("cart", count=2), service("cart")]


def read(*objects):
    return index(*OBJECTS, *objects).mesh


def test_what_says_the_same_is_shared_and_what_does_not_is_not():
    one, other = read(policy("same"), policy("p", app="cart")), read(policy("same"), policy("p", app="web"))
    found = sharing(other, one)
    assert found.pods is one.pods
    assert all(each is known for each, known in zip(found.of(SERVICE), one.of(SERVICE), strict=True))
    by_name = {each.meta.name: each for each in found.of(AUTHORIZATION_POLICY)}
    assert by_name["same"] is one.find(AUTHORIZATION_POLICY, "shop", "same")
    assert by_name["p"] is other.find(AUTHORIZATION_POLICY, "shop", "p")


def test_it_says_what_was_read():
    one, other = read(policy("p")), read(policy("p", app="web"), policy("q"))
    found = sharing(other, one)
    assert found.resources.keys() == other.resources.keys()
    for key, objects in other.resources.items():
        assert [(each.id, each.body) for each in found.resources[key]] == [(each.id, each.body) for each in objects]


def test_pods_of_one_shape_keep_one_shape():
    one = read()
    last = replace(one.pods[-1], node="elsewhere")
    other = read()
    found = sharing(replace(other, pods=(*other.pods[:-1], last)), one)
    shapes = {(each.namespace, each.shape.labels["app"]): set() for each in found.pods}
    for each in found.pods:
        shapes[each.namespace, each.shape.labels["app"]].add(id(each.shape))
    assert all(len(own) == 1 for own in shapes.values())


def test_who_is_read_without_pods_shares_none():
    one = read()
    assert sharing(replace(read(), pods=()), one).pods == ()
