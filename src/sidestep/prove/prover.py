"""Compare two meshes on every way: by one request for each class that either of them can tell apart.

It is a decision procedure: `semantics.decide` judges every representative on both sides, and a way whose classes do not
fit the budget, or that decides by something nobody knows, is undecided and never equal. What is judged by the same
rules on both sides is equal without asking.
"""

from collections.abc import Iterator
from enum import Flag, auto

from msgspec import Struct

from sidestep.explain.differences import between
from sidestep.explain.words import request_words, state_report
from sidestep.prove.languages import Undecidable
from sidestep.prove.outcome import Outcome, outcome
from sidestep.prove.proof import Conclusion, Counterexample, Direction, Proof, Side, Undecided
from sidestep.prove.questions import Asked, Choices, choices
from sidestep.prove.ways import Way, Ways
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Answers, Http, Request, Tcp


class Leave(Flag):
    """Differences that are taken for fine."""

    NOTHING = 0
    SHAPE = auto()
    CLOSED = auto()


class Terms(Struct, frozen=True):
    """How to prove.

    Attributes:
        leave: presets of what is fine.
        budget: most requests asked on one way.
        namespaces: only destinations there; empty for all.
    """

    leave: Leave = Leave.SHAPE
    budget: int = 20_000
    namespaces: tuple[str, ...] = ()


def prove(before: MeshIndex, after: MeshIndex, terms: Terms = Terms(), step: str = "") -> Proof:  # noqa: B008
    """Whether two meshes mean the same."""
    run = _Run(before, after, terms, step)
    for way in Ways(before, terms.namespaces).all():
        run.compare(way)
    return run.proof()


class _Run:
    """One comparison of two meshes, and what it found."""

    def __init__(self, before: MeshIndex, after: MeshIndex, terms: Terms, step: str) -> None:
        self._before, self._after, self._terms, self._step = before, after, terms, step
        self._found: list[Counterexample] = []
        self._undecided: list[Undecided] = []
        self._ways = self._requests = 0

    def proof(self) -> Proof:
        """What came out."""
        open_ends = [each for each in self._found if not each.accepted]
        verdict = Conclusion.DIFFERS if open_ends else Conclusion.UNDECIDED if self._undecided else Conclusion.EQUAL
        return Proof(
            verdict,
            tuple(self._found),
            tuple(dict.fromkeys(self._undecided)),
            tuple(dict.fromkeys((*self._before.assumptions, *self._after.assumptions, *_ASSUMPTIONS))),
            1,
            self._ways,
            self._requests,
        )

    def compare(self, way: Way) -> None:
        """Both meshes on one way, for HTTP and for bytes as its port takes them."""
        self._ways += 1
        if way.protocol is not Declared.TCP:
            self._compare_http(way)
        if way.protocol is not Declared.HTTP:
            self._ask(way, [Tcp()])

    def _compare_http(self, way: Way) -> None:
        asked = [self._survey(index, way) for index in (self._before, self._after)]
        host = way.to
        try:
            found = choices(asked, host, self._before.settings.normalisation)
        except Undecidable as error:
            self._undecided.append(Undecided(_words(way), str(error), step=self._step))
            return
        if found.size > self._terms.budget:
            reason = f"{found.size:,} classes of requests are more than the budget of {self._terms.budget:,}"
            self._undecided.append(Undecided(_words(way), reason, step=self._step))
            return
        self._ask(way, _all(found), custom=any(policies.custom for each in asked for policies in each.policies))

    def _survey(self, index: MeshIndex, way: Way) -> Asked:
        """Everything that would judge HTTP on a way."""
        found = decide(index, Request(way.client, way.to, way.port, Http(), survey=True))
        policies: list[PolicySet] = []
        tokens: list[RequestPolicy] = []
        for branch in found.branches:
            for hop in branch.path:
                for check in hop.checks:
                    if isinstance(check.consulted, PolicySet):
                        policies.append(check.consulted)
                    elif check.consulted:
                        tokens += check.consulted
        service = index.services.by_host.get(way.service)
        conditions = index.routing.conditions(index.host(service)) if service is not None else ()
        return Asked(tuple(policies), tuple(tokens), conditions)

    def _ask(self, way: Way, payloads: Iterator[Http] | list[Tcp], *, custom: bool = False) -> None:
        """Every payload of both meshes; one counterexample for each direction is enough."""
        told: set[Direction] = set()
        for payload in payloads:
            for answers in (Answers.ALLOWS, Answers.DENIES) if custom else (Answers.UNSTATED,):
                request = Request(way.client, way.to, way.port, payload, answers)
                self._requests += 1
                one, other = decide(self._before, request), decide(self._after, request)
                direction = self._differs(way, outcome(one), outcome(other))
                if direction is not None and direction not in told:
                    told.add(direction)
                    self._found.append(self._counterexample(request, one, other, direction))

    def _differs(self, way: Way, one: Outcome, other: Outcome) -> Direction | None:
        """What the difference does; None where there is none, or where it cannot be told, which is noted."""
        if one.unknown or other.unknown:
            if one != other or one.reason:
                reason = one.reason or other.reason
                self._undecided.append(Undecided(_words(way), reason, step=self._step))
            return None
        if one.admitted is not other.admitted:
            return Direction.OPEN if other.admitted else Direction.CLOSED
        if one.admitted and one.where != other.where:
            return Direction.ROUTE
        return Direction.SHAPE if one.shape != other.shape else None

    def _counterexample(self, request: Request, one: Decision, other: Decision, direction: Direction) -> Counterexample:
        left = self._terms.leave
        accepted = {Direction.SHAPE: Leave.SHAPE, Direction.CLOSED: Leave.CLOSED}.get(direction, Leave.NOTHING)
        return Counterexample(
            request_words(request),
            (),
            _side(one, self._before),
            _side(other, self._after),
            direction,
            between(one, other),
            self._step,
            f"preset: {direction.value} is fine" if accepted and accepted in left else "",
        )


_ASSUMPTIONS = (
    "requests are those of HTTP/1 and HTTP/2 whose headers are sent once and whose claims are texts",
    "the Host header names what is dialled, unless a policy or a route asks for other names",
    "clients are those that were read, somebody without identity, and whoever is like them",
)


def _words(way: Way) -> str:
    return f"{way.words} to {way.to}:{way.port}"


def _all(found: Choices) -> Iterator[Http]:
    return found.requests()


def _side(decision: Decision, index: MeshIndex) -> Side:
    report = state_report("", decision, index.settings.bundle)
    path = tuple(f"{hop.proxy} of {hop.at} ({hop.mode})" for hop in report.path)
    return Side(report.verdict, report.shape, report.why, path)
