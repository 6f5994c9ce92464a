"""Who calls whom, drawn: Mermaid for a pull request, SVG for a page."""

from sidestep.model.call_graph import CallGraph
from sidestep.report.graph import svg as drawn
from sidestep.report.graph.mermaid import lines
from sidestep.report.graph.picture import picture

MOST_NODES = 300
"""More than a person can follow; beyond it, namespaces stand for their workloads."""


def mermaid(graph: CallGraph, most: int | None = MOST_NODES) -> str:
    """A Mermaid flowchart: namespaces as subgraphs, dotted where a call was only inferred, ids that stay.

    Args:
        graph: what is drawn.
        most: with more nodes than so many, only namespaces; None for all.
    """
    return "\n".join(lines(picture(graph, most))) + "\n"


def svg(graph: CallGraph, name: str = "Who calls whom", most: int | None = MOST_NODES) -> str:
    """One self-contained SVG element, the same bytes for the same graph.

    Args:
        graph: what is drawn.
        name: its title.
        most: with more nodes than so many, only namespaces; None for all.
    """
    return drawn.svg(picture(graph, most), name)
