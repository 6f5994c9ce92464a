"""Plans that people make without one, to be looked at: what they open and break is the reason for ours."""

from collections.abc import Callable, Iterator, Mapping

from sidestep.explain.answer import LABELS_ALONE
from sidestep.model.kinds import AUTHORIZATION_POLICY, GATEWAY
from sidestep.model.mesh import Mesh
from sidestep.plan.choreography import Move, Script, rollback_of, wave_steps
from sidestep.plan.document import Plan, Wave
from sidestep.plan.steps import Apply, Delete, Gate, Step, Wait
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Mode

POLICIES_FIRST, LATE_WAYPOINT = "policies-first", "late-waypoint"
Ours = Callable[[], Plan]
"""Makes the plan that we would make."""


def naive_plan(mesh: Mesh) -> Plan:
    """Everybody with a sidecar off it at once, behind no waypoint; everything else stays as it was."""
    moves = tuple(_movers(mesh))
    steps, refs = wave_steps(1, moves), tuple(move.workload for move in moves)
    pods = sum(move.pods for move in moves)
    wave = Wave(1, "labels alone", refs, pods, steps=_ids(steps), rollback=rollback_of(steps))
    return Plan(mesh.source.name, "", "", "Labels flipped and pods restarted.", waves=(wave,), steps=steps)


def policies_first(mesh: Mesh) -> Plan:
    """Policies that stand in the way are deleted, and then everybody moves; they are to be written anew at the end."""
    script = Script(1)
    for policy in mesh.of(AUTHORIZATION_POLICY):
        script.add(Delete(policy.id, policy.tree()), f"delete {policy.id}")
    return _of(mesh, "Policies deleted, then labels flipped.", tuple(script.steps), _moves(mesh, 2))


def late_waypoint(mesh: Mesh, ours: Plan) -> Plan:
    """What we would do, but in a hurry: nobody waits for anything, and the waypoints are made at the end."""
    first, then = Script(1), Script(2)
    for step in ours.steps:
        if _is_waypoint(step):
            then.add(step.effect, step.description)
        elif not isinstance(step.effect, Wait | Gate):
            first.add(step.effect, step.description)
    return _of(mesh, "All at once, and the waypoints at the end.", tuple(first.steps), tuple(then.steps))


GALLERY: Mapping[str, Callable[[Mesh, Ours], Plan]] = {
    LABELS_ALONE: lambda mesh, _: naive_plan(mesh),
    POLICIES_FIRST: lambda mesh, _: policies_first(mesh),
    LATE_WAYPOINT: lambda mesh, ours: late_waypoint(mesh, ours()),
}
"""By name."""


def _of(mesh: Mesh, summary: str, *waves: tuple[Step, ...]) -> Plan:
    listed = tuple(
        Wave(steps[0].wave, summary, steps=_ids(steps), rollback=rollback_of(steps)) for steps in waves if steps
    )
    return Plan(mesh.source.name, "", "", summary, waves=listed, steps=tuple(step for steps in waves for step in steps))


def _ids(steps: tuple[Step, ...]) -> tuple[str, ...]:
    return tuple(step.id for step in steps)


def _moves(mesh: Mesh, wave: int) -> tuple[Step, ...]:
    return wave_steps(wave, tuple(_movers(mesh)))


def _movers(mesh: Mesh) -> Iterator[Move]:
    index = MeshIndex.of(mesh)
    for workload in index.inventory.workloads:
        pods = index.workloads.get(workload.ref, ())
        if any(each.mode is Mode.SIDECAR for each in pods):
            template = workload.template
            labels = template.shape.labels if template else pods[0].labels
            yield Move(workload.ref, template.controller.id if template else None, labels, workload.pods)


def _is_waypoint(step: Step) -> bool:
    """What makes a waypoint: its Gateway, and what that names."""
    return isinstance(step.effect, Apply) and step.effect.object.kind in {GATEWAY.name, "ConfigMap"}
