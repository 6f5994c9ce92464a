"""What was seen held against what was foretold: each end, each shape, what the application got, and chance."""

import json

import pytest

from sidestep.demo.agreement import disagreements, word, words
from sidestep.demo.scene import Question, Scene
from sidestep.lab.agent.messages import Outcome
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.authentication.tokens import TokenState
from sidestep.semantics.decisions import Branch, Hop, Proxy, Shape, Verdict, decision
from sidestep.semantics.requests import Http
from sidestep.semantics.routing.route import Retries, Route, RouteSource

SCENE = Scene("D06", "it", (), ())
CART, OTHER = (WorkloadRef("shop", "Deployment", name) for name in ("cart", "cart-v2"))


def branch(verdict=Verdict.ALLOW, shape=Shape.NONE, to=CART, **more):
    return Branch(
        (Hop(Proxy.APPLICATION, "x"),), verdict, shape, destination=to if verdict is Verdict.ALLOW else None, **more
    )


def answered(pod="shop/cart-abc-1", code=200, **told):
    body = json.dumps(told) if told else ""
    return Outcome(code < 400, "ok" if code < 400 else f"http-{code}", code=code, pod=pod, body=body)


def refused(kind, code=-1):
    return Outcome(False, kind, code=code)


def found(outcomes, *branches, scene=SCENE):
    return list(disagreements(scene, decision(branches or (branch(),)), outcomes))


@pytest.mark.parametrize(
    ("shape", "outcome"),
    [
        (Shape.FORBIDDEN, refused("http-403", 403)), (Shape.UNAUTHORIZED, refused("http-401", 401)), (Shape.NOT_FOUND, refused("http-404", 404)),
        (Shape.ERROR, refused("http-500", 500)), (Shape.BAD_GATEWAY, refused("http-502", 502)), (Shape.UNAVAILABLE, refused("http-503", 503)),
        (Shape.RESET, refused("reset")), (Shape.CLOSED, refused("closed")), (Shape.HANG, refused("timeout")), (Shape.NONE, refused("reset")),
    ],
)  # fmt: skip
def test_each_shape_of_a_refusal(shape, outcome):
    assert found([outcome], branch(Verdict.DENY, shape)) == []
    assert found([answered()], branch(Verdict.DENY, shape)) == ["200 by shop/cart was not foretold"]
    assert found([outcome])


def test_a_refusal_of_another_shape_is_none():
    assert found([refused("http-503", 503)], branch(Verdict.DENY, Shape.FORBIDDEN)) == ["503 was not foretold"]


def test_who_answers_counts():
    assert found([answered()]) == []
    assert found([answered("shop/next-abc-1")]) == ["200 by shop/next was not foretold"]
    assert found([answered("shop/next-abc-1")], branch(to=None)) == []


def test_what_an_application_answers_itself_has_arrived():
    assert found([answered(code=503)]) == []
    assert found([answered(code=403)], branch(Verdict.DENY, Shape.FORBIDDEN)) == ["403 by shop/cart was not foretold"]


def test_what_an_authorizer_answers_is_the_proxys_answer():
    assert found([answered("shop/checks-abc-1", 403)], branch(Verdict.DENY, Shape.FORBIDDEN)) == []


def test_of_what_is_asked_often_every_end_must_be_met():
    ways = branch(weight=0.5), branch(Verdict.DENY, Shape.FORBIDDEN, weight=0.5)
    both = [answered(), refused("http-403", 403)]
    assert found(both, *ways) == []
    assert found([both[0]] * 5, *ways) == ["nobody met 403, which was foretold"]
    assert found([both[0]], *ways) == []


def test_what_cannot_be_told_is_not_held_against_anything():
    assert found([answered()], branch(Verdict.UNKNOWN)) == []


def delivered(path="/", **headers):
    return branch(delivered=Http(path=path, headers={name.replace("_", "-"): value for name, value in headers.items()}))


XFCC = "x-forwarded-client-cert"


def test_what_the_application_got():
    told = {"path": "/a", "headers": [["X-User", "ann"], [XFCC, "By=b;Hash=1;URI=u"], ["host", "cart"]]}
    right = {"x_user": "ann", "x_forwarded_client_cert": "By=b;URI=u"}
    assert found([answered(**told)], delivered("/a", **right)) == []
    assert found([answered(**told)], delivered("/b", **right)) == ["the application got path /a, not /b"]
    assert found([answered(**told)], delivered("/a", x_user="ann")) == [
        f"the application got {XFCC}: By=b;Hash=1;URI=u, not None"
    ]
    assert found([answered(**told)], delivered("/a", **{**right, "x_user": "bob"})) == [
        "the application got x-user: ann, not bob"
    ]


def routed(**more):
    return branch(route=Route(RouteSource.DEFAULT, **more))


@pytest.mark.parametrize(
    ("retries", "failed", "right"), [(2, 0, True), (2, 3, False), (0, 3, True), (0, 0, False)]
)  # fmt: skip
def test_whether_failures_are_tried_again(retries, failed, right):
    scene = Scene("D43", "it", (), (), retries=True)
    outcomes = [answered()] * 3 + [refused("reset")] * failed
    assert (found(outcomes, routed(retries=Retries(retries)), scene=scene) == []) is right


@pytest.mark.parametrize(
    ("hashed", "pods", "right"), [(True, 1, True), (True, 2, False), (False, 2, True), (False, 1, False)]
)
def test_whether_a_users_requests_stay_together(hashed, pods, right):
    scene = Scene("D44", "it", (), (), sticks=True)
    outcomes = [answered(f"shop/cart-abc-{number}") for number in range(pods)] * 4
    policy = ("loadBalancer.consistentHash.httpHeaderName: x-user",) if hashed else ()
    assert (found(outcomes, routed(traffic_policy=policy), scene=scene) == []) is right


def test_words():
    assert word(Outcome(True, "ok", pod="shop/db-abc-1")) == "answered by shop/db"
    assert words([answered(), answered(), refused("reset")]) == "2 times 200 by shop/cart, 1 times reset"
    assert Question(token=TokenState.EXPIRED, times=3, authority="x").words.endswith(
        "(Host: x, an expired token, 3 times)"
    )


@pytest.mark.parametrize(
    ("tls", "outcome", "right"),
    [
        ("SIMPLE", answered(), True), ("SIMPLE", refused("closed"), False), ("MUTUAL", answered(), True),
        ("", refused("closed"), True), ("", answered(), False), ("ISTIO_MUTUAL", answered(), False),
    ],
)  # fmt: skip
def test_whether_a_proxy_started_tls(tls, outcome, right):
    scene = Scene("D36", "it", (), (), secured=True)
    assert (found([outcome], routed(tls=tls), scene=scene) == []) is right
