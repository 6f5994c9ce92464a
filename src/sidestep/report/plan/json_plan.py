"""The plan itself, without the call graph, as JSON."""

from sidestep.report import json_document
from sidestep.report.formats import Look
from sidestep.report.plan.report import PlanReport


def render(report: PlanReport, look: Look) -> str:
    """The document, by `docs/schemas/plan.json`."""
    return json_document.render(report.plan, look)
