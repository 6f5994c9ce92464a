"""What the plan's states foretell of each question, step by step, there and back. Pure.

Steps of a wave may be performed beside each other, in another order than the plan's; states follow the order in which
they were begun. A question is foretold to be decided otherwise during a step where it is so in the state before it or
in the one after it: while a step is performed there is both. A template's new labels bring new pods before anybody
restarts them. Where a rollout ends the last pod before the next is ready, whoever asks for it meets nobody.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import structs

from sidestep.actions.memory import apply, states, states_back
from sidestep.model.mesh import Mesh
from sidestep.model.templates import workload_templates
from sidestep.plan.document import Plan
from sidestep.plan.steps import SetLabels, Step, renewed
from sidestep.rehearse.question import Question
from sidestep.rehearse.traffic import verdict_of
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.rollouts import leaves_nobody

Names = frozenset[str]
"""Of questions that are decided otherwise than today, or of which that is not known."""
Foretold = Mapping[tuple[str, bool], Names]
"""By step, and whether it is taken back."""
_NOTHING: Names = frozenset()


def foretold(plan: Plan, mesh: Mesh, questions: Iterable[Question], begun: Iterable[str] = ()) -> Foretold:
    """What is decided otherwise while a step is performed, and while it is taken back.

    Args:
        plan: that is carried out.
        mesh: as it is.
        questions: that are asked all the time.
        begun: steps in the order in which they were begun; none for the plan's own.
    """
    asked = tuple(questions)
    place = {name: number for number, name in enumerate(begun)}
    steps = sorted(plan.steps, key=lambda step: place.get(step.id, len(place)))
    there = list(_judged(states(structs.replace(plan, steps=tuple(steps)), mesh), mesh, asked))
    back = list(_judged(states_back(plan, mesh), mesh, asked))
    last = _otherwise(apply(plan, mesh), mesh, asked)
    away = _away(plan, mesh, asked)
    return {
        **{(step, False): names | away.get(step, _NOTHING) for step, names in _meanwhile(there, _NOTHING)},
        **{(step, True): names | away.get(step, _NOTHING) for step, names in _meanwhile(back, last)},
    }


def _away(plan: Plan, mesh: Mesh, asked: tuple[Question, ...]) -> Mapping[str, Names]:
    """By step that makes pods anew: what only those answer, where none of them serves for a while."""
    templates = {template.workload: template for template in workload_templates(mesh)}
    found: dict[str, Names] = {}
    for step in plan.steps:
        workload = renewed(step)
        template = templates.get(workload) if workload else None
        if template is not None and leaves_nobody(template.controller, template.replicas):
            found[step.id] = frozenset(each.name for each in asked if each.allowed and each.servers == {workload})
    return found


def _judged(
    found: Iterable[tuple[Step, Mesh]], today: Mesh, asked: tuple[Question, ...]
) -> Iterator[tuple[Step, Names]]:
    """Each step with what is decided otherwise after it; a state is judged once."""
    state, names = today, _NOTHING
    for step, mesh in found:
        if mesh is not state:
            state, names = mesh, _otherwise(mesh, today, asked)
        yield step, names


def _otherwise(mesh: Mesh, today: Mesh, asked: tuple[Question, ...]) -> Names:
    if mesh is today:
        return _NOTHING
    index = MeshIndex.of(mesh)
    wanted = {True: Verdict.ALLOW, False: Verdict.DENY}
    return frozenset(each.name for each in asked if verdict_of(index, each).verdict is not wanted[each.allowed])


def _meanwhile(judged: list[tuple[Step, Names]], first: Names) -> Iterator[tuple[str, Names]]:
    before = first
    for place, (step, after) in enumerate(judged):
        early = isinstance(step.effect, SetLabels) and step.effect.template and place + 1 < len(judged)
        yield step.id, before | after | (judged[place + 1][1] if early else _NOTHING)
        before = after
