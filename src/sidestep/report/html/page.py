"""Fill the page: figures and charts are made here, tables by the script from the data in the page.

The content security policy admits exactly our own script and style, by their hashes, and no connection at all.
"""

import base64
import hashlib
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from sidestep.audit.finding import Finding, Severity
from sidestep.audit.result import Audit
from sidestep.report.encoded import encoded
from sidestep.report.formats import Look
from sidestep.report.html.explained import explanations
from sidestep.report.html.figures import figures
from sidestep.report.html.tiles import tiles
from sidestep.report.places import DOCS
from sidestep.report.units import UNSEEN, count, exact, window


def render(audit: Audit, _look: Look) -> str:
    """The page."""
    script, style = Markup(_asset("report.js")), Markup(_asset("report.css"))  # noqa: S704 - our own files
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"exact": exact, "count": count, "window": window}
    page = environment.from_string(_asset("report.html")).render(
        audit=audit,
        script=script,
        style=style,
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:",
        data=_embedded(audit),
        tiles=tiles(audit),
        figures=figures(audit),
        severities=_severities(audit.findings),
    )
    return page.translate(UNSEEN)


def _asset(name: str) -> str:
    return files("sidestep.report.html").joinpath("assets", name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(audit: Audit) -> Markup:
    """The rows of the tables as JSON that cannot end the script element it stands in."""
    why = explanations(audit)
    rows = {
        "currency": audit.prices.currency,
        "docs": DOCS,
        "why": {name: why.get(f"workloads[].monthly.{name}", "") for name in ("requested", "used")},
        "namespaces": audit.namespaces,
        "workloads": [_workload(row) for row in msgspec.to_builtins(audit.workloads)],
        "findings": [_finding(finding) for finding in audit.findings],
    }
    text = encoded(rows).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - JSON


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
