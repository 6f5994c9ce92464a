"""Every difference on one way, where the prover shows one of each direction.

Who accepts a difference by its path, method or code has looked at one request; the others on its way may still differ.
"""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.explain.differences import between
from sidestep.explain.words import request_words, state_report
from sidestep.prove.asked_again import explain_arguments
from sidestep.prove.classes import Line, classes
from sidestep.prove.outcome import Outcome, outcome
from sidestep.prove.proof import Counterexample, Direction, Side
from sidestep.prove.ways import Way, Ways
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Request


class TwoMeshes(Struct, frozen=True, dict=True):
    """What is held against each other.

    Attributes:
        before: the first mesh.
        after: the second.
        budget: most requests asked on one way.
        step: of a plan, after which the second is.
    """

    before: MeshIndex
    after: MeshIndex
    budget: int = 20_000
    step: str = ""

    def differences(self, words: str) -> Iterator[Counterexample]:
        """Every class of requests that differs on the way that a request in words takes.

        Raises:
            Undecidable: there are too many.
        """
        for way in Ways(self.before).all():
            if _takes(way, words):
                line = Line(way.client, way.to, way.port, way.protocol)
                for request in classes((self.before, self.after), line, self.budget):
                    yield from self._difference(request)

    def _difference(self, request: Request) -> Iterator[Counterexample]:
        one, other = decide(self.before, request), decide(self.after, request)
        direction = direction_of(outcome(one), outcome(other))
        if direction is not None:
            yield Counterexample(
                request_words(request),
                explain_arguments(request),
                _side(one, self.before),
                _side(other, self.after),
                direction,
                between(one, other),
                self.step,
            )


def direction_of(one: Outcome, other: Outcome) -> Direction | None:
    """What a difference does; None where there is none, or where it cannot be told."""
    if one.unknown or other.unknown:
        return None
    if one.admitted is not other.admitted:
        return Direction.OPEN if other.admitted else Direction.CLOSED
    if one.admitted and one.where != other.where:
        return Direction.ROUTE
    return Direction.SHAPE if one.shape != other.shape else None


def _takes(way: Way, words: str) -> bool:
    """Whether a request in words takes a way: the same client, and the same that is dialled."""
    same = request_words(Request(way.client, way.to, way.port))
    who = same.partition(" sends ")[0]
    dialled = f" to {way.to}:{way.port}"
    return words.startswith((f"{who} sends ", f"{who} opens ")) and f"{words} ".find(f"{dialled} ") >= 0


def _side(decision: Decision, index: MeshIndex) -> Side:
    report = state_report("", decision, index.settings.bundle)
    path = tuple(f"{hop.proxy} of {hop.at} ({hop.mode})" for hop in report.path)
    return Side(report.verdict, report.shape, report.why, path)
