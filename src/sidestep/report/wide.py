"""The audit for a wide terminal or a pager: every namespace, every workload, every finding."""

from rich.console import Console

from sidestep.audit.result import Audit, WorkloadReport
from sidestep.report.columns import Column, console, plain, print_table, prose
from sidestep.report.findings import print_findings
from sidestep.report.formats import Look
from sidestep.report.table import print_conclusion, print_head, print_money, print_namespaces, trimmed
from sidestep.report.units import cpu, memory, money

_COLUMNS = (
    Column("NAMESPACE", least=12),
    Column("WORKLOAD", least=16),
    Column("ROLE", 6),
    Column("PODS", 2, right=True),
    Column("SIDECARS", right=True),
    Column("CLASSIC", 3, right=True),
    Column("NATIVE", 3, right=True),
    Column("AMBIENT", 4, right=True),
    Column("HBONE", 7, right=True),
    Column("DRIFT", 5, right=True),
    Column("CPU", 3, right=True),
    Column("MEMORY", 3, right=True),
    Column("COST/MONTH", 1, right=True),
    Column("USED/MONTH", 8, right=True),
    Column("NEXT POD", 4),
    Column("WHY", 9, least=20),
)


def render(audit: Audit, look: Look) -> str:
    """The parts of the short table, whole."""
    out = console(look)
    with out.capture() as captured:
        print_head(audit, out)
        print_namespaces(audit, out, len(audit.namespaces))
        print_money(audit, out)
        print_conclusion(audit, out)
        _workloads(audit, out)
        _findings(audit, out)
    return trimmed(captured.get())


def _workloads(audit: Audit, out: Console) -> None:
    if not audit.workloads:
        return
    currency = audit.prices.currency
    out.print(plain("Workloads", "bold"))
    print_table(out, _COLUMNS, [_cells(row, currency) for row in audit.workloads])
    if any(row.evidence == "template" for row in audit.workloads):
        prose(out, plain("* as many as its controller declares: no running pod of it was read", "dim"))
    out.print()


def _cells(row: WorkloadReport, currency: str) -> tuple[str, ...]:
    return (
        row.namespace,
        f"{row.kind.lower()}/{row.name}",
        row.role,
        f"{row.pods:,}" + ("*" if row.evidence == "template" else ""),
        f"{row.sidecars.total:,}",
        f"{row.sidecars.classic:,}",
        f"{row.sidecars.native:,}",
        f"{row.ambient:,}",
        f"{row.hbone:,}",
        f"{row.drift:,}",
        cpu(row.requested.cpu_millis),
        memory(row.requested.memory_bytes),
        money(row.monthly.requested, currency),
        money(row.monthly.used, currency),
        row.injection.result,
        row.injection.reason,
    )


def _findings(audit: Audit, out: Console) -> None:
    if audit.findings:
        out.print(plain("Findings", "bold"))
        print_findings(out, audit.findings)
