"""The plan that people make without one: labels flipped and pods restarted, everything else as it was.

It is here to be looked at: what it opens and what it breaks is the reason for the real one.
"""

from sidestep.model.mesh import Mesh
from sidestep.plan.choreography import Move, wave_steps
from sidestep.plan.document import Plan, Wave
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Mode


def naive_plan(mesh: Mesh) -> Plan:
    """Everybody with a sidecar off it at once, behind no waypoint."""
    index = MeshIndex.of(mesh)
    moves = []
    for workload in index.inventory.workloads:
        pods = index.workloads.get(workload.ref, ())
        if not any(each.mode is Mode.SIDECAR for each in pods):
            continue
        template = workload.template
        labels = template.shape.labels if template else pods[0].labels
        moves.append(Move(workload.ref, template.controller.id if template else None, labels, workload.pods))
    steps = wave_steps(1, tuple(moves))
    refs = tuple(move.workload for move in moves)
    wave = Wave(1, "labels alone", refs, sum(move.pods for move in moves), steps=tuple(step.id for step in steps))
    return Plan(mesh.source.name, "", "", "Labels flipped and pods restarted.", waves=(wave,), steps=steps)
