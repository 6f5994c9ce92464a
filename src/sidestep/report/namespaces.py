"""The table of namespaces: the dearest first, a row for those that are not shown, and the total."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from rich.console import Console

from sidestep.audit.result import Audit, Monthly, NamespaceReport, SidecarCount
from sidestep.model.quantity import Resources
from sidestep.report.columns import Column, print_table
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
_Usage = tuple[float, float]


class Figures(Struct, frozen=True):
    """The numbers of a row; `used` is CPU in thousandths and memory in bytes, None where nothing was measured."""

    pods: int
    sidecars: SidecarCount
    ambient: int
    requested: Resources
    used: _Usage | None
    monthly: Monthly

    def cells(self, currency: str) -> tuple[str, ...]:
        """As people read them."""
        return (
            f"{self.pods:,}",
            f"{self.sidecars.total:,}",
            f"{self.sidecars.classic:,}",
            f"{self.sidecars.native:,}",
            f"{self.ambient:,}",
            cpu(self.requested.cpu_millis),
            memory(self.requested.memory_bytes),
            money(self.monthly.requested, currency),
            cpu(self.used[0]) if self.used else "-",
            memory(self.used[1]) if self.used else "-",
            money(self.monthly.used, currency),
        )


def dearest_first(audit: Audit) -> list[NamespaceReport]:
    """Namespaces in which there is anything to tell, by what their sidecars cost."""
    told = [row for row in audit.namespaces if row.workloads or row.injection or row.features]
    return sorted(told, key=lambda row: (-row.monthly.requested, -row.sidecars.total, row.namespace))


def print_namespaces_table(audit: Audit, out: Console, shown: int) -> None:
    """Print the first `shown` rows, the sum of the rest, and the total; columns of use only where use was measured."""
    rows = dearest_first(audit)
    currency = audit.prices.currency
    cells = [_row(row, currency) for row in rows[:shown]]
    if rest := rows[shown:]:
        cells.append((f"({len(rest)} more)", *_sum(rest).cells(currency), "", "", ""))
    footer = ("total", *_total(audit).cells(currency), "", "", "")
    if audit.totals.used is None:
        print_table(out, _COLUMNS, [_without_use(row) for row in cells], _without_use(footer))
    else:
        columns = (*_COLUMNS[:_MEASURED_AT], *_MEASURED, *_COLUMNS[_MEASURED_AT:])
        print_table(out, columns, cells, footer)


def _without_use(row: Sequence[str]) -> Sequence[str]:
    return (*row[:_MEASURED_AT], *row[_MEASURED_AT + len(_MEASURED) :])


def _row(row: NamespaceReport, currency: str) -> tuple[str, ...]:
    features = ", ".join(f"{name} {count}" for name, count in row.features.items())
    layer7 = "yes" if row.layer7 else "no"
    return (row.namespace, *_figures(row).cells(currency), layer7, row.injection or "-", features or "-")


def _figures(row: NamespaceReport) -> Figures:
    used = (row.used.cpu_millis, row.used.memory_bytes) if row.used else None
    return Figures(row.pods, row.sidecars, row.ambient, row.requested, used, row.monthly)


def _total(audit: Audit) -> Figures:
    totals = audit.totals
    return Figures(
        totals.pods,
        SidecarCount(totals.sidecars.classic, totals.sidecars.native),
        totals.ambient,
        totals.requested,
        (totals.used.cpu_millis, totals.used.memory_bytes) if totals.used else None,
        Monthly(totals.monthly.requested, totals.monthly.used),
    )


def _sum(rows: Iterable[NamespaceReport]) -> Figures:
    parts = [_figures(row) for row in rows]
    used = [part.used for part in parts if part.used]
    paid = [part.monthly.used for part in parts if part.monthly.used is not None]
    return Figures(
        sum(part.pods for part in parts),
        sum((part.sidecars for part in parts), SidecarCount()),
        sum(part.ambient for part in parts),
        sum((part.requested for part in parts), Resources()),
        (sum(cpu for cpu, _ in used), sum(size for _, size in used)) if used else None,
        Monthly(sum(part.monthly.requested for part in parts), sum(paid) if paid else None),
    )
