"""The plan itself, without the call graph, as YAML."""

from sidestep.report import yaml_document
from sidestep.report.formats import Look
from sidestep.report.plan.report import PlanReport


def render(report: PlanReport, look: Look) -> str:
    """The same document as JSON, in the same order."""
    return yaml_document.render(report.plan, look)
