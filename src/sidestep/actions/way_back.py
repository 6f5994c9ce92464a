"""The way back as steps of its own: what takes a wave back, in which order, and what must be back before what. Pure."""

from collections.abc import Iterable, Iterator

from msgspec import structs

from sidestep.errors import UsageError
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.document import Plan
from sidestep.plan.steps import Step, Wait, renewed, reverse

_Turn = tuple[WorkloadRef | None, list[Step]]
"""Steps that follow each other: a workload's template, rollout and wait, or one step that is no rollout."""


def waves_back(plan: Plan, first: int | None = None) -> tuple[int, ...]:
    """Waves that are taken back, in that order: from the last one to a first, or all."""
    return tuple(sorted((each.number for each in plan.waves if first is None or each.number >= first), reverse=True))


def taking_back(plan: Plan, number: int) -> tuple[Step, ...]:
    """Steps that take a wave back, in the order of its list; each has the id of the one that it takes back.

    Whatever is no rollout comes after all before it and before all after it. Of rollouts between two such steps the
    one comes after the other only where that needed it on the way there.

    Raises:
        UsageError: the plan has no such wave, or the wave lists a step that the plan does not have.
    """
    wave = next((each for each in plan.waves if each.number == number), None)
    if wave is None:
        raise UsageError(f"the plan has no wave {number}", remedy="name one of its waves")
    steps = {step.id: step for step in plan.steps}
    missing = next((name for name in wave.rollback if name not in steps), None)
    if missing is not None:
        raise UsageError(f"wave {number} takes back step {missing}, which the plan does not have", remedy="plan anew")
    turns = list(_turns(steps[name] for name in wave.rollback))
    needed = _needed([step for step in plan.steps if step.wave == number], turns)
    return tuple(_ordered(turns, needed))


def _turns(listed: Iterable[Step]) -> Iterator[_Turn]:
    turn: _Turn | None = None
    for step in listed:
        back = reverse(step.effect)
        if back is None:
            continue
        workload = renewed(step)
        if turn is not None and turn[0] is not None and _belongs(step, workload, turn[0]):
            turn[1].append(structs.replace(step, effect=back))
            continue
        if turn is not None:
            yield turn
        turn = (workload, [structs.replace(step, effect=back)])
    if turn is not None:
        yield turn


def _belongs(step: Step, workload: WorkloadRef | None, to: WorkloadRef) -> bool:
    return workload == to or (isinstance(step.effect, Wait) and step.effect.subject == str(to))


def _needed(steps: Iterable[Step], turns: Iterable[_Turn]) -> dict[int, set[int]]:
    """Rollouts that came after a rollout on the way there, by the places of their turns.

    Steps that have no way back, as gates, hand on what they came after.
    """
    turn_of = {step.id: place for place, (ref, turn) in enumerate(turns) if ref is not None for step in turn}
    handed: dict[str, set[int]] = {}
    later: dict[int, set[int]] = {}
    for step in steps:
        before = {turn_of[name] for name in step.after if name in turn_of}
        before.update(*(handed.get(name, ()) for name in step.after))
        place = turn_of.get(step.id)
        if place is not None:
            for each in before - {place}:
                later.setdefault(each, set()).add(place)
        elif reverse(step.effect) is None:
            handed[step.id] = before
    return later


def _ordered(turns: list[_Turn], needed: dict[int, set[int]]) -> Iterator[Step]:
    """Steps with what they come after; only what is listed before counts, so that nothing waits for itself."""
    barrier: tuple[str, ...] = ()
    since: list[str] = []
    for place, (workload, steps) in enumerate(turns):
        if workload is None:
            after = tuple(since) or barrier
        else:
            after = (*barrier, *(turns[each][1][-1].id for each in sorted(needed.get(place, ())) if each < place))
        for step in steps:
            yield structs.replace(step, after=after)
            after = (step.id,)
        if workload is None:
            barrier, since = after, []
        else:
            since += after
