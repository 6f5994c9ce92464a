"""One row per workload, for spreadsheets; docs/output.md names the columns."""

from sidestep.plan.document import WorkloadPlan
from sidestep.report.csv_rows import csv_text
from sidestep.report.formats import Look
from sidestep.report.plan.report import PlanReport

COLUMNS = (
    "namespace",
    "kind",
    "name",
    "pods",
    "today",
    "fate",
    "confidence",
    "wave",
    "differences",
    "reasons",
    "way_out",
    "override",
)


def render(report: PlanReport, _look: Look) -> str:
    """A header and one row per workload; several reasons and codes share a cell."""
    return csv_text(COLUMNS, map(_row, report.plan.workloads))


def _row(row: WorkloadPlan) -> tuple[object, ...]:
    return (
        row.workload.namespace,
        row.workload.kind,
        row.workload.name,
        row.pods,
        row.today,
        row.fate.value,
        row.confidence.value,
        "" if row.wave is None else row.wave,
        " ".join(row.differences),
        "; ".join(reason.text for reason in row.reasons),
        row.way_out,
        row.override,
    )
