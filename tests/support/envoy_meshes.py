"""A request in a mesh as the Envoys on its way get it: their filters from the policies there, and what is sent to each.

Which policies stand at a proxy, and how a connection looks there, is ours to say; what the policies then decide is
Envoy's.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace
from tests.support.authz_corpus import Tree, loadable
from tests.support.authz_filters import filters
from tests.support.envoy import Envoy
from tests.support.envoy_client import TOKEN_HEADER, Answer, Ask, Peer, answers
from tests.support.envoy_config import Config, PathOptions, http_filters, listener

from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.metadata import ObjectId
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.authorization.paths import normalise
from sidestep.semantics.authorization.seen import HttpSeen, Seen
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import CheckKind, Hop, Proxy, Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Http, Request

_ENVOYS = (Proxy.SIDECAR_IN, Proxy.WAYPOINT)
_REFUSED = (401, 403)


class NotEnvoyError(Exception):
    """Something that is not asked here decides: ztunnel, mTLS, a route, an authorizer."""


@dataclass(frozen=True)
class Gate:
    """One Envoy on the way.

    Attributes:
        listener: its name, by its content.
        peer: the connection that it sees.
        ask: the request that it sees.
    """

    listener: str
    peer: Peer
    ask: Ask


@dataclass(frozen=True)
class Side:
    """A request in one mesh.

    Attributes:
        gates: the Envoys that judge it, in order.
        admitted: whether it gets through, as `decide` says.
    """

    gates: tuple[Gate, ...]
    admitted: bool


@dataclass
class Listeners:
    """Listeners by content, so that equal policies need one."""

    known: dict[tuple[str, PathOptions], str] = field(default_factory=dict)

    def name(self, made: Sequence[Tree], paths: PathOptions) -> str:
        """The name of the listener with these filters."""
        return self.known.setdefault((json.dumps(made, sort_keys=True), paths), f"gate-{len(self.known)}")

    def configs(self, tls: Config) -> Iterator[Config]:
        """All of them."""
        for (content, paths), name in self.known.items():
            yield listener(name, http_filters(loadable(json.loads(content)), paths), tls)


def side(index: MeshIndex, request: Request, listeners: Listeners) -> Side:
    """A request in a mesh.

    Raises:
        NotEnvoyError: its verdict does not hang on the policies of Envoys alone.
    """
    decision, survey = decide(index, request), decide(index, replace(request, survey=True))
    if (
        decision.verdict not in (Verdict.ALLOW, Verdict.DENY)
        or len(decision.branches) != 1
        or len(survey.branches) != 1
    ):
        raise NotEnvoyError
    found = decision.branches[0]
    refusing = found.path[-1].proxy if decision.verdict is Verdict.DENY else None
    kind = found.decider.kind if found.decider is not None else None
    if refusing is not None and (
        refusing not in _ENVOYS or kind not in (CheckKind.AUTHORIZATION, CheckKind.REQUEST_AUTHENTICATION)
    ):
        raise NotEnvoyError
    bad_token = len(found.path) - 1 if kind is CheckKind.REQUEST_AUTHENTICATION else -1
    gates = tuple(
        _gate(index, request, listeners, _asked(hop), bad_token=number == bad_token)
        for number, hop in enumerate(survey.branches[0].path[: len(found.path)])
        if hop.proxy in _ENVOYS
    )
    return Side(gates, decision.verdict is Verdict.ALLOW)


def _asked(hop: Hop) -> tuple[PolicySet, Seen]:
    found = [(check.consulted, check.seen) for check in hop.checks if isinstance(check.consulted, PolicySet)]
    if len(found) != 1 or found[0][1] is None or found[0][1].http is None:
        raise NotEnvoyError
    return found[0][0], found[0][1]


def _gate(
    index: MeshIndex, request: Request, listeners: Listeners, asked: tuple[PolicySet, Seen], *, bad_token: bool
) -> Gate:
    policies, seen = asked
    made = filters(_trees(index, policies))
    name = listeners.name(made, PathOptions(index.settings.normalisation.value))
    assert seen.http is not None
    assert isinstance(request.payload, Http)
    http = seen.http
    cleaned = normalise(request.payload.path, index.settings.normalisation)
    return Gate(
        name, _peer(seen), _ask(http, request.payload.path if http.path == cleaned else http.path, bad_token=bad_token)
    )


def _trees(index: MeshIndex, policies: PolicySet) -> Iterator[Tree]:
    if policies.custom or policies.unreadable:
        raise NotEnvoyError
    for each in dict.fromkeys(one.policy.id for one in (*policies.deny, *policies.allow)):
        yield _tree(index, each)


def _tree(index: MeshIndex, named: ObjectId) -> Tree:
    found = index.mesh.find(AUTHORIZATION_POLICY, named.namespace, named.name)
    assert found is not None
    return found.tree()


def _peer(seen: Seen) -> Peer:
    uri = f"spiffe://{seen.identity}" if seen.identity is not None else None
    return Peer(
        uri,
        source=seen.source_ip or "10.9.9.9",
        destination=seen.destination_ip or "10.2.2.2",
        port=seen.destination_port,
        sni=seen.sni if uri else "",
        plain=uri is None,
    )


def _ask(http: HttpSeen, path: str, *, bad_token: bool) -> Ask:
    headers = {name: value for name, value in http.headers.items() if name not in _OWN}
    forwarded: Any = http.headers.get("x-forwarded-for", "")
    assert all(isinstance(value, str) for value in (*headers.values(), forwarded))
    more = ((TOKEN_HEADER, "a.bad.token"),) if bad_token else ()
    claims = json.dumps(http.claims) if http.claims is not None and not bad_token else None
    return Ask(http.method, path, http.authority, (*sorted(headers.items()), *more), claims, forwarded)  # type: ignore[arg-type]


_OWN = ("x-forwarded-for", "x-forwarded-client-cert")
"""Headers that the bench's proxies treat by themselves."""


def sent(envoy: Envoy, gates: Iterable[Gate]) -> dict[Gate, Answer]:
    """Every request really sent to its Envoy."""
    work: dict[str, dict[Peer, list[Gate]]] = {}
    for gate in dict.fromkeys(gates):
        work.setdefault(gate.listener, {}).setdefault(gate.peer, []).append(gate)
    found: dict[Gate, Answer] = {}
    for name, by_peer in work.items():
        got = answers(envoy, name, {peer: [gate.ask for gate in several] for peer, several in by_peer.items()})
        for peer, several in by_peer.items():
            found.update(zip(several, got[peer], strict=True))
    return found


def admits(of: Side, told: Mapping[Gate, Answer]) -> bool:
    """Whether every Envoy on the way lets it through."""
    statuses = [told[gate].status for gate in of.gates]
    assert all(status == 200 or status in _REFUSED for status in statuses), statuses
    return all(status not in _REFUSED for status in statuses)
