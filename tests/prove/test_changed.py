"""What two answers that both admit do otherwise is told in words, and nothing else is."""

import pytest
from tests.support import mesh as m
from tests.support.scenes import index, pods, service

from sidestep.prove.proof import Direction
from sidestep.prove.prover import Leave, Terms, prove


def routed(**http):
    rule = {"route": [{"destination": {"host": "cart"}}], **http}
    return index(
        *pods("web"), *pods("cart"), *pods("spy"), service("cart"), service("spy"),
        m.o.istio("VirtualService", "cart", "shop", {"hosts": ["cart"], "http": [rule]}),
    )  # fmt: skip


def told(one, other):
    found = prove(one, other, Terms(Leave.SHAPE)).counterexamples
    return {line for each in found for line in each.changed if each.direction is Direction.ROUTE}


@pytest.mark.parametrize(
    ("one", "other", "line"),
    [
        ({"timeout": "2s"}, {}, "timeout: 2s before, none after"),
        ({}, {"timeout": "1500ms"}, "timeout: none before, 1.5s after"),
        (
            {"retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx"}},
            {"retries": {"attempts": 1, "retryOn": "5xx"}},
            "retries: 3 on 5xx, 1s each before, 1 on 5xx after",
        ),
        ({"mirror": {"host": "spy"}}, {}, "mirror: 100% to Deployment shop/spy before, none after"),
        ({"rewrite": {"uri": "/x"}}, {}, "path: /x before, / after"),
        ({"headers": {"response": {"set": {"a": "b"}}}}, {}, "response headers: set a: b before, none after"),
        (
            {
                "route": [
                    {"destination": {"host": "cart"}, "weight": 80},
                    {"destination": {"host": "spy"}, "weight": 20},
                ]
            },
            {},
            "ends at: Deployment shop/cart (80%), Deployment shop/spy (20%) before, Deployment shop/cart after",
        ),
    ],
)
def test_what_is_done_otherwise_is_said(one, other, line):
    assert told(routed(**one), routed(**other)) == {line}


def test_another_route_is_named():
    plain = index(*pods("web"), *pods("cart"), service("cart"))
    assert told(routed(timeout="2s"), plain) == {
        "route: VirtualService shop/cart http[0] before, none after",
        "timeout: 2s before, none after",
    }


def test_nothing_is_said_of_what_is_alike():
    one = routed(timeout="2s")
    assert told(one, routed(timeout="2000ms")) == set()
