"""The answer to a question: what happens in each state of the mesh, and what differs between the first and the last."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

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
LABELS_ALONE = "labels"
"""Everybody off their sidecars by labels and restarts, and nothing else done."""
NOT_READ = "not read: "
"""How what is taken for granted of something that was not read begins."""
_GAPS_TOLD = 5


class State(Struct, frozen=True):
    """One state of a mesh.

    Attributes:
        name: `today`, `planned` or the number of a wave.
        index: the mesh in it.
        notes: what was taken for granted to know it.
        optional: worth telling only where it decides otherwise than the first state.
    """

    name: str
    index: MeshIndex
    notes: tuple[str, ...] = ()
    optional: bool = False


def explain(states: Sequence[State], question: Question) -> Explanation:
    """The whole answer; names mean what they mean in the first state.

    Raises:
        UsageError: a name is unknown or ambiguous, or the question contradicts itself.
    """
    return answer(states, asked(states[0].index, question))


def answer(states: Sequence[State], question: Asked) -> Explanation:
    """The whole answer to a request that is made already."""
    first = states[0].index
    moved = [in_another_state(first, state.index, question) for state in states]
    decisions = [decide(state.index, each.request) for state, each in zip(states, moved, strict=True)]
    shown = [at for at, each in enumerate(states) if not each.optional or _differ(decisions[at], decisions[0])]
    states = [states[at] for at in shown]
    moved, decisions = [moved[at] for at in shown], [decisions[at] for at in shown]
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


def _differ(one: Decision, other: Decision) -> bool:
    return one.verdict is not other.verdict


def unread(mesh: Mesh) -> tuple[str, ...]:
    """What was not read, as far as an answer may depend on it."""
    told = [f"{NOT_READ}{gap}" for gap in mesh.gaps[:_GAPS_TOLD]]
    more = len(mesh.gaps) - len(told)
    return (*told, *([f"{NOT_READ}{more} more"] if more > 0 else []))


def _differences(states: Sequence[State], decisions: Sequence[Decision]) -> tuple[DifferenceReport, ...]:
    """Between the first and the last state; before them, what labels alone would change."""
    found: list[DifferenceReport] = []
    for state, made in list(zip(states, decisions, strict=True))[1:]:
        own = changes(decisions[0], made, state.index.settings.bundle)
        if state.optional:
            found += [replace(each, text=f"by labels alone: {each.text}") for each in own]
        elif state is states[-1]:
            found += own
    return tuple(found)
