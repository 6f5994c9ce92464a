"""The call graph of a plan, coloured by the wave in which each workload moves."""

import re
from collections.abc import Iterator

from sidestep.model.call_graph import CallGraph
from sidestep.plan.document import Fate, Plan
from sidestep.report.call_graph import MOST_NODES
from sidestep.report.graph.mermaid import lines
from sidestep.report.graph.picture import Node, Picture, Shape, picture
from sidestep.report.graph.svg import COLORS, Tint
from sidestep.report.graph.svg import svg as drawn_as_svg

MOST_MERMAID_NODES = 150
_MOST_MERMAID_ARROWS = 450
"""Mermaid refuses 500 arrows and 50,000 letters unless it is told otherwise."""
_MESHED = frozenset(Fate) - {Fate.NONE}
_MOVING = (Shape.WORKLOAD, Shape.GATEWAY)
_WIDTH = re.compile(r'<svg [^>]* width="(\d+)"')
_STAYS = Tint("stays as it is", "#6b7280")


def mermaid(graph: CallGraph, plan: Plan) -> str:
    """A Mermaid flowchart with a class for each wave; namespaces alone where it would be too large to draw."""
    drawn = picture(graph, MOST_MERMAID_NODES)
    if len(drawn.arrows) > _MOST_MERMAID_ARROWS:
        drawn = picture(graph, 0)
    return "\n".join([*lines(drawn), *_classes(drawn, plan)])


def svg(graph: CallGraph, plan: Plan, name: str) -> str:
    """One self-contained SVG element; namespaces alone, and no waves, where it would be too large to follow."""
    drawn = picture(graph, MOST_NODES)
    tints = _tints(drawn, plan)
    return drawn_as_svg(drawn, name, tints or None)


def width(drawn: str) -> int:
    """Of an SVG, in points."""
    found = _WIDTH.search(drawn)
    return int(found[1]) if found else 0


def tint(wave: int | None) -> Tint:
    """Of a wave; that which prepares moves nobody, and has the colour of what stays."""
    return Tint(f"wave {wave}", COLORS[(wave - 1) % len(COLORS)]) if wave else _STAYS


def _classes(drawn: Picture, plan: Plan) -> Iterator[str]:
    members: dict[Tint, list[str]] = {}
    for node, tint in _tints(drawn, plan).items():
        members.setdefault(tint, []).append(node.id)
    for tint, ids in members.items():
        name = tint.word.replace(" ", "")
        yield f"  classDef {name} stroke:{tint.color},stroke-width:3px"
        yield f"  class {','.join(ids)} {name}"


def _tints(drawn: Picture, plan: Plan) -> dict[Node, Tint]:
    """By wave, the first wave first; workloads of which the plan says nothing have none."""
    wave_of = {(row.workload.namespace, row.workload.name): row.wave for row in plan.workloads if row.fate in _MESHED}
    moving = [
        (wave_of[key], node)
        for node in drawn.nodes
        if (key := (node.namespace, node.label)) in wave_of and node.shape in _MOVING
    ]
    return {node: tint(wave) for wave, node in sorted(moving, key=_late)}


def _late(pair: tuple[int | None, Node]) -> tuple[bool, int, Node]:
    wave, node = pair
    return wave is None, wave or 0, node
