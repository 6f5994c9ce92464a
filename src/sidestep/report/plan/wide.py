"""The plan for a wide terminal or a pager: every wave, workload, waypoint and step."""

from collections.abc import Sequence

from rich.console import Console

from sidestep.plan.document import Plan, WorkloadPlan
from sidestep.plan.steps import Step
from sidestep.plan.waypoints.placement import PlacedWaypoint
from sidestep.report.columns import Column, console, plain, print_table, prose
from sidestep.report.formats import Look
from sidestep.report.plan import digest
from sidestep.report.plan.report import PlanReport
from sidestep.report.plan.table import print_head, print_needs, print_verdicts, print_waves
from sidestep.report.table import trimmed
from sidestep.report.units import money, resources

_WORKLOADS = (
    Column("NAMESPACE", least=10),
    Column("WORKLOAD", least=16),
    Column("PODS", 2, right=True),
    Column("TODAY", 5),
    Column("VERDICT", least=8),
    Column("SURE", 3),
    Column("WAVE", 1, right=True),
    Column("DIFFERENCES", 4, least=12),
    Column("WHY", 6, least=20),
)
_WAYPOINTS = (
    Column("NAMESPACE", least=10),
    Column("WAYPOINT", least=12),
    Column("SERVICES", 2, right=True),
    Column("REPLICAS", 1, right=True),
    Column("EACH REQUESTS", 3),
    Column("COST/MO", right=True),
    Column("AT MOST/MO", 5, right=True),
    Column("THERE", 4),
    Column("WHY", 6, least=24),
)
_STEPS = (
    Column("STEP", least=8),
    Column("DOES", 2),
    Column("WHAT", least=20),
    Column("AFTER", 4, least=10),
    Column("THEN", 5, least=20),
)


def render(report: PlanReport, look: Look) -> str:
    """The parts of the short table, whole, and the tables behind them."""
    plan, out = report.plan, console(look)
    with out.capture() as captured:
        print_head(plan, out)
        print_waves(plan, out, len(digest.waves(plan)))
        print_verdicts(plan, out)
        _titled(out, "Workloads", _WORKLOADS, [_workload(row) for row in plan.workloads])
        _titled(out, "Waypoints", _WAYPOINTS, [_waypoint(each, plan) for each in plan.waypoints])
        _titled(out, "Steps", _STEPS, [_step(step) for step in plan.steps])
        print_needs(plan, out, len(plan.workloads) + len(plan.blockers) + len(plan.prerequisites) + len(plan.exposures))
        _words(plan, out)
    return trimmed(captured.get())


def _titled(out: Console, title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        out.print(plain(title, "bold"))
        print_table(out, columns, rows)
        out.print()


def _workload(row: WorkloadPlan) -> tuple[str, ...]:
    return (
        row.workload.namespace,
        f"{row.workload.kind.lower()}/{row.workload.name}",
        f"{row.pods:,}",
        row.today,
        row.fate.value,
        row.confidence.value,
        "-" if row.wave is None else str(row.wave),
        " ".join(row.differences) or "-",
        "; ".join(digest.reason(each) for each in row.reasons) or "-",
    )


def _waypoint(each: PlacedWaypoint, plan: Plan) -> tuple[str, ...]:
    return (
        each.namespace,
        each.name,
        f"{len(each.services):,}",
        f"{each.size.replicas:,}",
        resources(each.size.requests),
        money(each.price.monthly, plan.currency),
        money(each.price.at_most, plan.currency),
        "yes" if each.reused else "no",
        each.because,
    )


def _step(step: Step) -> tuple[str, ...]:
    return step.id, digest.does(step.effect), step.description, " ".join(step.after) or "-", step.predicts or "-"


def _words(plan: Plan, out: Console) -> None:
    for title, texts in (("Worth knowing", plan.advice), ("Taken for granted", plan.assumed)):
        if texts:
            out.print(plain(title, "bold"))
        for text in texts:
            prose(out, plain(text), indent=2)
