"""The answer to a question: what happens in each state of the mesh, and what differs between the first and the last."""

from collections.abc import Sequence

from msgspec import Struct

from sidestep.explain.asking import Asked, asked, in_another_state
from sidestep.explain.changes import changes
from sidestep.explain.explanation import DifferenceReport, Explanation
from sidestep.explain.question import Question
from sidestep.explain.words import client_words, request_words, state_report
from sidestep.model.mesh import Mesh
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision
from sidestep.semantics.index import MeshIndex

TODAY = "today"
PLANNED = "planned"
_GAPS_TOLD = 5


class State(Struct, frozen=True):
    """One state of a mesh.

    Attributes:
        name: `today`, `planned` or the number of a wave.
        index: the mesh in it.
        notes: what was taken for granted to know it.
    """

    name: str
    index: MeshIndex
    notes: tuple[str, ...] = ()


def explain(states: Sequence[State], question: Question) -> Explanation:
    """The whole answer; names mean what they mean in the first state.

    Raises:
        UsageError: a name is unknown or ambiguous, or the question contradicts itself.
    """
    return answer(states, asked(states[0].index, question))


def answer(states: Sequence[State], question: Asked) -> Explanation:
    """The whole answer to a request that is made already."""
    first = states[0].index
    moved = [in_another_state(first, state.index, question.request) for state in states]
    decisions = [decide(state.index, each.request) for state, each in zip(states, moved, strict=True)]
    reports = tuple(
        state_report(state.name, made, state.index.settings.bundle)
        for state, made in zip(states, decisions, strict=True)
    )
    notes = (note for state in states for note in state.notes)
    renewed = (note for each in moved for note in each.notes)
    granted = (note for made in decisions for note in made.assumptions)
    return Explanation(
        request_words(question.request),
        reports,
        _differences(states, decisions),
        tuple(dict.fromkeys((*question.notes, *renewed, *notes, *granted, *unread(first.mesh)))),
        client_words(question.request.client),
    )


def unread(mesh: Mesh) -> tuple[str, ...]:
    """What was not read, as far as an answer may depend on it."""
    told = [f"not read: {gap}" for gap in mesh.gaps[:_GAPS_TOLD]]
    more = len(mesh.gaps) - len(told)
    return (*told, *([f"not read: {more} more"] if more > 0 else []))


def _differences(states: Sequence[State], decisions: Sequence[Decision]) -> tuple[DifferenceReport, ...]:
    if len(states) < 2:
        return ()
    return changes(decisions[0], decisions[-1], states[-1].index.settings.bundle)
