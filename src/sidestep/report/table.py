"""The audit for a terminal: what is missing, namespaces, totals, conclusion, the worst findings."""

from rich.console import Console
from rich.text import Text

from sidestep.audit.finding import Finding, Severity
from sidestep.audit.result import Audit, NamespaceReport
from sidestep.report.columns import Column, console, plain, table
from sidestep.report.formats import Look
from sidestep.report.units import cpu, memory, money, window

NAMESPACES_SHOWN = 30
FINDINGS_SHOWN = 5
_STYLES = {
    Severity.BLOCKER: "bold magenta",
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
}
_COLUMNS = (
    Column("NAMESPACE"),
    Column("PODS", 1, right=True),
    Column("SIDECARS", right=True),
    Column("NATIVE", 6, right=True),
    Column("AMBIENT", 5, right=True),
    Column("CPU", 3, right=True),
    Column("MEMORY", 3, right=True),
    Column("CPU p95", 7, right=True),
    Column("MEM p95", 7, right=True),
    Column("COST/MONTH", right=True),
    Column("L7", 2),
    Column("INJECTION", 8),
)


def render(audit: Audit, look: Look) -> str:
    """Text of at most `look.width` columns."""
    out = console(look)
    with out.capture() as captured:
        header(audit, out)
        _namespaces(audit, look, out)
        _conclusion(audit, out)
        _findings(audit, look, out)
    return _trimmed(captured.get())


def header(audit: Audit, out: Console) -> None:
    """Where the answer comes from, and, before anything else, what it lacks."""
    source = audit.source
    if not source.complete:
        count = len(source.missing)
        out.print(plain(f"PARTIAL: {count} thing{'s' if count > 1 else ''} could not be read", style="bold red"))
        for missing in source.missing[:10]:
            remedy = f"; {missing.remedy}" if missing.remedy else ""
            detail = f": {missing.detail}" if missing.detail else ""
            out.print(plain(f"  {missing.resource} {missing.reason}{detail}{remedy}", style="red"))
        if count > 10:
            out.print(f"  … and {count - 10} more (see -o json)")
        out.print()
    telemetry = audit.telemetry
    measured = f" over {window(telemetry.window_seconds)}" if telemetry.window_seconds else ""
    out.print(plain(f"{source.kind} {source.name}; use: {telemetry.kind.value}{measured} ({telemetry.strength})"))
    out.print()


def _namespaces(audit: Audit, look: Look, out: Console) -> None:
    rows = sorted(audit.namespaces, key=lambda row: (-row.monthly.requested, -row.sidecars.total, row.namespace))
    listed = [row for row in rows if row.workloads or row.injection or row.features]
    currency = audit.prices.currency
    cells = [_cells(row, currency) for row in listed[:NAMESPACES_SHOWN]]
    out.print(table(_COLUMNS, cells, look, _totals(audit)))
    if len(listed) > NAMESPACES_SHOWN:
        out.print(f"… and {len(listed) - NAMESPACES_SHOWN} more namespaces (-o wide shows all)")
    out.print()


def _cells(row: NamespaceReport, currency: str) -> tuple[str, ...]:
    used = row.used
    return (
        row.namespace,
        f"{row.pods:,}",
        f"{row.sidecars.total:,}",
        f"{row.sidecars.native:,}",
        f"{row.ambient:,}",
        cpu(row.requested.cpu_millis),
        memory(row.requested.memory_bytes),
        cpu(used.cpu_millis) if used else "-",
        memory(used.memory_bytes) if used else "-",
        money(row.monthly.requested, currency),
        "yes" if row.layer7 else "no",
        row.injection or "-",
    )


def _totals(audit: Audit) -> tuple[str, ...]:
    totals = audit.totals
    return (
        "total",
        f"{totals.pods:,}",
        f"{totals.sidecars.total:,}",
        f"{totals.sidecars.native:,}",
        f"{totals.ambient:,}",
        cpu(totals.requested.cpu_millis),
        memory(totals.requested.memory_bytes),
        cpu(totals.used.cpu_millis) if totals.used else "-",
        memory(totals.used.memory_bytes) if totals.used else "-",
        money(totals.monthly.requested, audit.prices.currency),
        "",
        "",
    )


def _conclusion(audit: Audit, out: Console) -> None:
    for sentence in audit.conclusion:
        out.print(plain(sentence))
    for what, nodes in list(audit.prices.fallbacks.items())[:3]:
        out.print(plain(f"Price assumed: {what} ({nodes} node{'s' if nodes > 1 else ''})", style="dim"))
    out.print()


def _findings(audit: Audit, look: Look, out: Console) -> None:
    counted = [finding for finding in audit.findings if finding.suppressed is None]
    if not counted:
        return
    out.print(plain("Worst findings", style="bold"))
    for finding in worst(counted, FINDINGS_SHOWN):
        out.print(one_line(finding))
        out.print(plain(f"    {finding.message}"))
        out.print(plain(f"    fix: {finding.fix}", style="dim" if look.color else ""))
    rest = len(counted) - FINDINGS_SHOWN
    if rest > 0:
        out.print(f"… and {rest:,} more (-o wide, json or html shows all)")


def worst(findings: list[Finding], count: int) -> list[Finding]:
    """The worst of each code first, so that one noisy rule does not hide the others."""
    first_of_code: dict[str, Finding] = {}
    for finding in findings:
        first_of_code.setdefault(finding.code, finding)
    chosen = list(first_of_code.values())
    return (
        (chosen + [finding for finding in findings if finding not in chosen])[:count]
        if len(chosen) < count
        else chosen[:count]
    )


def one_line(finding: Finding) -> Text:
    """Severity, code and object."""
    line = Text("  ")
    line.append(f"{finding.severity.value:<8}", style=_STYLES[finding.severity])
    line.append(f"{finding.code}  ")
    line.append_text(plain(str(finding.object), "bold"))
    if finding.origin:
        line.append_text(plain(f"  ({finding.origin})", "dim"))
    return line


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip() + "\n"
