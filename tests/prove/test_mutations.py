"""Faults in planned meshes: each that changes any decision is found, and none is found that changes nothing."""

import random
from functools import cache
from itertools import product

import pytest
from tests.plan.test_no_gaps import GRAPH, SCENES, shop
from tests.prove.faults import faults, faulty
from tests.prove.random_meshes import METHODS, PATHS
from tests.support.scenes import client, get, index, m, pods, policy, principal, service

from sidestep.actions.memory import apply
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.prove.outcome import Leave, difference, outcome
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms, prove
from sidestep.semantics.decide import decide
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Guise, Request, SomebodyClient
from sidestep.semantics.versions import given_version
from sidestep.sources.prices import load_prices

_TERMS = Terms(Leave.SHAPE)
_RULES = (
    policy("mixed", {"from": [{"source": {"principals": [principal("web"), principal("admin")]}}], "to": [{"operation": {"methods": ["GET", "HEAD"], "paths": ["/api/*", "/admin"]}}]},
           {"to": [{"operation": {"methods": ["DELETE"], "notPaths": ["/admin*"]}}], "when": [{"key": "request.headers[x-user]", "values": ["alice", "bob"]}]}, app="cart"),
    policy("not", {"from": [{"source": {"notPrincipals": [principal("web")]}}], "to": [{"operation": {"methods": ["POST"]}}]}, action="DENY", app="cart"),
)  # fmt: skip
_ROUTED = m.o.istio("VirtualService", "cart", "shop", {"hosts": ["cart"], "http": [
    {"match": [{"uri": {"prefix": "/api/"}}], "rewrite": {"uri": "/"}, "timeout": "3s", "route": [{"destination": {"host": "cart"}}]},
    {"match": [{"headers": {"x-user": {"exact": "alice"}}}], "route": [{"destination": {"host": "stock"}}]},
    {"route": [{"destination": {"host": "cart"}}]},
]})  # fmt: skip
_MORE = {
    "rich": shop(*_RULES),
    "rich and routed": shop(*_RULES, _ROUTED),
    "routed": shop(
        _ROUTED, policy("reads", {"to": [{"operation": {"methods": ["GET"], "paths": ["/x*"]}}]}, app="cart")
    ),
}
_AT_ZTUNNEL_ALONE = "in ambient before, alone"
"""Left out: ztunnel makes one refusal of all that its policy could say, so that most faults in it are none."""
_ALL = {name: found for name, found in {**SCENES, **_MORE}.items() if name != _AT_ZTUNNEL_ALONE}
_NEW = (("shop", "new"), ("elsewhere", "new"), ("elsewhere", "web"))
"""Accounts that nobody has."""


@cache
def planned(name):
    """The mesh that a plan ends in."""
    today = index(*_ALL[name])
    plan = make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH))
    return apply(plan, today.mesh)


def of(mesh):
    return MeshIndex.of(mesh, given_version("1.30"))


def requests(seed):
    chance = random.Random(seed)  # noqa: S311 - the same seed must ask the same
    places = [
        ("cart.shop", 80),
        ("stock.shop", 80),
        ("admin.shop", 80),
        ("web.shop", 80),
        *(
            (f"10.1.{sum(map(ord, f'{name}shop')) % 250}.1", port)
            for name in ("cart", "stock", "web", "admin")
            for port in (8080, 9999)
        ),
    ]
    somebody = [SomebodyClient(space, name, Guise.AMBIENT) for space, name in _NEW]
    for who, (to, port) in product((*map(client, ("web", "admin", "cart", "stock", "outside")), *somebody), places):
        for _ in range(12):
            headers = {"x_user": chance.choice(("alice", "bob", "eve"))} if chance.random() < 0.5 else {}
            path = chance.choice((*PATHS, "/api/x", "/api/admin", "/x"))
            yield Request(
                who,
                to,
                port,
                get(
                    path,
                    chance.choice((*METHODS, "HEAD")),
                    token=chance.choice(("none", "valid", "invalid")),
                    claims={"iss": "https://issuer.example.com", "sub": "ann"},
                    **headers,
                ),
            )


def differs(one, other, seed):
    """By random requests, each of which is asked of both."""
    for request in requests(seed):
        left, right = outcome(decide(one, request)), outcome(decide(other, request))
        found = difference(left, right) if not (left.reason or right.reason) else None
        if found not in (None, Direction.SHAPE):
            return request
    return None


CORPUS = [(name, number) for name in _ALL for number, _ in enumerate(faults(planned(name)))]


def test_there_are_hundreds_of_faults():
    assert len(CORPUS) >= 400


@pytest.mark.parametrize("name", _ALL)
def test_faults_are_found(name):
    whole = of(planned(name))
    harmless = []
    for number, (words, effect) in enumerate(faults(planned(name))):
        broken = of(faulty(planned(name), effect))
        proof = prove(whole, broken, _TERMS)
        assert not [each for each in proof.undecided if "internal error" in each.reason], words
        if proof.verdict is Conclusion.EQUAL:
            assert differs(whole, broken, number) is None, words
            harmless.append(words)
        elif proof.verdict is Conclusion.DIFFERS:
            worst = next(each for each in proof.counterexamples if not each.accepted)
            if worst.direction is Direction.OPEN:
                assert worst.after.verdict == "allow", words
            assert worst.command, words
    assert len(harmless) <= len(list(faults(planned(name)))) * 0.5, harmless


def test_most_faults_do_harm():
    found = sum(
        prove(of(planned(name)), of(faulty(planned(name), effect)), Terms(Leave.SHAPE, most=1)).verdict
        is Conclusion.DIFFERS
        for name in _ALL
        for _, effect in faults(planned(name))
    )
    assert found >= 300


@pytest.mark.parametrize("name", [name for name in _ALL if name != "rich and routed"])
def test_a_planned_mesh_opens_nothing(name):
    today = index(*_ALL[name])
    proof = prove(today, of(planned(name)), Terms(Leave.SHAPE | Leave.CLOSED))
    assert not [each for each in proof.counterexamples if each.direction is Direction.OPEN]


def test_a_waypoint_judges_before_its_route_rewrites():
    """The sidecar's policy saw `/admin` where the waypoint's sees `/api/admin`: no plan may call that equal."""
    proof = prove(index(*_ALL["rich and routed"]), of(planned("rich and routed")))
    opened = [each for each in proof.counterexamples if each.direction is Direction.OPEN]
    assert [each for each in opened if "DELETE /api/admin" in each.request]


def naive(*policies):
    """Everybody with a sidecar, and everybody in ambient, under the same policies."""
    names = ("web", "admin", "cart", "stock")
    services = [service(name) for name in names]
    return [index(*(pods(name, mode) for name in names), *services, *policies) for mode in ("sidecar", "ambient")]


def test_flipping_labels_alone_is_found_out():
    deny = policy("no-delete", {"to": [{"operation": {"methods": ["DELETE"]}}]}, action="DENY", app="cart")
    allow = policy("reads", {"to": [{"operation": {"methods": ["GET"]}}]}, app="cart")
    for guard, direction, method in ((deny, Direction.OPEN, "DELETE"), (allow, Direction.CLOSED, "GET")):
        proof = prove(*naive(guard))
        assert proof.verdict is Conclusion.DIFFERS
        worst = [each for each in proof.counterexamples if not each.accepted]
        assert {each.direction for each in worst} == {direction}
        assert any(f"sends {method} / to cart" in each.request for each in worst)
        assert "explain" not in worst[0].command
        assert worst[0].command[0] == "--client"
