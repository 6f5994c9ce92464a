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
from sidestep.audit.result import Audit, Formula
from sidestep.report.encoded import encoded
from sidestep.report.formats import Look
from sidestep.report.html.charts import bars, ring, stacked
from sidestep.report.places import DOCS
from sidestep.report.units import cpu, memory, money, window

_NAMESPACES_CHARTED = 12


def render(audit: Audit, _look: Look) -> str:
    """The page."""
    script, style = Markup(_asset("report.js")), Markup(_asset("report.css"))  # noqa: S704 - our own files
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"cpu": cpu, "memory": memory}
    return environment.from_string(_asset("report.html")).render(
        audit=audit,
        script=script,
        style=style,
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:",
        data=_embedded(audit),
        tiles=_tiles(audit),
        charts=_charts(audit),
        severities=_severities(audit.findings),
        window=window(audit.telemetry.window_seconds) if audit.telemetry.window_seconds else "",
    )


def _asset(name: str) -> str:
    return files("sidestep.report.html").joinpath("assets", name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(audit: Audit) -> Markup:
    """The rows of the tables as JSON that cannot end the script element it stands in."""
    rows = {
        "currency": audit.prices.currency,
        "docs": DOCS,
        "namespaces": [msgspec.to_builtins(row) for row in audit.namespaces],
        "workloads": [_workload(row) for row in msgspec.to_builtins(audit.workloads)],
        "findings": [_finding(finding) for finding in audit.findings],
    }
    text = encoded(rows).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - JSON


def _workload(row: dict[str, Any]) -> dict[str, Any]:
    row["injection"].pop("chain")
    return row


def _finding(finding: Finding) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(finding)
    row["object"] = str(finding.object)
    row["origin"] = str(finding.origin) if finding.origin else ""
    row["rank"] = finding.severity.rank
    return row


def _tiles(audit: Audit) -> list[dict[str, str]]:
    """The figures on top, each with the formula that explains it."""
    totals, ambient, currency = audit.totals, audit.ambient, audit.prices.currency
    found = {formula.figure: formula for formula in audit.formulas}

    def tile(label: str, value: str, note: str, figure: str = "") -> dict[str, str]:
        return {"label": label, "value": value, "note": note, "why": _spelled(found.get(figure))}

    nodes = len(totals.drained_nodes or ())
    even, here = ambient.break_even_sidecars_per_node, ambient.sidecars_per_node
    return [
        tile("Sidecars", f"{totals.sidecars.total:,}", f"of {totals.pods:,} pods, {totals.sidecars.native:,} native"),
        tile("Requested", money(totals.monthly.requested, currency), "a month", "totals.monthly.requested"),
        tile("Used", money(totals.monthly.used, currency), "a month, 95th percentile", "totals.monthly.used"),
        tile(
            "Realisable",
            money(totals.monthly.realisable, currency),
            f"a month, {nodes:,} nodes would drain",
            "totals.monthly.realisable",
        ),
        tile(
            "Ambient instead",
            f"{money(ambient.monthly.floor, currency)} - {money(ambient.monthly.highly_available, currency)}",
            "a month, without and with waypoints",
            "ambient.monthly.highlyAvailable",
        ),
        tile(
            "Break-even",
            "-" if even is None else f"{even:.1f}",
            "sidecars per node" + ("" if here is None else f"; here {here:.1f}"),
            "ambient.breakEvenSidecarsPerNode",
        ),
    ]


def _spelled(formula: Formula | None) -> str:
    if formula is None:
        return ""
    inputs = "\n".join(
        f"{name}: {value if isinstance(value, str) else f'{value:,.6g}'}" for name, value in formula.inputs.items()
    )
    return f"{formula.formula}\n\n{inputs}"


def _charts(audit: Audit) -> list[dict[str, Any]]:
    currency = audit.prices.currency
    dearest = sorted(audit.namespaces, key=lambda row: -row.monthly.requested)[:_NAMESPACES_CHARTED]
    sidecars, totals = audit.totals.sidecars, audit.totals
    without = max(totals.pods - sidecars.total - totals.ambient - totals.proxyless, 0)
    shares = (
        ("native sidecar", sidecars.native),
        ("classic sidecar", sidecars.classic),
        ("ambient", totals.ambient),
        ("proxyless", totals.proxyless),
        ("no mesh", without),
    )
    money_rows = (
        ("requested", totals.monthly.requested),
        ("used (p95)", totals.monthly.used),
        ("realisable", totals.monthly.realisable),
        ("ambient, floor", audit.ambient.monthly.floor),
        ("ambient, available", audit.ambient.monthly.highly_available),
    )
    costs = [
        (row.namespace, row.monthly.used or 0.0, row.monthly.requested) for row in dearest if row.monthly.requested
    ]
    return [
        {
            "title": "Cost by namespace",
            "note": "requested per month; the dark part is used",
            "svg": stacked(costs, currency),
        },
        {
            "title": "Money per month",
            "note": "what sidecars take, and what ambient would",
            "svg": bars(money_rows, currency),
        },
        {"title": "Pods by data plane", "note": f"{totals.pods:,} pods", "svg": ring(shares)},
    ]


def _severities(findings: tuple[Finding, ...]) -> list[tuple[str, int]]:
    counted = [finding for finding in findings if finding.suppressed is None]
    return [(s.value, sum(f.severity is s for f in counted)) for s in reversed(Severity)]
