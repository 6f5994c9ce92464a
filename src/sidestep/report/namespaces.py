"""The table of namespaces: the dearest first, a row for those that are not shown, and the total."""

from collections.abc import Sequence

from rich.table import Table

from sidestep.audit.result import Audit, NamespaceReport, SidecarCount, Used
from sidestep.model.quantity import Resources
from sidestep.report.columns import Column, table
from sidestep.report.formats import Look
from sidestep.report.units import cpu, memory, money

_COLUMNS = (
    Column("NAMESPACE", least=12),
    Column("PODS", 1, right=True),
    Column("SIDECARS", right=True),
    Column("CLASSIC", 7, right=True),
    Column("NATIVE", 6, right=True),
    Column("AMBIENT", 5, right=True),
    Column("CPU", 3, right=True),
    Column("MEMORY", 3, right=True),
    Column("COST/MONTH", right=True),
    Column("L7", 2),
    Column("INJECTION", 8, least=12),
    Column("FEATURES", 9, least=16),
)
_MEASURED = (
    Column("CPU p95", 4, right=True),
    Column("MEM p95", 4, right=True),
    Column("USED/MONTH", 4, right=True),
)
_MEASURED_AT = 9


def dearest_first(audit: Audit) -> list[NamespaceReport]:
    """Namespaces in which there is anything to tell, by what their sidecars cost."""
    told = [row for row in audit.namespaces if row.workloads or row.injection or row.features]
    return sorted(told, key=lambda row: (-row.monthly.requested, -row.sidecars.total, row.namespace))


def namespaces_table(audit: Audit, look: Look, shown: int) -> Table:
    """The first `shown` rows, the sum of the rest, and the total; columns of use only where use was measured."""
    rows = dearest_first(audit)
    currency = audit.prices.currency
    cells = [(row.namespace, *_cells(row, currency)) for row in rows[:shown]]
    if rest := rows[shown:]:
        cells.append((f"({len(rest)} more)", *_cells(_sum(rest), currency)))
    footer = ("total", *_cells(_total(audit), currency))
    if audit.totals.used is None:
        return table(_COLUMNS, [_without_use(row) for row in cells], look, _without_use(footer))
    columns = (*_COLUMNS[:_MEASURED_AT], *_MEASURED, *_COLUMNS[_MEASURED_AT:])
    return table(columns, cells, look, footer)


def _without_use(row: Sequence[str]) -> Sequence[str]:
    return (*row[:_MEASURED_AT], *row[_MEASURED_AT + len(_MEASURED) :])


def _cells(row: NamespaceReport, currency: str) -> tuple[str, ...]:
    used = row.used
    return (
        f"{row.pods:,}",
        f"{row.sidecars.total:,}",
        f"{row.sidecars.classic:,}",
        f"{row.sidecars.native:,}",
        f"{row.ambient:,}",
        cpu(row.requested.cpu_millis),
        memory(row.requested.memory_bytes),
        money(row.monthly.requested, currency),
        cpu(used.cpu_millis) if used else "-",
        memory(used.memory_bytes) if used else "-",
        money(row.monthly.used, currency),
        ("yes" if row.layer7 else "no") if row.namespace else "",
        row.injection or ("-" if row.namespace else ""),
        ", ".join(f"{name} {count}" for name, count in row.features.items()),
    )


def _total(audit: Audit) -> NamespaceReport:
    totals = audit.totals
    return _nameless(
        totals.pods,
        SidecarCount(totals.sidecars.classic, totals.sidecars.native),
        totals.ambient,
        totals.requested,
        totals.used,
        audit,
    )
