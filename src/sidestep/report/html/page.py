"""The page of an audit: figures and charts are made here, tables by the script from the data in the page."""

from typing import Any

import msgspec

from sidestep.audit.finding import Finding, Severity
from sidestep.audit.result import Audit
from sidestep.report.formats import Look
from sidestep.report.html.explained import explanations
from sidestep.report.html.figures import figures
from sidestep.report.html.frame import Frame, fill
from sidestep.report.html.tiles import tiles
from sidestep.report.places import DOCS

_FRAME = Frame("audit.html", ("grid.js", "audit.js"))


def render(audit: Audit, _look: Look) -> str:
    """The page."""
    told = {
        "audit": audit,
        "tiles": tiles(audit),
        "figures": figures(audit),
        "severities": _severities(audit.findings),
    }
    return fill(_FRAME, told, _rows(audit))


def _rows(audit: Audit) -> dict[str, Any]:
    why = explanations(audit)
    return {
        "currency": audit.prices.currency,
        "docs": DOCS,
        "why": {name: why.get(f"workloads[].monthly.{name}", "") for name in ("requested", "used")},
        "namespaces": audit.namespaces,
        "workloads": [_workload(row) for row in msgspec.to_builtins(audit.workloads)],
        "findings": [_finding(finding) for finding in audit.findings],
    }


def _workload(row: dict[str, Any]) -> dict[str, Any]:
    """What the table shows of a workload; the rest is in the JSON."""
    injection = row["injection"]
    kept = {name: row[name] for name in ("namespace", "kind", "name", "role", "evidence", "pods", "sidecars")}
    kept |= {name: row[name] for name in ("requested", "monthly", "ambient", "drift")}
    return {**kept, "next": injection["result"], "reason": injection["reason"]}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "rank": finding.severity.rank,
        "object": str(finding.object),
        "origin": str(finding.origin) if finding.origin else "",
        "message": finding.message,
        "fix": finding.fix,
        "docs": finding.docs,
        "suppressed": finding.suppressed,
    }


def _severities(findings: tuple[Finding, ...]) -> list[tuple[str, int]]:
    counted = [finding.severity for finding in findings if finding.suppressed is None]
    return [(severity.value, counted.count(severity)) for severity in reversed(Severity) if severity in counted]
