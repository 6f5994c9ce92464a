"""`sidestep lab graph`: who calls whom, by what that was seen, and how secured it is."""

import click
import msgspec

from sidestep.cli.lab.choices import client, lab_name, terminal_width
from sidestep.cli.options import Duration
from sidestep.cli.output import check_writable, emit, look
from sidestep.lab.api import messages as api
from sidestep.lab.graph.result import ServiceGraph
from sidestep.report.json_document import render as json_document
from sidestep.report.lab import service_graph

_FORMATS = ("table", "json", "mermaid", "svg", "html")


@click.command("graph")
@click.option("--over", type=Duration(), metavar="TIME", help="Look from now on so long, and tell rates.")
@click.option("-o", "--output", type=click.Choice(_FORMATS), default="table", help="Format.")
@click.option("--out", metavar="FILE", help="Write there instead of to stdout.")
@lab_name
def graph(over: float | None, output: str, out: str | None, lab: str) -> int:
    """Join what node proxies, sidecars, waypoints and applications saw into one graph of who calls whom.

    Connections that node proxies saw (L4) are put together with requests of sidecars and waypoints (L7) and spans of
    applications (app), across waypoints too. Exits with 2 where something was seen at one side of a waypoint only.
    """
    if out:
        check_writable(out)
    seconds = over or 0.0
    found = msgspec.convert(client(lab, seconds + 60).ask(api.Graph(seconds)), ServiceGraph)
    emit(_shown(found, output, None if out else terminal_width()), out)
    return 2 if found.holes else 0


def _shown(found: ServiceGraph, output: str, width: int | None) -> str:
    match output:
        case "json":
            return json_document(found, look(no_color=True, to_file=True))
        case "mermaid":
            return service_graph.mermaid(found)
        case "svg":
            return service_graph.svg(found)
        case "html":
            from sidestep.report.lab.service_graph_page import page  # noqa: PLC0415 - templates are for who wants a page

            return page(found)
        case _:
            return service_graph.text(found, width)
