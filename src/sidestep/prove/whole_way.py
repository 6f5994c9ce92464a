"""Every difference on one way, where the prover shows one of each direction.

Who accepts a difference by its path, method or code has looked at one request; the others on its way may still differ.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property

from msgspec import Struct

from sidestep.explain.words import client_words
from sidestep.prove.counterexample import Circumstance, counterexample
from sidestep.prove.expressions import Undecidable
from sidestep.prove.pairs import Pairs
from sidestep.prove.proof import Counterexample, Direction
from sidestep.prove.prover import Run, Terms, requests
from sidestep.prove.streams import streams
from sidestep.prove.ways import Way
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Answers, Http, Tcp

_ANSWERS = (Answers.UNSTATED, Answers.ALLOWS, Answers.DENIES)
_Line = tuple[str, str, int]


class TwoMeshes(Struct, frozen=True, dict=True):
    """What is held against each other.

    Attributes:
        before: the first mesh.
        after: the second.
        terms: of the comparison.
        step: of a plan, after which the second is.
    """

    before: MeshIndex
    after: MeshIndex
    terms: Terms
    step: str = ""

    def differences(self, example: Counterexample) -> Iterator[Counterexample]:
        """Every class of requests that differs on the way of a counterexample.

        Raises:
            Undecidable: there are too many.
        """
        about = example.subject
        for way in self._by_line.get((about.who, about.host, about.port), ()):
            for payload, answers in self._payloads(way):
                direction = self._run.direction(way, payload, answers)
                if isinstance(direction, Direction):
                    asked = requests(way, payload, answers)
                    found = Circumstance(self.terms.assume, self.step)
                    yield counterexample((self.before, self.after), asked, direction, found)

    @cached_property
    def _run(self) -> Run:
        return Run(self.before, self.after, self.terms, self.step)

    @cached_property
    def _pairs(self) -> Pairs:
        return Pairs(self.before, self.after, self._run.ways, self.terms.assume)

    @cached_property
    def _by_line(self) -> Mapping[_Line, tuple[Way, ...]]:
        """Ways by the words for their client, and by what is dialled."""
        found: dict[_Line, list[Way]] = {}
        for way in self._run.ways.all():
            found.setdefault((client_words(way.other), way.to, way.port), []).append(way)
        return {line: tuple(ways) for line, ways in found.items()}

    def _payloads(self, way: Way) -> Iterator[tuple[Http | Tcp, Answers]]:
        """Everything that both meshes can tell apart on a way."""
        if way.protocol not in (Declared.TCP, Declared.UDP):
            for pair in self._pairs.different(way):
                found = self._pairs.choices(pair)
                if found.size > self.terms.budget:
                    raise Undecidable(f"{found.size:,} classes of requests are more than the budget")
                for payload in found.requests():
                    yield from ((payload, each) for each in (_ANSWERS if found.custom else _ANSWERS[:1]))
        if way.protocol not in (Declared.HTTP, Declared.UDP):
            guards = self._run.ways.guards
            for stream in streams((guards[0], guards[-1]), way):
                yield from ((stream, each) for each in _ANSWERS)
