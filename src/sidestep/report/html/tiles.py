"""The figures on top of the page, each with the formula that explains it."""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.audit.result import Audit
from sidestep.report.html.explained import explanations
from sidestep.report.units import count, money

_UNKNOWN = "\N{EN DASH}"


class Tile(Struct, frozen=True):
    """One figure: what it is, how much, a word beside it, and how it came about."""

    label: str
    value: str
    note: str
    why: str = ""


def tiles(audit: Audit) -> tuple[Tile, ...]:
    """All of them, in the order in which one asks."""
    return (*_present(audit), *_instead(audit))


def _present(audit: Audit) -> Iterator[Tile]:
    totals, why = audit.totals, explanations(audit)
    monthly, sidecars = totals.monthly, totals.sidecars
    yield Tile("Sidecars", f"{sidecars.total:,}", f"of {count(totals.pods, 'pod')}; {sidecars.native:,} native")
    yield Tile("Requested", _money(audit, monthly.requested), "a month", why.get("totals.monthly.requested", ""))
    used = "not measured" if monthly.used is None else "a month, 95th percentile"
    yield Tile("Used", _money(audit, monthly.used), used, why.get("totals.monthly.used", ""))
    drained = "no nodes were read"
    if monthly.realisable is not None:
        drained = f"a month; {count(len(totals.drained_nodes or ()), 'node')} would drain"
    yield Tile("Realisable", _money(audit, monthly.realisable), drained, why.get("totals.monthly.realisable", ""))


def _instead(audit: Audit) -> Iterator[Tile]:
    ambient, why = audit.ambient, explanations(audit)
    monthly = ambient.monthly
    explained = why.get("ambient.monthly.highlyAvailable", "")
    if monthly.floor is None:
        yield Tile("Ambient instead", _UNKNOWN, "no nodes were read", explained)
    else:
        value = f"{_money(audit, monthly.floor)} {_UNKNOWN} {_money(audit, monthly.highly_available)}"
        yield Tile("Ambient instead", value, "a month, without and with waypoints", explained)
    even, here = ambient.break_even_sidecars_per_node, ambient.sidecars_per_node
    needed = "sidecars per node" if even is None or even else "ambient is installed already"
    note = needed if here is None else f"{needed}; here {here:,.1f}"
    value = _UNKNOWN if even is None else f"{even:,.1f}" if even else "none"
    yield Tile("Break-even", value, note, why.get("ambient.breakEvenSidecarsPerNode", ""))


def _money(audit: Audit, amount: float | None) -> str:
    return _UNKNOWN if amount is None else money(amount, audit.prices.currency)
