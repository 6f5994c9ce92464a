"""A lab's service graph: as a table, in Mermaid's language, and as a picture."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from sidestep.lab.graph.result import Edge, Mesh, Node, Report, Security, ServiceGraph
from sidestep.lab.graph.sightings import Layer
from sidestep.report.graph.mermaid import lines
from sidestep.report.graph.picture import Arrow, Picture, Shape, Stroke, short
from sidestep.report.graph.picture import Node as Drawn
from sidestep.report.graph.svg import Tint
from sidestep.report.graph.svg import svg as drawn_as_svg
from sidestep.report.lab.tables import Cell, table

NAME = "Who calls whom, and who saw it"
_MARKS = {Layer.L4: "L4", Layer.L7: "L7", Layer.APPLICATION: "app"}
_STROKES = {
    Security.MTLS: Stroke("mTLS all the way", color="#047857"),
    Security.PARTLY: Stroke("mTLS on part of the way", dashed=True, color="#b45309"),
    Security.PLAIN: Stroke("plain", dashed=True, color="#be123c"),
    Security.UNKNOWN: Stroke("no proxy saw it", dashed=True),
}
_TINTS = {
    Mesh.SIDECAR: Tint("sidecar", "#2563eb"),
    Mesh.AMBIENT: Tint("ambient", "#047857"),
    Mesh.GATEWAY: Tint("gateway", "#7c3aed"),
    Mesh.WAYPOINT: Tint("waypoint", "#0e7490"),
    Mesh.NONE: Tint("no mesh", "#64748b"),
}
_MIXED = Tint("of several kinds", "#b45309")
_COUNTED = ("requests", "connections", "calls", "failed")
_LAYERS = {Layer.L4: "connections", Layer.L7: "requests", Layer.APPLICATION: "calls"}


def text(graph: ServiceGraph, width: int | None = None) -> str:
    """A line for each edge, then what is missing.

    Args:
        graph: what was seen.
        width: of the terminal; None for none.
    """
    if not graph.edges:
        return "nobody called anybody\n"
    rows = [{"edge": each, "seconds": graph.seconds} for each in graph.edges]
    shown = table(rows, _columns(graph), width)
    return shown + "".join(f"hole: {each}\n" for each in graph.holes)


def mermaid(graph: ServiceGraph) -> str:
    """A flowchart."""
    return "\n".join(lines(picture(graph))) + "\n"


def svg(graph: ServiceGraph) -> str:
    """One self-contained element."""
    drawn = picture(graph)
    return drawn_as_svg(drawn, NAME, _tints(graph))


def marks(edge: Edge) -> str:
    """By what it was seen."""
    return " ".join(_MARKS[each] for each in edge.seen)


def numbers(edge: Edge, seconds: float) -> dict[str, str]:
    """What was counted, each as text; empty for what nobody counts."""
    return {
        "requests": _number(edge.requests, seconds),
        "connections": _number(edge.connections, seconds),
        "calls": _number(edge.calls, seconds),
        "failed": _number(max(edge.failed, edge.calls_failed), seconds),
    }


def way(edge: Edge) -> str:
    """What it passes."""
    return ", ".join(edge.through)


def _columns(graph: ServiceGraph) -> dict[str, Cell]:
    """Under each heading what stands there; without waypoints none of them."""
    per = "/s" if graph.seconds else ""
    told: dict[str, Cell] = {
        "CLIENT": lambda row: str(row["edge"].client),
        "SERVER": lambda row: str(row["edge"].server),
        "THROUGH": lambda row: way(row["edge"]),
        "SEEN BY": lambda row: marks(row["edge"]),
        "SECURITY": lambda row: str(row["edge"].security.value),
    }
    if not any(each.through for each in graph.edges):
        del told["THROUGH"]
    return told | {f"{name.upper()}{per}": partial(_counted, name) for name in _COUNTED}


def _counted(name: str, row: Mapping[str, Any]) -> str:
    return numbers(row["edge"], row["seconds"])[name]


def _number(value: int | None, seconds: float) -> str:
    if value is None:
        return ""
    return short(value / seconds) if seconds and value else f"{value:,}"


def picture(graph: ServiceGraph) -> Picture:
    """What is drawn."""
    nodes = {_key(each): _drawn(each) for each in graph.nodes}
    arrows = [_arrow(each, nodes, graph.seconds) for each in graph.edges]
    return Picture(tuple(sorted(nodes.values())), tuple(sorted(arrows, key=lambda each: (each.source, each.target))))


def _drawn(node: Node) -> Drawn:
    shape = Shape.GATEWAY if node.mesh == (Mesh.GATEWAY,) else Shape.WORKLOAD if node.namespace else Shape.OUTSIDE
    told = " and ".join(_TINTS[each].word for each in node.mesh if each in _TINTS) or "has no pods now"
    return Drawn(node.namespace, node.name or "unknown", shape, "" if shape is Shape.OUTSIDE else told)


def _arrow(edge: Edge, nodes: dict[str, Drawn], seconds: float) -> Arrow:
    count = next((each for each in (edge.requests, edge.calls, edge.connections) if each is not None), None)
    rate = count / seconds if count is not None and seconds else None
    much = f"{short(rate)}/s" if rate else f"{short(count)}" if count else ""
    label = f"{marks(edge)}{' · ' if much else ''}{much}"
    note = f"via {', '.join(each.rpartition('/')[2] for each in edge.through)}" if edge.through else ""
    source, target = nodes[edge.client], nodes[edge.server]
    return Arrow(source, target, label, "\n".join(_told(edge)), rate, _STROKES[edge.security], note)


def _told(edge: Edge) -> Iterator[str]:
    through = f" through {way(edge)}" if edge.through else ""
    yield f"{edge.client} calls {edge.server}{through}: {edge.security.value}"
    yield from map(report, edge.reports)


def report(told: Report) -> str:
    """What one kind of observer told, in a line."""
    part = f" to {told.towards}" if told.towards else f" from {told.behind}" if told.behind else ""
    failed = f", {told.failed:,} failed" if told.failed else ""
    secured = {True: ", mTLS", False: ", plain", None: ""}[told.secured]
    return f"{_MARKS[told.layer]} ({told.reporter}{part}): {told.count:,} {_LAYERS[told.layer]}{failed}{secured}"


def _key(node: Node) -> str:
    return f"{node.namespace}/{node.name}" if node.namespace else node.name or "unknown"


def _tints(graph: ServiceGraph) -> dict[Drawn, Tint]:
    found = {}
    for node in graph.nodes:
        known = [_TINTS[each] for each in node.mesh if each in _TINTS]
        if known:
            found[_drawn(node)] = known[0] if len(known) == 1 else _MIXED
    return found
