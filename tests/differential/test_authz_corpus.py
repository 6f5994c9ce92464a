"""What AuthorizationPolicies mean, compared with the real Envoy running the filters that Istio made of them."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pytest
from tests.support.authz_cases import all_asks, peers, seeded, some_asks, values_of
from tests.support.authz_clauses import Part, parts_of
from tests.support.authz_corpus import CORPUS, Pair, loadable, pairs, parsed, seen, verdicts_of
from tests.support.envoy import Envoy, MeshIdentities, running_envoy
from tests.support.envoy_client import Answer, Ask, Peer, answers, comes_through
from tests.support.envoy_config import SHADOWS, bootstrap, http_filters, listener, shadow, tcp_filters

from sidestep.semantics.authorization.evaluate import PolicySet, policy_set
from sidestep.semantics.authorization.seen import Chain

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("envoy-authorization"),
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}"),
]

PAIRS = pairs() if CORPUS.is_dir() else []
HTTP = [pair for pair in PAIRS if pair.chain is Chain.HTTP]
TCP = [pair for pair in PAIRS if pair.chain is Chain.TCP]
SEED, COMPANIES, RANDOM_PEERS, RANDOM_ASKS = 20260801, 60, 40, 25
LEAST_REQUESTS = 20_000


@dataclass
class Corpus:
    """One Envoy with a listener for each pair, and one for its clauses.

    Attributes:
        parts: the clauses of each pair, in the order of its shadow filters.
        asked: requests so far.
    """

    envoy: Envoy
    parts: Mapping[str, Sequence[Part]]
    asked: Counter[str]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    identities = MeshIdentities(tmp_path_factory.mktemp("envoy"))
    tls, dice = identities.server(), seeded(SEED)
    parts = {pair.name: parts_of(pair, COMPANIES, dice) for pair in HTTP if not pair.left_out and not pair.custom}
    listeners = []
    for pair in PAIRS:
        if not pair.left_out:
            filters = loadable(list(pair.filters))
            chain = http_filters(filters) if pair.chain is Chain.HTTP else tcp_filters(filters)
            listeners.append(listener(_listener(pair), chain, tls))
    for name, several in parts.items():
        shadows = [shadow(number, loadable(part.policies)) for number, part in enumerate(several)]
        listeners.append(listener(f"parts/{name}", http_filters(shadows), tls))
    with running_envoy(bootstrap(listeners), identities) as envoy:
        yield Corpus(envoy, parts, Counter())


def _listener(pair: Pair) -> str:
    return f"{pair.chain.value}/{pair.name}"


def _skip_left_out(pair: Pair) -> None:
    if pair.left_out:
        pytest.skip(f"{pair.name}: {pair.left_out}")


def _work(trees: Iterable[dict], asks_each: int, dice: random.Random) -> dict[Peer, list[Ask]]:
    """Requests by connection: on every connection some, and over all of them every value."""
    values = values_of(rule for tree in trees for rule in tree["spec"].get("rules") or ())
    connections = peers(values, RANDOM_PEERS, dice)
    every = all_asks(values, dice)
    work = {peer: some_asks(values, asks_each, dice) for peer in connections}
    for number, ask in enumerate(every):
        work[connections[number % len(connections)]].append(ask)
        work[dice.choice(connections)].append(ask)
    return work


def disagreements(ours: PolicySet, theirs: Iterable[tuple[Peer, Ask | None, bool]]) -> list[str]:
    """Requests of which we say something else than Envoy: the one place where the two are compared."""
    found = []
    for peer, ask, allowed in theirs:
        outcome = ours.judge(seen(peer, ask))
        expected = False if outcome.allowed is None else outcome.allowed
        if expected is not allowed:
            found.append(f"Envoy {'allows' if allowed else 'denies'}, we say {outcome.allowed}: {peer} {ask}")
    return found


def _none(found: Sequence[str]) -> None:
    assert not found, f"{len(found)} differences, e.g.\n" + "\n".join(found[:5])


def _allowed(ask: Ask, answer: Answer) -> bool:
    assert answer.status in (200, 403), f"neither admitted nor denied: {ask} {answer}"
    return answer.status == 200


@pytest.mark.parametrize("pair", HTTP, ids=lambda pair: pair.name)
def test_whole_policies_decide_as_envoy(pair, corpus, tmp_path):
    _skip_left_out(pair)
    _none(disagreements(verdicts_of(pair, tmp_path), _theirs(pair, corpus)))


def _theirs(pair: Pair, corpus: Corpus) -> list[tuple[Peer, Ask | None, bool]]:
    """What Envoy says of every request."""
    work = _work(pair.trees, RANDOM_ASKS, seeded(SEED))
    got = answers(corpus.envoy, _listener(pair), work)
    corpus.asked[_listener(pair)] += sum(map(len, got.values()))
    return [(peer, ask, _allowed(ask, one)) for peer in work for ask, one in zip(work[peer], got[peer], strict=True)]


def test_a_wrong_meaning_is_noticed(corpus, tmp_path):
    """The comparison itself: with the DENY policy alone much would be admitted that Envoy refuses."""
    pair = next(pair for pair in HTTP if pair.name == "deny-and-allow")
    theirs = _theirs(pair, corpus)
    wrong = policy_set(parsed(pair.trees[:1], tmp_path), pair.chain, pair.bundle)
    assert disagreements(wrong, theirs)
    assert {allowed for _, _, allowed in theirs} == {True, False}


@pytest.mark.parametrize("pair", HTTP, ids=lambda pair: pair.name)
def test_every_clause_decides_as_envoy(pair, corpus, tmp_path):
    _skip_left_out(pair)
    parts = corpus.parts.get(pair.name)
    if not parts:
        pytest.skip(f"{pair.name}: no clause to look at")
    ours = [policy_set([one], pair.chain, pair.bundle) for one in parsed((part.tree for part in parts), tmp_path)]
    assert len(ours) == len(parts)
    work = _work(pair.trees, 2, seeded(SEED))
    got = answers(corpus.envoy, f"parts/{pair.name}", work)
    corpus.asked["clauses"] += sum(map(len, got.values()))
    found, matched = [], Counter()
    for peer, asks in work.items():
        for ask, answer in zip(asks, got[peer], strict=True):
            _allowed(ask, answer)
            told = json.loads(answer.headers[SHADOWS])
            results = [told[f"s{number}_shadow_engine_result"] == "allowed" for number in range(len(parts))]
            matched.update((number, result) for number, result in enumerate(results))
            for number, result in enumerate(results):
                found += [
                    f"{parts[number].tree['spec']}: {d}" for d in disagreements(ours[number], [(peer, ask, result)])
                ]
    _none(found)
    assert not _untried(parts, matched)


def _untried(parts: Sequence[Part], matched: Counter[tuple[int, bool]]) -> list[dict]:
    """Clauses that no request met, or every one."""
    sides = {number: matched[number, True] > 0 and matched[number, False] > 0 for number in range(len(parts))}
    return [part.tree["spec"] for number, part in enumerate(parts) if part.decisive and not sides[number]]


@pytest.mark.parametrize("pair", TCP, ids=lambda pair: pair.name)
def test_connections_decide_as_envoy(pair, corpus, tmp_path):
    _skip_left_out(pair)
    values = values_of(rule for tree in pair.trees for rule in tree["spec"].get("rules") or ())
    through = comes_through(corpus.envoy, _listener(pair), peers(values, 300, seeded(SEED)))
    corpus.asked[_listener(pair)] += len(through)
    _none(disagreements(verdicts_of(pair, tmp_path), ((peer, None, result) for peer, result in through.items())))


def test_enough_was_asked(corpus):
    """After all others; a selection of tests asks less."""
    if not all(corpus.asked[_listener(pair)] for pair in PAIRS if not pair.left_out):
        pytest.skip("not every pair was asked about in this run")
    assert corpus.asked.total() >= LEAST_REQUESTS
