"""One mesh held against others, one after the other: what differs, what is accepted, and which invariants hold."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.explain.answer import unread
from sidestep.model.kinds import KINDS
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.prove.accepted import Acceptance, verdict
from sidestep.prove.asked_again import asked_alone
from sidestep.prove.findings import DecidingObject, InvariantResult, Standing
from sidestep.prove.invariants import ASSUMED, Inquiry
from sidestep.prove.outcome import Assume
from sidestep.prove.proof import Conclusion, Counterexample, Proof, Undecided
from sidestep.prove.prover import Kept, Terms, assumptions, prove
from sidestep.prove.remembered import Recollection
from sidestep.prove.states import Begun, Findings, Journey, Part, Share
from sidestep.prove.whole_way import TwoMeshes
from sidestep.semantics.index import MeshIndex

_AHEAD = 200
"""States that this part may be ahead of others, so that nobody waits for those whose namespaces come later."""
_NAMED = re.compile(r"\b[A-Z][A-Za-z]+ [a-z0-9.-]+(?:/[a-zA-Z0-9.-]+)?(?<![.-])")


class State(Struct, frozen=True):
    """A mesh with a name.

    Attributes:
        name: of the state; a step's id where it is one of a plan.
        index: the mesh in it.
        read: the mesh as it was read, where its index shares objects with another one.
    """

    name: str
    index: MeshIndex
    read: Mesh | None = None


class Walk:
    """Visits states and gathers what is found.

    Args:
        first: that the others are held against; its own invariants are asked too.
        terms: of the comparison.
        acceptance: of differences.
        inquiry: invariants.
        steps: whether the states are steps of a plan, which counterexamples then name.
        share: asks namespaces, in this process or in several.
        part: which destinations it asks in states of a plan; who visits them gives it what the others found.
        kept: what earlier comparisons with the same first mesh found out.
    """

    def __init__(  # noqa: PLR0913 - what is asked, and by whom
        self,
        first: State,
        terms: Terms,
        acceptance: Acceptance,
        inquiry: Inquiry,
        *,
        steps: bool,
        share: Share = map,
        part: Part = Part(),  # noqa: B008
        kept: Kept | None = None,
    ) -> None:
        self._share = share
        self._first, self._terms, self._acceptance, self._inquiry = first, terms, acceptance, inquiry
        self._steps = steps
        self._found: dict[tuple[str, str], Counterexample] = {}
        self._undecided: dict[tuple[str, str], Undecided] = {}
        self._assumptions: dict[str, None] = {}
        self._objects: dict[str, DecidingObject] = {}
        self._journey = Journey(first.index, terms, part, kept)
        self._begun: deque[tuple[State, Begun]] = deque()
        self._ahead = 0 if terms.most or inquiry.results() else _AHEAD
        self._compared = [first.name]
        self._ways = self._requests = self._more = 0
        self._note(first.index)

    @property
    def first(self) -> MeshIndex:
        """What the others are held against."""
        return self._first.index

    def ask(self, index: MeshIndex, name: str, read: Mesh | None = None) -> None:
        """Ask the invariants of a state, as it was read; a mesh that is asked alone needs no name."""
        self._inquiry.ask(index, name)
        if self._inquiry.results():
            asked = assumptions(self._terms.assume & (Assume.HOSTS | Assume.NODES))
            self._assumptions.update(dict.fromkeys((*asked, ASSUMED)))
        self._remember(self._inquiry.words(), read or index.mesh)

    def visit(self, state: State, known: Recollection | None = None) -> None:
        """Hold a state against the first.

        Args:
            state: the other mesh.
            known: what is remembered of it, where it is no step.
        """
        self._learn(state, self._held_against(state, known))

    def follow(self, state: State, others: Iterator[Iterable[Findings]]) -> None:
        """The same of a step of a plan of which other parts ask theirs: they may be some states behind.

        Args:
            state: the other mesh.
            others: what the other parts found, state by state.
        """
        self._begun.append((state, self._journey.begin(state.name, state.index)))
        if len(self._begun) > self._ahead:
            self._take_in(others)

    def catch_up(self, others: Iterator[Iterable[Findings]]) -> None:
        """Wait for what other parts find in the last states that were followed."""
        while self._begun:
            self._take_in(others)

    def _take_in(self, others: Iterator[Iterable[Findings]]) -> None:
        state, begun = self._begun.popleft()
        self._learn(state, begun.proof(next(others)))

    def _learn(self, state: State, proof: Proof) -> None:
        """What came out of a state."""
        step = state.name if self._steps else ""
        two = TwoMeshes(self._first.index, state.index, self._terms, step)
        proof = self._acceptance.accept(proof, self._first.index, two.differences)
        for example in proof.counterexamples:
            if self._found.setdefault((example.request, example.direction.value), example) is example:
                self._remember([example.before.why, *example.changed], self._first.index.mesh)
                self._remember([example.after.why, *example.changed], state.read or state.index.mesh)
        for each in proof.undecided:
            self._undecided.setdefault((each.where, each.reason), each)
        self._assumptions.update(dict.fromkeys(proof.assumptions))
        self._note(state.index)
        self._compared.append(state.name)
        self._ways, self._requests = max(self._ways, proof.ways), self._requests + proof.requests
        self._more += proof.more

    def _held_against(self, state: State, known: Recollection | None) -> Proof:
        first = self._first.index
        if self._steps:
            return self._journey.visit(state.name, state.index)
        if self._terms.most:
            return prove(first, state.index, self._terms, fine=lambda each: self._acceptance.accepts(each, first))
        return self._journey.recall(state.index, known, self._share)

    @property
    def is_enough(self) -> bool:
        """Whether as much was found as is wanted, so that nothing more need be asked."""
        differ = sum(not each.accepted for each in self._found.values())
        violated = (each.standing is Standing.VIOLATED for each in self._inquiry.results())
        return bool(self._terms.most) and (differ >= self._terms.most or any(violated))

    def proof(self) -> Proof:
        """What came out."""
        found, undecided = tuple(self._found.values()), tuple(self._undecided.values())
        invariants = self._inquiry.results()
        return Proof(
            worst(verdict(found, undecided), invariants),
            found,
            undecided,
            tuple(self._assumptions),
            len(self._compared) - 1 or 1,
            self._ways,
            self._requests,
            findings=self._acceptance.findings() if self._compared[1:] and not self.is_enough else (),
            invariants=invariants,
            objects=tuple(self._objects.values()),
            compared=tuple(self._compared),
            more=self._more,
            ended_early=self.is_enough,
        )

    def _note(self, index: MeshIndex) -> None:
        self._assumptions.update(dict.fromkeys((*unread(index.mesh), *index.assumptions)))

    def _remember(self, words: Iterable[str], mesh: Mesh) -> None:
        """Objects that words name, as they were where they are named first."""
        for text in words:
            for name in sorted(set(_NAMED.findall(text)) - self._objects.keys()):
                for each in _called(mesh, name):
                    self._objects.setdefault(name, DecidingObject(each.id, each.origin))


def worst(found: Conclusion, invariants: Iterable[InvariantResult]) -> Conclusion:
    """The verdict with that of invariants: one that is violated counts like a difference."""
    standing = {each.standing for each in invariants}
    if found is Conclusion.DIFFERS or Standing.VIOLATED in standing:
        return Conclusion.DIFFERS
    undecided = found is Conclusion.UNDECIDED or Standing.UNDECIDED in standing
    return Conclusion.UNDECIDED if undecided else Conclusion.EQUAL


def with_commands(proof: Proof, where: dict[str, tuple[str, ...]], otherwise: tuple[str, ...] | None) -> Proof:
    """With what is to be added to commands, by step, so that they ask the mesh that answers otherwise.

    Args:
        proof: of which.
        where: arguments by step.
        otherwise: for steps that have none of their own, so that the second mesh is asked for itself; None where no
            command can ask them.
    """

    def completed(command: tuple[str, ...], step: str) -> tuple[str, ...]:
        if not command:
            return ()
        if step in where:
            return (*command, *where[step])
        return (*asked_alone(command), *otherwise) if otherwise is not None else ()

    return replace(
        proof,
        counterexamples=tuple(
            replace(each, command=completed(each.command, each.step)) for each in proof.counterexamples
        ),
        invariants=tuple(replace(each, command=completed(each.command, each.step)) for each in proof.invariants),
    )


def _called(mesh: Mesh, name: str) -> Iterator[Resource[Any]]:
    kind, _, rest = name.partition(" ")
    namespace, _, own = rest.rpartition("/")
    found = (mesh.find(each, namespace, own) for each in KINDS if each.name == kind)
    yield from (each for each in found if each is not None)
