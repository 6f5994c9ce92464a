"""What a request is about in fields, and what it carries in words."""

import pytest
from tests.support.scenes import index, pods, service

from sidestep.explain.words import request_words
from sidestep.model.metadata import WorkloadRef
from sidestep.prove.accepted import destinations
from sidestep.prove.subject import Subject
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.requests import (
    Answers,
    GatewayClient,
    Guise,
    Http,
    NodeClient,
    OutsideClient,
    Request,
    SomebodyClient,
    Tcp,
    WorkloadClient,
)

WEB = WorkloadClient(WorkloadRef("shop", "Deployment", "web"))
HOST = "cart.shop.svc.cluster.local"
WHO = "Deployment shop/web"


@pytest.mark.parametrize(
    ("client", "who", "told"),
    [
        (WEB, WHO, "shop/web"),
        (SomebodyClient("shop", "new", Guise.AMBIENT), "someone shop/new in ambient", "someone:shop/new"),
        (GatewayClient("shop", "edge"), "gateway shop/edge", "gateway:shop/edge"),
        (OutsideClient(), "outside", "outside"),
        (OutsideClient("203.0.113.7"), "outside 203.0.113.7", "outside:203.0.113.7"),
        (NodeClient("10.0.0.1"), "node 10.0.0.1", "node:10.0.0.1"),
    ],
)
def test_who_asks(client, who, told):
    subject = Subject.of(Request(client, HOST, 80, Tcp()))
    assert subject == Subject(who, told, HOST, 80)
    assert request_words(Request(client, HOST, 80, Tcp())) == f"{who} opens TCP to {HOST}:80"


@pytest.mark.parametrize(
    ("payload", "words", "subject"),
    [
        (Http("PUT", "/ to x:1"), f"PUT / to x:1 to {HOST}:80", {"method": "PUT", "path": "/ to x:1"}),
        (Http("GET", "/a?b=c d"), f"GET /a?b=c d to {HOST}:80", {"method": "GET", "path": "/a", "query": "b=c d"}),
        (Http(authority=HOST), f"GET / to {HOST}:80", {"method": "GET", "path": "/"}),
        (
            Http(authority="b.com", headers={"x-v": "2"}, token=Token(TokenState.EXPIRED), grpc=True),
            f"gRPC GET / to {HOST}:80 with Host b.com, x-v: 2, a token that is expired",
            {
                "method": "GET",
                "path": "/",
                "authority": "b.com",
                "headers": {"x-v": "2"},
                "token": "expired",
                "grpc": True,
            },
        ),
        (
            Http(headers={"x-v": "v" * 99}, token=Token(TokenState.VALID, {"iss": "i", "in": {"roles": ["a", "b"]}})),
            f"GET / to {HOST}:80 with x-v: {'v' * 79}…, a token that is valid (iss=i, in[roles]=a, in[roles]=b)",
            {
                "method": "GET",
                "path": "/",
                "headers": {"x-v": "v" * 99},
                "token": "valid",
                "claims": {"iss": "i", "in": {"roles": ["a", "b"]}},
            },
        ),
    ],
)
def test_http(payload, words, subject):
    request = Request(WEB, HOST, 80, payload)
    assert request_words(request) == f"{WHO} sends {words}"
    assert Subject.of(request) == Subject(WHO, "shop/web", HOST, 80, **subject)


def test_what_an_external_authorizer_answers_where_it_counts():
    request = Request(WEB, HOST, 80, Http(), Answers.DENIES)
    assert request_words(request) == f"{WHO} sends GET / to {HOST}:80, which the external authorizer denies"
    assert Subject.of(request) == Subject(WHO, "shop/web", HOST, 80, "GET", "/", authorizer="denies")


def test_bytes():
    request = Request(WEB, HOST, 443, Tcp(server_first=True, sni="b.com"))
    assert request_words(request) == f"{WHO} opens TLS for b.com to {HOST}:443, and the server speaks first"
    assert Subject.of(request) == Subject(WHO, "shop/web", HOST, 443, server_name="b.com", server_first=True)


def test_a_service_and_the_pods_behind_it_are_meant_by_one_name():
    mesh = index(pods("cart", ip="10.1.2.3"), service("cart"), service("back", selector={"app": "cart"}))
    assert set(destinations(Subject(host=HOST), mesh)) == {HOST, "shop/cart"}
    assert set(destinations(Subject(host="10.1.2.3"), mesh)) == {"10.1.2.3", "shop/cart", "shop/back"}
    assert set(destinations(Subject(host="api.example.com"), mesh)) == {"api.example.com"}
