"""The call graph of a plan, coloured by the wave in which each workload moves."""

from collections.abc import Iterator

from sidestep.model.call_graph import CallGraph
from sidestep.plan.document import Fate, Plan
from sidestep.report.graph.mermaid import lines
from sidestep.report.graph.picture import Node, Picture, picture

MOST_MERMAID_NODES = 150
_MOST_MERMAID_ARROWS = 450
"""Mermaid refuses 500 arrows and 50,000 letters unless it is told otherwise."""
_COLORS = ("#2563eb", "#047857", "#b45309", "#7c3aed", "#be123c", "#0e7490", "#4d7c0f", "#a21caf")
_STAYS = "#6b7280"


def color(wave: int | None) -> str:
    """Of a wave; grey where nobody moves."""
    return _STAYS if wave is None else _COLORS[(wave - 1) % len(_COLORS)]


def mermaid(report_graph: CallGraph, plan: Plan) -> str:
    """A Mermaid flowchart with a class for each wave; namespaces alone where it would be too large to draw."""
    drawn = picture(report_graph, MOST_MERMAID_NODES)
    if len(drawn.arrows) > _MOST_MERMAID_ARROWS:
        drawn = picture(report_graph, 0)
    return "\n".join([*lines(drawn), *_classes(drawn, plan)])


def moves(plan: Plan) -> dict[tuple[str, str], int | None]:
    """The wave of each workload by namespace and name; None for one in the mesh that stays as it is."""
    return {
        (row.workload.namespace, row.workload.name): row.wave for row in plan.workloads if row.fate is not Fate.NONE
    }


def _classes(drawn: Picture, plan: Plan) -> Iterator[str]:
    wave_of = moves(plan)
    members: dict[int | None, list[str]] = {}
    for node in drawn.nodes:
        if (node.namespace, node.label) in wave_of and _is_workload(node):
            members.setdefault(wave_of[node.namespace, node.label], []).append(node.id)
    for wave in sorted(members, key=lambda each: (each is None, each or 0)):
        name = "stays" if wave is None else f"wave{wave}"
        yield f"  classDef {name} stroke:{color(wave)},stroke-width:3px"
        yield f"  class {','.join(members[wave])} {name}"


def _is_workload(node: Node) -> bool:
    return node.shape.name in ("WORKLOAD", "GATEWAY")
