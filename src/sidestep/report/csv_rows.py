"""One row per workload, for spreadsheets; docs/output.md names the columns."""

import csv
import io
from collections.abc import Iterable, Sequence

from sidestep.audit.result import Audit, WorkloadReport
from sidestep.report.formats import Look
from sidestep.report.units import UNSEEN

COLUMNS = (
    "namespace",
    "kind",
    "name",
    "role",
    "evidence",
    "pods",
    "sidecars_classic",
    "sidecars_native",
    "proxyless",
    "ambient",
    "hbone",
    "drift",
    "next_pod",
    "reason",
    "revision",
    "requested_cpu_millis",
    "requested_memory_bytes",
    "used_cpu_millis_p95",
    "used_memory_bytes_p95",
    "monthly_requested",
    "monthly_used",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t")


def render(audit: Audit, _look: Look) -> str:
    """A header and one row per workload."""
    return csv_text(COLUMNS, map(_row, audit.workloads))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A header and rows, in which nothing runs."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue()


def _row(workload: WorkloadReport) -> tuple[object, ...]:
    used, monthly = workload.used, workload.monthly
    return (
        workload.namespace,
        workload.kind,
        workload.name,
        workload.role,
        workload.evidence,
        workload.pods,
        workload.sidecars.classic,
        workload.sidecars.native,
        workload.proxyless,
        workload.ambient,
        workload.hbone,
        workload.drift,
        workload.injection.result,
        workload.injection.reason,
        workload.injection.revision or "",
        workload.requested.cpu_millis,
        workload.requested.memory_bytes,
        "" if used is None else round(used.cpu_millis, 1),
        "" if used is None else round(used.memory_bytes),
        round(monthly.requested, 4),
        "" if monthly.used is None else round(monthly.used, 4),
    )


def _safe(cell: object) -> object:
    """Without what a spreadsheet would run as a formula, or a terminal as a command."""
    if not isinstance(cell, str):
        return cell
    text = cell.translate(UNSEEN | {ord("\r"): "\N{REPLACEMENT CHARACTER}"})
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
