"""What proofs say of layer-7 policies, sent to real Envoys that have the policies of both meshes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from tests.prove.faults import faults, faulty
from tests.prove.forms import pair_of
from tests.prove.test_mutations import _ALL, of, planned
from tests.support.authz_corpus import CORPUS, pairs
from tests.support.authz_filters import filters
from tests.support.envoy import MeshIdentities, running_envoy
from tests.support.envoy_client import Answer
from tests.support.envoy_config import bootstrap
from tests.support.envoy_meshes import Gate, Listeners, NotEnvoyError, Side, admits, sent, side
from tests.support.proof_requests import request_of
from tests.support.scenes import client, index, pods, policy, principal, service, waypoint

from sidestep.prove.outcome import Leave
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms, prove
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Http, Request

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("envoy-proofs")]

_EACH, _EQUAL_PAIRS, _REQUESTS = 4, 60, 40
_FEWEST = {"mutations": 150, "by hand": 30, "equal": 1_000}
_NOT_OURS = {
    "allow-host-before-111",
    "custom-simple-http",
    "dry-run-allow",
    "td-aliases-source-principal",
    "trust-domains",
}
"""Pairs of the corpus with what the meshes here do not have: older Istio, CUSTOM, dry runs, trust domains."""


@dataclass(frozen=True)
class Question:
    """A request of a pair of meshes.

    Attributes:
        pair: where it comes from.
        before, after: both sides.
        direction: of the counterexample; None where the pair was proved equal.
    """

    pair: str
    before: Side
    after: Side
    direction: Direction | None


@dataclass(frozen=True)
class Bench:
    """Everything that is asked, and what the Envoys answered."""

    questions: tuple[Question, ...]
    told: dict[Gate, Answer]

    def of(self, kind: str) -> list[Question]:
        """Questions of one kind of pairs."""
        return [each for each in self.questions if each.pair.startswith(kind)]


def questions(pair: str, before: MeshIndex, after: MeshIndex, listeners: Listeners) -> Iterator[Question]:
    """The counterexamples of a pair that policies of Envoys decide on both sides, a few of each direction."""
    taken: dict[Direction, int] = {}
    for each in prove(before, after, Terms(Leave.SHAPE)).counterexamples:
        if each.direction in (Direction.OPEN, Direction.CLOSED) and "--method" in each.command:
            if taken.get(each.direction, 0) == _EACH or "which is new" in each.request:
                continue
            try:
                request = request_of(each)
                yield Question(
                    f"{pair}: {each.request}",
                    side(before, request, listeners),
                    side(after, request, listeners),
                    each.direction,
                )
            except NotEnvoyError:
                continue
            taken[each.direction] = taken.get(each.direction, 0) + 1


def mutations(listeners: Listeners) -> Iterator[Question]:
    for name in _ALL:
        whole = of(planned(name))
        for words, effect in faults(planned(name)):
            yield from questions(f"mutations {name}, {words}", whole, of(faulty(planned(name), effect)), listeners)


def _shop(mode: str, *policies) -> MeshIndex:
    bound = {"istio.io/use-waypoint": "waypoint"} if mode == "ambient" else None
    more = waypoint() if mode == "ambient" else []
    return index(pods("web", mode), pods("cart", mode), service("cart", labels=bound), more, *policies)


def by_hand(listeners: Listeners) -> Iterator[Question]:
    """Each pair within sidecars, within waypoints, and from sidecars to waypoints."""
    for name, one, other, more in _PAIRS:
        action = more.get("action", "ALLOW")
        selected = [policy("p", *rules, app="cart", action=action) for rules in (one, other)]
        attached = [policy("p", *rules, service="cart", action=action) for rules in (one, other)]
        meshes = {
            "sidecars": [_shop("sidecar", each) for each in selected],
            "waypoints": [_shop("ambient", each) for each in attached],
            "moved": [_shop("sidecar", selected[0]), _shop("ambient", attached[1])],
        }
        for where, (before, after) in meshes.items():
            yield from questions(f"by hand, {name}, {where}", before, after, listeners)
            yield from questions(f"by hand, {name}, {where} back", after, before, listeners)


def _to(**operation):
    return {"to": [{"operation": operation}]}


def _when(key, *values, **more):
    return {"when": [{"key": key, **({"values": list(values)} if values else {}), **more}]}


_WEB = {"from": [{"source": {"principals": [principal("web")]}}]}
_PAIRS = (
    ("a method more", [_to(methods=["GET"])], [_to(methods=["GET", "HEAD"])], {}),
    ("a negation lost", [_to(notMethods=["DELETE"])], [_to(methods=["DELETE"])], {}),
    ("a template", [_to(paths=["/a/{*}/c"])], [_to(paths=["/a/{**}"])], {}),
    ("a suffix", [_to(paths=["*/x"])], [_to(paths=["*x"])], {"action": "DENY"}),
    ("a prefix", [_to(paths=["/admin/*"])], [_to(paths=["/admin*"])], {"action": "DENY"}),
    ("a host", [_to(hosts=["a.example.com"])], [_to(hosts=["*.example.com"])], {}),
    ("a header", [_when("request.headers[x-a]", "1")], [_when("request.headers[x-a]", "1*")], {}),
    ("a header's absence", [_when("request.headers[x-a]", notValues=["1"])], [_when("request.headers[x-a]", "*", notValues=["1"])], {}),
    ("a caller", [{**_WEB, **_to(methods=["GET"])}], [_to(methods=["GET"])], {}),
    ("everybody with an identity", [{}], [{"from": [{"source": {"principals": ["*"]}}]}], {}),
    ("a namespace", [{"from": [{"source": {"namespaces": ["shop"]}}]}], [{"from": [{"source": {"namespaces": ["sh"]}}]}], {}),
    ("a rule dropped", [_to(methods=["GET"]), _to(paths=["/x"])], [_to(methods=["GET"])], {}),
    ("a clause dropped", [{**_WEB, **_to(paths=["/x"])}], [_WEB], {"action": "DENY"}),
)  # fmt: skip


def equal(listeners: Listeners) -> Iterator[Question]:
    """Random requests of pairs that differ in form alone, where both are proved equal."""
    for seed in range(_EQUAL_PAIRS):
        world, parts, other = pair_of(seed)
        parts["more"] = other["more"] = []
        before, after = (index(*world.objects(each)) for each in (parts, other))
        if prove(before, after, Terms(Leave.NOTHING)).verdict is not Conclusion.EQUAL:
            continue
        for _ in range(_REQUESTS):
            payload = world.payload()
            to, who = (
                world.chance.choice(("cart.shop", "stock.ops")),
                world.chance.choice(("web", "ops/desk", "admin", "outside")),
            )
            if isinstance(payload, Http):
                request = Request(client(who), f"{to}.svc.cluster.local", 80, payload)
                try:
                    both = [side(each, request, listeners) for each in (before, after)]
                except NotEnvoyError:
                    continue
                yield Question(f"equal {seed}: {request}", both[0], both[1], None)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    listeners = Listeners()
    asked = (*mutations(listeners), *by_hand(listeners), *equal(listeners))
    identities = MeshIdentities(tmp_path_factory.mktemp("envoy"))
    with running_envoy(bootstrap([*listeners.configs(identities.server())]), identities) as envoy:
        yield Bench(
            asked, sent(envoy, (gate for each in asked for of in (each.before, each.after) for gate in of.gates))
        )


def wrong(asked: list[Question], told: dict[Gate, Answer]) -> list[str]:
    """Questions of which a side, or the direction between them, is not as predicted: the one place that compares."""
    found = []
    for each in asked:
        before, after = (admits(of, told) for of in (each.before, each.after))
        direction = None if before is after else Direction.OPEN if after else Direction.CLOSED
        if (before, after, direction) != (each.before.admitted, each.after.admitted, each.direction):
            found.append(f"{each.pair}: predicted {each.direction}, Envoy admits {before} before and {after} after")
    return found


@pytest.mark.parametrize("kind", _FEWEST)
def test_envoys_answer_as_proved(kind, bench):
    asked = bench.of(kind)
    assert len(asked) >= _FEWEST[kind]
    found = wrong(asked, bench.told)
    assert not found, f"{len(found)} of {len(asked)}, e.g.\n" + "\n".join(found[:5])


@pytest.mark.parametrize("kind", ["mutations", "by hand"])
def test_both_directions_were_sent(kind, bench):
    assert {each.direction for each in bench.of(kind)} == {Direction.OPEN, Direction.CLOSED}


def test_equal_pairs_admit_some_and_refuse_some(bench):
    assert {admits(each.before, bench.told) for each in bench.of("equal")} == {True, False}
    assert any(each.before.gates != each.after.gates for each in bench.of("equal"))


def test_a_wrong_prediction_is_noticed(bench):
    """The comparison itself: a proof that takes the first mesh for the second, or takes what differs for equal."""
    asked = bench.of("by hand")
    same = [replace(each, after=replace(each.before, admitted=each.after.admitted)) for each in asked]
    assert len(wrong(same, bench.told)) == len(asked)
    assert len(wrong([replace(each, direction=None) for each in asked], bench.told)) == len(asked)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")
def test_filters_are_those_of_istio():
    ours = [
        pair for pair in (pairs() if CORPUS.is_dir() else []) if pair.chain is Chain.HTTP and pair.name not in _NOT_OURS
    ]
    assert len(ours) >= 5
    for pair in ours:
        assert _unordered(filters(pair.trees)) == _unordered(list(pair.filters)), pair.name


def _unordered(tree):
    """Without the order of what stands side by side, which means nothing to Envoy."""
    if isinstance(tree, dict):
        return {name: _unordered(part) for name, part in tree.items()}
    return (
        sorted((_unordered(part) for part in tree), key=lambda part: json.dumps(part, sort_keys=True))
        if isinstance(tree, list)
        else tree
    )
