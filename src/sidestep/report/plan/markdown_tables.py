"""Tables of `plan.md`: prerequisites, blockers, waypoints, workloads."""

from collections.abc import Iterator, Sequence

from sidestep.plan.document import Plan, WorkloadPlan
from sidestep.plan.waypoints.placement import PlacedWaypoint
from sidestep.report.markup import escaped, row
from sidestep.report.plan import digest
from sidestep.report.units import money, resources

WORKLOADS_SHOWN = 500
_BLOCKERS_SHOWN = 200
_SERVICES_SHOWN = 10


def prerequisites(plan: Plan) -> Iterator[str]:
    """All of them: what is met is good to know too."""
    if plan.prerequisites:
        yield "## Before the first wave"
        rows = (
            (digest.met(each), escaped(each.name), escaped(each.evidence), escaped(each.fix or "-"))
            for each in (*digest.unmet(plan), *(each for each in plan.prerequisites if each.met))
        )
        yield _table(("State", "What", "Seen", "Fix"), [*rows])


def blockers(plan: Plan) -> Iterator[str]:
    """Each with its way out."""
    if plan.blockers:
        yield "## In the way"
        rows = [
            (escaped(each.name), escaped(f"{each.object}: {each.field}"), escaped(each.why), escaped(each.way_out))
            for each in digest.blockers(plan)
        ]
        yield _table(("Kind", "Object", "Why", "Way out"), rows[:_BLOCKERS_SHOWN])
        yield from _more(len(rows), _BLOCKERS_SHOWN)


def waypoints(plan: Plan) -> Iterator[str]:
    """Each with its size, its price and why it is there."""
    if plan.waypoints:
        heads = ("Waypoint", "Services", "Replicas", "Each requests", "Cost/month", "At most/month", "Why")
        yield "## Waypoints"
        yield _table(heads, [_waypoint(each, plan) for each in plan.waypoints])


def workloads(plan: Plan) -> Iterator[str]:
    """All verdicts with their reasons; those that need something first."""
    if plan.workloads:
        needing = digest.needing(plan)
        named = {row.workload for row in needing}
        rows = [
            _workload(each) for each in (*needing, *(each for each in plan.workloads if each.workload not in named))
        ]
        heads = ("Workload", "Pods", "Today", "Verdict", "Sure", "Wave", "Differences", "Why")
        yield "## Workloads"
        yield _table(heads, rows[:WORKLOADS_SHOWN])
        yield from _more(len(rows), WORKLOADS_SHOWN)


def _waypoint(each: PlacedWaypoint, plan: Plan) -> tuple[str, ...]:
    services = ", ".join(f"{namespace}/{name}" for namespace, name in each.services[:_SERVICES_SHOWN])
    more = f" and {len(each.services) - _SERVICES_SHOWN} more" if len(each.services) > _SERVICES_SHOWN else ""
    told = (
        f"{each.namespace}/{each.name}{' (there already)' if each.reused else ''}",
        f"{services}{more}",
        f"{each.size.replicas} to {each.size.autoscaling.max_replicas}",
        resources(each.size.requests) + (" (assumed)" if each.size.assumed else ""),
        money(each.price.monthly, plan.currency),
        money(each.price.at_most, plan.currency),
        each.because,
    )
    return tuple(escaped(text) for text in told)


def _workload(told: WorkloadPlan) -> tuple[str, ...]:
    why = [digest.reason(each) for each in told.reasons]
    why += [f"decided by hand: {told.override}"] if told.override else []
    why += [f"way out: {told.way_out}"] if told.way_out else []
    return (
        escaped(str(told.workload)),
        f"{told.pods:,}",
        escaped(told.today),
        told.fate.value,
        told.confidence.value,
        "-" if told.wave is None else str(told.wave),
        " ".join(_difference(code) for code in told.differences) or "-",
        "<br>".join(escaped(text) for text in why) or "-",
    )


def _difference(code: str) -> str:
    page = digest.difference_page(code)
    return f"[{code}]({page})" if page else escaped(code)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(map(row, (heads, ("---",) * len(heads), *rows)))


def _more(listed: int, shown: int) -> Iterator[str]:
    if listed > shown:
        yield f"… and {listed - shown:,} more, in `plan.json`."
