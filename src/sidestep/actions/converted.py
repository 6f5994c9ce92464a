"""The mesh that a conversion makes: its objects applied stage by stage, and its pods moved as the plan moves them."""

from collections.abc import Iterable

from sidestep.actions.in_memory.working_copy import WorkingCopy
from sidestep.actions.stages import LATE, Stage
from sidestep.model.kinds import GATEWAY
from sidestep.model.mesh import Mesh, SourceKind
from sidestep.plan.document import Plan
from sidestep.plan.steps import Apply, Delete, Restart, SetLabels, Wait, WaitFor
from sidestep.semantics.waypoints import is_waypoint_gateway


def converted(plan: Plan, found: Iterable[Stage], mesh: Mesh) -> Mesh:
    """A mesh after all stages, with everybody moved who moves.

    Args:
        plan: whose steps restart pods and wait.
        found: the stages (see `actions.stages`).
        mesh: as it is.
    """
    copy = WorkingCopy(mesh)
    for stage in found:
        _apply(copy, stage)
        for step in plan.steps:
            due = step.wave >= stage.wave if stage.name == LATE else step.wave == stage.wave
            if due and isinstance(step.effect, SetLabels | Restart | Wait):
                copy.perform(step.effect)
    copy.roll_out()
    return copy.mesh()


def running(mesh: Mesh) -> Mesh:
    """A mesh of manifests with its waypoints ready: files cannot say it, and the plan waits until they are.

    The same mesh where none is in doubt: what has a status has said it.
    """
    untold = [each for each in mesh.of(GATEWAY) if is_waypoint_gateway(each) and not each.view.status]
    if mesh.source.kind is not SourceKind.FILES or not untold:
        return mesh
    copy = WorkingCopy(mesh)
    for gateway in untold:
        named = f"{gateway.meta.namespace}/{gateway.meta.name}"
        copy.perform(Wait(WaitFor.WAYPOINT_READY, named, 0))
    return copy.mesh()


def _apply(copy: WorkingCopy, stage: Stage) -> None:
    for each in stage.objects:
        if each.after is not None:
            copy.perform(Apply(each.object, each.after, each.before))
        elif each.before is not None:
            copy.perform(Delete(each.object, each.before))
