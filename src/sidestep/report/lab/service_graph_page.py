"""A lab's service graph as a page: the picture, and a table of everything that was told."""

from typing import Any

from markupsafe import Markup

from sidestep.lab.graph.result import Edge, ServiceGraph
from sidestep.report.html.frame import Frame, fill
from sidestep.report.lab.service_graph import NAME, marks, numbers, report, svg, way

_FRAME = Frame("service_graph.html", (), ("page.css", "bench.css", "graph.css", "service_graph.css"))
_SECURITY = {"mTLS": "mtls", "plain": "plain", "partly mTLS": "partly", "unknown": "unseen"}


def page(graph: ServiceGraph) -> str:
    """The page."""
    told = {
        "name": NAME,
        "over": f"over {graph.seconds:g} s" if graph.seconds else "since the lab came up",
        "per": "/s" if graph.seconds else "",
        "picture": Markup(svg(graph)),  # noqa: S704 - its words are escaped
        "edges": [_edge(each, graph.seconds) for each in graph.edges],
        "holes": graph.holes,
    }
    return fill(_FRAME, told, {})


def _edge(edge: Edge, seconds: float) -> dict[str, Any]:
    return {
        "client": edge.client,
        "server": edge.server,
        "through": way(edge),
        "seen": marks(edge).split(),
        "security": edge.security.value,
        "kind": _SECURITY[edge.security.value],
        "reports": [report(each) for each in edge.reports],
        **numbers(edge, seconds),
    }
