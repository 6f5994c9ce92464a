"""Which charts the page shows, and of what."""

from collections.abc import Iterator

from markupsafe import Markup
from msgspec import Struct

from sidestep.audit.result import Audit, NamespaceReport
from sidestep.report.html.charts import Bar, Share, bars, ring
from sidestep.report.html.explained import explanations
from sidestep.report.namespaces import dearest_first
from sidestep.report.units import count, money

_NAMESPACES_CHARTED = 14


class Figure(Struct, frozen=True):
    """A chart with its heading; `legend` pairs classes with names."""

    title: str
    note: str
    svg: Markup
    legend: tuple[tuple[str, str], ...] = ()


def figures(audit: Audit) -> tuple[Figure, ...]:
    """Cost by namespace, the figures beside each other, and who is in which data plane."""
    return _namespaces(audit), _money(audit), _planes(audit)


def _namespaces(audit: Audit) -> Figure:
    dearest = [row for row in dearest_first(audit) if row.monthly.requested]
    shown = dearest[:_NAMESPACES_CHARTED]
    measured = any(row.monthly.used is not None for row in shown)
    note = f"the dearest {len(shown)} of {len(dearest)}, " if len(dearest) > len(shown) else ""
    legend = (("used", "used (p95)"), ("idle", "requested, not used")) if measured else (("idle", "requested"),)
    rows = [_namespace(row, audit.prices.currency) for row in shown]
    return Figure("Cost of sidecars by namespace", f"{note}per month", bars(rows, "Cost by namespace"), legend)


def _namespace(row: NamespaceReport, currency: str) -> Bar:
    requested, used = row.monthly.requested, row.monthly.used
    told = f"{row.namespace}: {money(requested, currency)} a month requested by {count(row.sidecars.total, 'sidecar')}"
    if used is None:
        return Bar(row.namespace, money(requested, currency), ((requested, "idle"),), told)
    parts = ((used, "used"), (max(requested - used, 0.0), "idle"))
    return Bar(row.namespace, money(requested, currency), parts, f"{told}, {money(used, currency)} used")


def _money(audit: Audit) -> Figure:
    rows = bars([*_money_bars(audit)], "Money per month")
    legend = (("used", "sidecars"), ("plane-ambient", "ambient instead"))
    return Figure("Money per month", "what sidecars take, and what ambient would", rows, legend)


def _money_bars(audit: Audit) -> Iterator[Bar]:
    monthly, instead, why = audit.totals.monthly, audit.ambient.monthly, explanations(audit)
    for label, path, amount, color in (
        ("requested", "totals.monthly.requested", monthly.requested, "used"),
        ("used (p95)", "totals.monthly.used", monthly.used, "used"),
        ("realisable", "totals.monthly.realisable", monthly.realisable, "used"),
        ("ambient, floor", "ambient.monthly.floor", instead.floor, "plane-ambient"),
        ("ambient, available", "ambient.monthly.highlyAvailable", instead.highly_available, "plane-ambient"),
    ):
        value = "unknown" if amount is None else money(amount, audit.prices.currency)
        yield Bar(label, value, ((amount or 0.0, color),), f"{label}: {value}\n{why.get(path, '')}".rstrip())


def _planes(audit: Audit) -> Figure:
    totals = audit.totals
    sidecars = totals.sidecars
    without = max(totals.pods - sidecars.total - totals.ambient - totals.proxyless, 0)
    shares = (
        Share("classic sidecar", sidecars.classic, "plane-classic"),
        Share("native sidecar", sidecars.native, "plane-native"),
        Share("ambient", totals.ambient, "plane-ambient"),
        Share("proxyless gRPC", totals.proxyless, "plane-proxyless"),
        Share("no sidecar, not captured", without, "plane-none"),
    )
    return Figure("Pods by data plane", count(totals.pods, "pod"), ring(shares, "Pods by data plane"))
