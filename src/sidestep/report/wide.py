"""The audit for a wide terminal or a pager: every namespace, every workload, every finding."""

from rich.console import Console

from sidestep.audit.result import Audit, WorkloadReport
from sidestep.report import table as short
from sidestep.report.columns import Column, console, plain, table
from sidestep.report.formats import Look
from sidestep.report.units import cpu, memory, money

_COLUMNS = (
    Column("NAMESPACE"),
    Column("WORKLOAD"),
    Column("ROLE", 6),
    Column("PODS", 2, right=True),
    Column("CLASSIC", right=True),
    Column("NATIVE", right=True),
    Column("AMBIENT", 4, right=True),
    Column("HBONE", 7, right=True),
    Column("DRIFT", 5, right=True),
    Column("CPU", 3, right=True),
    Column("MEMORY", 3, right=True),
    Column("COST/MONTH", 1, right=True),
    Column("NEXT POD", 4),
    Column("WHY", 9),
)


def render(audit: Audit, look: Look) -> str:
    """The short table's parts, and everything that it leaves out."""
    out = console(look)
    with out.capture() as captured:
        _workloads(audit, look, out)
        _findings(audit, out)
    return short.render(audit, look) + "\n" + captured.get()


def _workloads(audit: Audit, look: Look, out: Console) -> None:
    currency = audit.prices.currency
    out.print(plain("Workloads", style="bold"))
    out.print(table(_COLUMNS, [_cells(row, currency) for row in audit.workloads], look))
    out.print()


def _cells(row: WorkloadReport, currency: str) -> tuple[str, ...]:
    return (
        row.namespace,
        f"{row.kind.lower()}/{row.name}",
        row.role,
        f"{row.pods:,}" + ("*" if row.evidence == "template" else ""),
        f"{row.sidecars.classic:,}",
        f"{row.sidecars.native:,}",
        f"{row.ambient:,}",
        f"{row.hbone:,}",
        f"{row.drift:,}",
        cpu(row.requested.cpu_millis),
        memory(row.requested.memory_bytes),
        money(row.monthly.requested, currency),
        row.injection.result,
        row.injection.reason,
    )


def _findings(audit: Audit, out: Console) -> None:
    out.print(plain("Findings", style="bold"))
    for finding in audit.findings:
        line = short.one_line(finding)
        if finding.suppressed:
            line.append_text(plain(f"  suppressed by {finding.suppressed}", "dim"))
        out.print(line)
        out.print(plain(f"    {finding.message}"))
        out.print(plain(f"    fix: {finding.fix}"))
