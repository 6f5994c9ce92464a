"""Invariants asked of meshes: each of every class of requests that the mesh can tell apart.

Whether a request reaches something is what `semantics.decide` says; what it does not know makes an invariant undecided.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from sidestep.explain.words import request_words, state_report
from sidestep.prove.asked_again import explain_arguments
from sidestep.prove.assertions import Invariant, Rule, path_pattern
from sidestep.prove.classes import Line, classes
from sidestep.prove.expressions import Undecidable
from sidestep.prove.findings import InvariantResult, Standing
from sidestep.prove.lines import Goal, goal, lines
from sidestep.prove.subject import Subject
from sidestep.prove.ways import Ways
from sidestep.semantics.authentication.tokens import TokenState
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Branch, Decision, Proxy, Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.patterns import compiled
from sidestep.semantics.requests import Http, NodeClient, Request, WorkloadClient
from sidestep.semantics.routing.http_match import HttpMatch, NamedMatch
from sidestep.semantics.routing.text_match import Form, TextMatch

_USUAL = ("GET", "POST", "PUT", "DELETE", "PATCH")


ASSUMED = (
    "that somebody reaches something is asked of the workloads that were read; that nobody does, of somebody outside "
    "and of accounts that no pod has yet too"
)


class Inquiry:
    """Invariants, and what became of them in the states that were asked.

    Args:
        invariants: to ask.
        budget: most requests on one line.
        nodes: whether processes on nodes are asked too.
    """

    def __init__(self, invariants: Sequence[Invariant], budget: int, *, nodes: bool = False) -> None:
        self._budget, self._nodes = budget, nodes
        self._results = {each: InvariantResult(each.name, each.text, Standing.HOLDS) for each in invariants}

    def ask(self, index: MeshIndex, step: str) -> None:
        """Ask all that still hold; the first state in which one does not is told."""
        ways = Ways(index, nodes=self._nodes)
        for invariant, before in self._results.items():
            if before.standing is not Standing.VIOLATED:
                found = ask(ways, invariant, self._budget)
                worse = found.standing is Standing.VIOLATED or before.standing is Standing.HOLDS
                kept = replace(found, step="" if found.standing is Standing.HOLDS else step) if worse else before
                self._results[invariant] = replace(kept, requests=before.requests + found.requests)

    def words(self) -> list[str]:
        """What was said of objects, for who wants to find them."""
        return [each.why for each in self._results.values() if each.why]

    def results(self) -> tuple[InvariantResult, ...]:
        """In the order of the invariants."""
        return tuple(self._results.values())


def ask(ways: Ways, invariant: Invariant, budget: int) -> InvariantResult:
    """Whether an invariant holds in the first mesh of ways; the first request that violates it ends the asking."""
    index = ways.before
    asked = _Asked(index, invariant, goal(index, invariant), re.compile(path_pattern(invariant.path)))
    told = InvariantResult(invariant.name, invariant.text, Standing.HOLDS)
    reason = "" if asked.goal.addresses else f"nothing that was read is called {invariant.destination}"
    count = lined = 0
    for line in lines(ways, invariant, asked.goal):
        lined += 1
        try:
            for request in asked.requests(line, budget):
                count += 1
                made = decide(index, request)
                if asked.violates(request, made):
                    return _violated(replace(told, requests=count), index, asked.usual(request))
                if made.verdict is Verdict.UNKNOWN and not reason:
                    reason = f"{request_words(request)}: {_unknown(made)}"
        except Undecidable as error:
            reason = reason or str(error)
    if not lined and not reason and invariant.rule is Rule.REACHES:
        reason = f"nobody who was read is called {', '.join(invariant.clients)}"
    return replace(told, standing=Standing.UNDECIDED if reason else Standing.HOLDS, reason=reason, requests=count)


class _Asked(Struct, frozen=True):
    """An invariant on its way through one mesh."""

    index: MeshIndex
    invariant: Invariant
    goal: Goal
    path: re.Pattern[str]

    def requests(self, line: Line, budget: int) -> Iterator[Request]:
        """All requests on a line that the invariant speaks of."""
        for request in classes((self.index,), line, budget, tuple(self._apart())):
            if isinstance(request.payload, Http):
                if self._speaks_of(request.payload):
                    yield request
            elif not self.invariant.path and not (self.invariant.methods and self.invariant.rule is Rule.REACHES):
                yield request

    def violates(self, request: Request, made: Decision) -> bool:
        """Whether a decision about a request is against the invariant; one way of several is enough."""
        if self.invariant.rule is Rule.REACHES:
            return made.verdict in (Verdict.DENY, Verdict.UNREACHABLE)
        certain = made.verdict is Verdict.ALLOW or isinstance(request.client, NodeClient)
        return any(
            branch.verdict is Verdict.ALLOW
            and (certain or not branch.condition)
            and self._arrives(branch)
            and not _to_itself(request, branch)
            for branch in made.branches
        )

    def usual(self, request: Request) -> Request:
        """The same violation by a method that people know, where one does it too."""
        http = request.payload
        if not isinstance(http, Http):
            return request
        for method in (*self.invariant.methods, *_USUAL):
            plain = replace(http, method=method)
            other = replace(request, payload=plain)
            if self._speaks_of(plain) and self.violates(other, decide(self.index, other)):
                return other
        return request

    def _arrives(self, branch: Branch) -> bool:
        """Whether it ends at the destination; what ends outside of the mesh may be it."""
        return not self.goal.pods or not branch.destination or str(branch.destination) in self.goal.pods

    def _speaks_of(self, http: Http) -> bool:
        invariant = self.invariant
        if invariant.path and not self.path.fullmatch(http.path.partition("?")[0]):
            return False
        match invariant.rule:
            case Rule.METHODS:
                return http.method not in invariant.methods
            case Rule.TOKEN:
                return not self._carries(http)
            case Rule.REACHES:
                plain = http.token.state is TokenState.NONE and not http.headers
                return plain and (not invariant.methods or http.method in invariant.methods)
            case Rule.NOBODY_ELSE:
                return not invariant.methods or http.method in invariant.methods

    def _carries(self, http: Http) -> bool:
        """A token that is valid, of an issuer that the invariant names."""
        valid = http.token.state is TokenState.VALID
        return valid and (not self.invariant.issuers or http.token.claims.get("iss") in self.invariant.issuers)

    def _apart(self) -> Iterator[HttpMatch]:
        """What the invariant tells apart beside what the mesh does."""
        if self.invariant.path:
            pattern = path_pattern(self.invariant.path)
            yield HttpMatch(path=TextMatch(Form.REGEX, pattern, compiled(pattern)))
        for method in dict.fromkeys((*self.invariant.methods, *_USUAL)):
            yield HttpMatch(headers=(NamedMatch(":method", TextMatch(Form.EXACT, method)),))


def _violated(told: InvariantResult, index: MeshIndex, request: Request) -> InvariantResult:
    report = state_report("", decide(index, request), index.settings.bundle)
    return replace(
        told,
        standing=Standing.VIOLATED,
        request=request_words(request),
        command=explain_arguments(request),
        subject=Subject.of(request),
        why=report.why,
        path=tuple(f"{hop.proxy} of {hop.at} ({hop.mode})" for hop in report.path),
    )


def _to_itself(request: Request, branch: Branch) -> bool:
    """What a pod sends to itself, past all proxies, is nobody else's business."""
    client = request.client
    past = all(hop.proxy is Proxy.APPLICATION for hop in branch.path)
    return past and isinstance(client, WorkloadClient) and client.ref == branch.destination


def _unknown(made: Decision) -> str:
    return made.unknowns[0].reason if made.unknowns else "it cannot be told"
