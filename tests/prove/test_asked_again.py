"""Arguments of `sidestep explain`: asked again, they are the same request."""

import pytest
from tests.support.scenes import index, pods, service

from sidestep.cli.answers import question_of
from sidestep.cli.explain import command
from sidestep.explain.asking import asked, in_another_state
from sidestep.model.metadata import WorkloadRef
from sidestep.prove.asked_again import asked_alone, explain_arguments
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.requests import (
    Answers,
    Guise,
    Http,
    NodeClient,
    OutsideClient,
    Request,
    SomebodyClient,
    Tcp,
    WorkloadClient,
)

MESH = index(pods("web"), pods("cart"), service("cart"))
WEB = WorkloadClient(WorkloadRef("shop", "Deployment", "web"))
HOST = "cart.shop.svc.cluster.local"
CLAIMS = {"iss": "https://i.example", "sub": "me", "realm": {"roles": ["a", "b"]}, "aud": "x"}


@pytest.mark.parametrize(
    "request_",
    [
        Request(WEB, HOST, 80, Http("GET", "/")),
        Request(WEB, HOST, 80, Http("DELETE", "/a b?c=d", headers={"x-a": "1: 2"})),
        Request(WEB, HOST, 80, Http(token=Token(TokenState.VALID, CLAIMS, placed=True))),
        Request(WEB, HOST, 80, Http(token=Token(TokenState.INVALID, placed=True))),
        Request(WEB, HOST, 80, Http(authority="other.example")),
        Request(WEB, HOST, 80, Http("POST", "/p.S/M", headers={"content-type": "application/grpc"}, grpc=True)),
        Request(WEB, HOST, 80, Http(), Answers.DENIES),
        Request(WEB, HOST, 80, Tcp()),
        Request(WEB, HOST, 80, Tcp(True, "name.example")),
        Request(OutsideClient(), HOST, 80, Http()),
        Request(OutsideClient("203.0.113.7"), HOST, 80, Tcp()),
        Request(NodeClient("10.0.0.1"), HOST, 80, Http()),
    ],
)
def test_asked_again_it_is_the_same_request(request_):
    context = command.make_context("explain", [*explain_arguments(request_), "--at", "today"])
    assert asked(MESH, question_of(context.params)).request == request_


def test_somebody_who_moves_is_asked_as_both():
    """What is printed for the two states of a plan reproduces both; the same guise in both needs no second word."""
    before, after = (SomebodyClient("next", "me", guise, "10.1.2.3") for guise in (Guise.SIDECAR, Guise.AMBIENT))
    arguments = explain_arguments(Request(after, HOST, 80), before)
    question = asked(MESH, question_of(command.make_context("explain", [*arguments]).params))
    then = index(pods("web"), pods("cart", "ambient"), service("cart"))
    assert [in_another_state(MESH, each, question).request.client for each in (MESH, then)] == [before, after]
    assert asked_alone(arguments) == explain_arguments(Request(after, HOST, 80), after)
