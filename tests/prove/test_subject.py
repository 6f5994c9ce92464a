"""What a request in words is about; the words are those that `request_words` makes."""

import pytest
from tests.support.scenes import index, pods, service

from sidestep.explain.words import request_words
from sidestep.model.metadata import WorkloadRef
from sidestep.prove.proof import Counterexample, Direction, Side
from sidestep.prove.subject import Subject, destinations, subject_of
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.requests import GatewayClient, Http, NodeClient, OutsideClient, Request, Tcp, WorkloadClient

WEB = WorkloadClient(WorkloadRef("shop", "Deployment", "web"))
SIDE = Side("allow", "", "", ())
HOST = "cart.shop.svc.cluster.local"


@pytest.mark.parametrize(
    ("client", "payload", "expected"),
    [
        (WEB, Http("GET", "/a?b=c d to e:1"), Subject("shop/web", HOST, 80, "GET", "/a")),
        (WEB, Http("PUT", "/ to x:1"), Subject("shop/web", HOST, 80, "PUT", "/ to x:1")),
        (WEB, Http(token=Token(TokenState.VALID, {"iss": "i"})), Subject("shop/web", HOST, 80, "GET", "/")),
        (WEB, Tcp(), Subject("shop/web", HOST, 80)),
        (GatewayClient("shop", "edge"), Http(), Subject("gateway:shop/edge", HOST, 80, "GET", "/")),
        (OutsideClient(), Http(), Subject("outside", HOST, 80, "GET", "/")),
        (OutsideClient("203.0.113.7"), Tcp(), Subject("outside:203.0.113.7", HOST, 80)),
        (NodeClient("10.0.0.1"), Tcp(), Subject("node:10.0.0.1", HOST, 80)),
    ],
)
def test_words_are_taken_apart(client, payload, expected):
    words = request_words(Request(client, HOST, 80, payload))
    assert subject_of(Counterexample(words, (), SIDE, SIDE, Direction.OPEN)) == expected


def test_a_service_and_the_pods_behind_it_are_meant_by_one_name():
    mesh = index(pods("cart", ip="10.1.2.3"), service("cart"), service("back", selector={"app": "cart"}))
    assert set(destinations(Subject("", HOST, 80), mesh)) == {HOST, "shop/cart"}
    assert set(destinations(Subject("", "10.1.2.3", 8080), mesh)) == {"10.1.2.3", "shop/cart", "shop/back"}
    assert set(destinations(Subject("", "api.example.com", 443), mesh)) == {"api.example.com"}
