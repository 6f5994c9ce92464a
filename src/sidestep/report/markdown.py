"""The audit for a pull request or a wiki: GitHub-flavoured Markdown, short enough for one comment."""

from collections.abc import Iterable, Sequence

from sidestep.audit.finding import Finding
from sidestep.audit.result import Audit, NamespaceReport
from sidestep.report.findings import worst
from sidestep.report.formats import Look
from sidestep.report.markup import escaped, row
from sidestep.report.namespaces import dearest_first
from sidestep.report.places import page
from sidestep.report.units import count, cpu, memory, money

_NAMESPACES_SHOWN = 50
_FINDINGS_SHOWN = 50
_MISSING_SHOWN = 20


def render(audit: Audit, _look: Look) -> str:
    """One page."""
    parts = (_missing(audit), _conclusion(audit), _namespaces(audit), _findings(audit))
    return "\n".join(["# Sidecar audit", *(line for part in parts for line in part)]) + "\n"


def _missing(audit: Audit) -> Iterable[str]:
    missing = audit.source.missing
    if audit.source.complete:
        return
    yield from ("", f"> **Partial**: {count(len(missing), 'thing')} could not be read.")
    for each in missing[:_MISSING_SHOWN]:
        yield f"> - {escaped(f'{each.resource}: {each.reason} {each.detail} {each.remedy}'.rstrip())}"
    if len(missing) > _MISSING_SHOWN:
        yield f"> - … and {len(missing) - _MISSING_SHOWN:,} more"


def _conclusion(audit: Audit) -> Iterable[str]:
    for sentence in audit.conclusion:
        yield from ("", escaped(sentence))


def _namespaces(audit: Audit) -> Iterable[str]:
    rows = dearest_first(audit)
    currency, totals = audit.prices.currency, audit.totals
    heads = (
        "Namespace",
        "Pods",
        "Classic",
        "Native",
        "Ambient",
        "CPU",
        "Memory",
        "Requested/month",
        "Used/month",
        "L7",
    )
    yield from ("", "## Namespaces", "", row(heads), row(("---", *("--:",) * 8, "---")))
    yield from (row(_cells(each, currency)) for each in rows[:_NAMESPACES_SHOWN])
    if len(rows) > _NAMESPACES_SHOWN:
        yield row((f"… {len(rows) - _NAMESPACES_SHOWN:,} more", *("",) * 9))
    total = (
        f"{totals.pods:,}",
        f"{totals.sidecars.classic:,}",
        f"{totals.sidecars.native:,}",
        f"{totals.ambient:,}",
        cpu(totals.requested.cpu_millis),
        memory(totals.requested.memory_bytes),
        money(totals.monthly.requested, currency),
        money(totals.monthly.used, currency),
    )
    yield row(("**total**", *(f"**{each}**" for each in total), ""))


def _cells(told: NamespaceReport, currency: str) -> Sequence[str]:
    return (
        escaped(told.namespace),
        f"{told.pods:,}",
        f"{told.sidecars.classic:,}",
        f"{told.sidecars.native:,}",
        f"{told.ambient:,}",
        cpu(told.requested.cpu_millis),
        memory(told.requested.memory_bytes),
        money(told.monthly.requested, currency),
        money(told.monthly.used, currency),
        "yes" if told.layer7 else "no",
    )


def _findings(audit: Audit) -> Iterable[str]:
    counted = sum(finding.suppressed is None for finding in audit.findings)
    yield from ("", "## Findings", "")
    if not counted:
        yield "None."
        return
    yield from (row(("Severity", "Code", "Object", "What", "Fix")), row(("---",) * 5))
    shown = worst(audit.findings, _FINDINGS_SHOWN)
    yield from (_finding(finding) for finding in shown)
    if counted > len(shown):
        yield from ("", f"… and {counted - len(shown):,} more.")


def _finding(finding: Finding) -> str:
    code = f"[{finding.code}]({page(finding.docs)})"
    return row(
        (finding.severity.value, code, escaped(str(finding.object)), escaped(finding.message), escaped(finding.fix))
    )
