"""The world in memory: what a plan makes of a mesh, step by step, with nobody asked and nothing touched.

What a cluster does by itself is done as a cluster does it: running pods are captured as soon as labels ask for it,
a sidecar stays until its pod is made anew, the next pods get what the injector now decides, and a waypoint serves
nothing before it is ready. Taken for granted is what a plan requires before its first step: istio-cni and ztunnel on
every node. Pods of controllers that a plan makes or deletes do not follow.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from sidestep.actions.in_memory.working_copy import WorkingCopy
from sidestep.actions.way_back import taking_back, waves_back
from sidestep.errors import UsageError
from sidestep.model.mesh import Mesh
from sidestep.plan.document import Plan
from sidestep.plan.steps import Step


class Inapplicable(Struct, frozen=True, rename="camel"):
    """A step that does not fit the mesh: it was left out, and those after it were not.

    Attributes:
        step: its id.
        reason: what stands against it, in words.
    """

    step: str
    reason: str


def apply(plan: Plan, mesh: Mesh, until: str | int | None = None) -> Mesh:
    """The mesh after a plan, or after a part of it; steps that do not fit are left out (see `problems`).

    Args:
        plan: what is done.
        mesh: to what; it stays as it is.
        until: the last step, by its id, or the last wave, by its number; None for all of them.

    Raises:
        UsageError: the plan has no such step or wave.
    """
    copy = WorkingCopy(mesh)
    for step in _until(plan, until):
        copy.perform(step.effect)
    return copy.mesh()


def states(plan: Plan, mesh: Mesh) -> Iterator[tuple[Step, Mesh]]:
    """Every step with the mesh after it; one that changes nothing gives the same mesh again."""
    copy, last = WorkingCopy(mesh), mesh
    for step in plan.steps:
        copy.perform(step.effect)
        now = copy.mesh()
        last = last if _same(last, now) else now
        yield step, last


def states_back(plan: Plan, mesh: Mesh) -> Iterator[tuple[Step, Mesh]]:
    """Every step that is taken back, the last wave first, with the mesh after that; it begins where the plan ends."""
    copy, last = WorkingCopy(apply(plan, mesh)), mesh
    for wave in waves_back(plan):
        for step in taking_back(plan, wave):
            copy.perform(step.effect)
            now = copy.mesh()
            last = last if _same(last, now) else now
            yield step, last


def problems(plan: Plan, mesh: Mesh) -> tuple[Inapplicable, ...]:
    """Steps that do not fit the mesh as those before them leave it, in order; none for a plan that was made of it."""
    copy = WorkingCopy(mesh)
    found = ((step, copy.perform(step.effect)) for step in plan.steps)
    return tuple(Inapplicable(step.id, refusal.reason) for step, refusal in found if refusal is not None)


def rollback(plan: Plan, mesh: Mesh, wave: int) -> Mesh:
    """The mesh after a wave was taken back, by its own list, in its order; what was not done is not taken back.

    Controllers whose template changed on the way have replaced their pods at the end, as they do by themselves.

    Args:
        plan: that the wave is of.
        mesh: after the wave, or after a part of it.
        wave: its number.

    Raises:
        UsageError: the plan has no such wave, or the wave lists a step that the plan does not have.
    """
    copy = WorkingCopy(mesh)
    for step in taking_back(plan, wave):
        copy.perform(step.effect)
    copy.roll_out()
    return copy.mesh()


def _until(plan: Plan, until: str | int | None) -> Iterable[Step]:
    match until:
        case None:
            return plan.steps
        case int():
            if until not in {wave.number for wave in plan.waves} | {step.wave for step in plan.steps}:
                raise UsageError(f"the plan has no wave {until}", remedy="name one of its waves")
            return [step for step in plan.steps if step.wave <= until]
        case str():
            ids = [step.id for step in plan.steps]
            if until not in ids:
                raise UsageError(f"the plan has no step {until}", remedy="name one of its steps")
            return plan.steps[: ids.index(until) + 1]


def _same(before: Mesh, after: Mesh) -> bool:
    return before.pods is after.pods and before.resources is after.resources and before.others is after.others
