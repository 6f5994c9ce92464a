"""The audit for a pull request or a wiki: GitHub-flavoured Markdown, short enough for one comment."""

import re
from collections.abc import Iterable, Sequence

from sidestep.audit.finding import Finding
from sidestep.audit.result import Audit, NamespaceReport
from sidestep.report.findings import worst
from sidestep.report.formats import Look
from sidestep.report.namespaces import dearest_first
from sidestep.report.places import page
from sidestep.report.units import count, cpu, memory, money

_NAMESPACES_SHOWN = 50
_FINDINGS_SHOWN = 50
_MISSING_SHOWN = 20
_LONGEST_TEXT = 400
_ESCAPED = str.maketrans(
    {**{mark: f"\\{mark}" for mark in "\\`*_[]|~#!"}, "<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"}
)
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


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
        yield f"> - {_text(f'{each.resource}: {each.reason} {each.detail} {each.remedy}'.rstrip())}"
    if len(missing) > _MISSING_SHOWN:
        yield f"> - … and {len(missing) - _MISSING_SHOWN:,} more"


def _conclusion(audit: Audit) -> Iterable[str]:
    for sentence in audit.conclusion:
        yield from ("", _text(sentence))


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
    yield from ("", "## Namespaces", "", _row(heads), _row(("---", *("--:",) * 8, "---")))
    yield from (_row(_cells(row, currency)) for row in rows[:_NAMESPACES_SHOWN])
    if len(rows) > _NAMESPACES_SHOWN:
        yield _row((f"… {len(rows) - _NAMESPACES_SHOWN:,} more", *("",) * 9))
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
    yield _row(("**total**", *(f"**{each}**" for each in total), ""))


def _cells(row: NamespaceReport, currency: str) -> Sequence[str]:
    return (
        _text(row.namespace),
        f"{row.pods:,}",
        f"{row.sidecars.classic:,}",
        f"{row.sidecars.native:,}",
        f"{row.ambient:,}",
        cpu(row.requested.cpu_millis),
        memory(row.requested.memory_bytes),
        money(row.monthly.requested, currency),
        money(row.monthly.used, currency),
        "yes" if row.layer7 else "no",
    )


def _findings(audit: Audit) -> Iterable[str]:
    counted = sum(finding.suppressed is None for finding in audit.findings)
    yield from ("", "## Findings", "")
    if not counted:
        yield "None."
        return
    yield from (_row(("Severity", "Code", "Object", "What", "Fix")), _row(("---",) * 5))
    shown = worst(audit.findings, _FINDINGS_SHOWN)
    yield from (_finding(finding) for finding in shown)
    if counted > len(shown):
        yield from ("", f"… and {counted - len(shown):,} more.")


def _finding(finding: Finding) -> str:
    code = f"[{finding.code}]({page(finding.docs)})"
    return _row((finding.severity.value, code, _text(str(finding.object)), _text(finding.message), _text(finding.fix)))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Words from outside, which may not become markup, links or mentions, nor fill the page."""
    line = _BLANKS.sub(" ", text)
    short = line if len(line) <= _LONGEST_TEXT else line[:_LONGEST_TEXT] + "…"
    return short.translate(_ESCAPED)
