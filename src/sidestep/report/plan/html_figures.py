"""Figures on top of a plan's page, and its charts."""

from collections.abc import Iterator

from sidestep.plan.document import Fate, Plan, Wave
from sidestep.report.html.charts import Bar, Share, bars, ring
from sidestep.report.html.figures import Figure
from sidestep.report.html.tiles import Tile
from sidestep.report.plan import digest
from sidestep.report.units import count, money

_UNKNOWN = "\N{EN DASH}"
_WAVES_CHARTED = 24
_MOVES = (Fate.AMBIENT, Fate.WAYPOINT)
_COLORS = {
    Fate.AMBIENT: "plane-ambient",
    Fate.WAYPOINT: "plane-native",
    Fate.REWORK: "plane-proxyless",
    Fate.SIDECAR: "plane-classic",
    Fate.NONE: "plane-none",
}


def tiles(plan: Plan) -> tuple[Tile, ...]:
    """All of them, in the order in which one asks."""
    return tuple(_tiles(plan))


def figures(plan: Plan) -> tuple[Figure, ...]:
    """Where pods end, and the money after each wave."""
    pods = sum(row.pods for row in plan.workloads)
    shares = [Share(digest.FATES[each.fate], each.pods, _COLORS[each.fate]) for each in digest.verdicts(plan)]
    return (_money(plan), Figure("Where pods end", count(pods, "pod"), ring(shares, "Where pods end")))


def _tiles(plan: Plan) -> Iterator[Tile]:
    moving = [row for row in plan.workloads if row.fate in _MOVES]
    meshed = [row for row in plan.workloads if row.fate is not Fate.NONE]
    yield Tile("Become ambient", f"{len(moving):,}", f"of {count(len(meshed), 'workload')} in the mesh")
    pods = sum(wave.pods for wave in plan.waves)
    windows = count(len(plan.exposures), "window") if plan.exposures else "no window"
    yield Tile(
        "Waves",
        f"{sum(wave.number > 0 for wave in digest.waves(plan)):,}",
        f"{count(pods, 'pod')} restarted; {windows}",
    )
    saved = plan.money.saved
    more = saved is not None and saved < 0
    value = _UNKNOWN if saved is None else money(abs(saved), plan.currency)
    yield Tile("More at the end" if more else "Saved at the end", value, "a month, against today")
    monthly = money(digest.waypoints_monthly(plan), plan.currency)
    yield Tile("Waypoints", f"{len(plan.waypoints):,}", f"{monthly} a month")
    stuck = [row for row in plan.workloads if row.fate in (Fate.REWORK, Fate.SIDECAR)]
    yield Tile("Stay or need work", f"{len(stuck):,}", f"{count(len(plan.blockers), 'blocker')}")
    yield Tile("To do first", f"{len(digest.unmet(plan)):,}", f"of {count(len(plan.prerequisites), 'prerequisite')}")


def _money(plan: Plan) -> Figure:
    waves = [wave for wave in digest.waves(plan) if wave.money.sidecars is not None or wave.money.ambient is not None]
    chart = bars([_bar(plan, wave) for wave in waves[:_WAVES_CHARTED]], "Money after each wave")
    legend = (("used", "sidecars left"), ("plane-ambient", "ztunnel and waypoints"))
    return Figure("Money after each wave", "per month", chart, legend)


def _bar(plan: Plan, wave: Wave) -> Bar:
    sidecars, ambient = wave.money.sidecars or 0.0, wave.money.ambient or 0.0
    total = money(sidecars + ambient, plan.currency)
    told = (
        f"After wave {wave.number}: {money(wave.money.sidecars, plan.currency)} for sidecars, "
        f"{money(wave.money.ambient, plan.currency)} for ztunnel and waypoints a month"
    )
    return Bar(f"wave {wave.number}", total, ((sidecars, "used"), (ambient, "plane-ambient")), told)
