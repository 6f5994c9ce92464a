"""The plan for a terminal: what it comes to, its waves, and what somebody must see to."""

from collections.abc import Iterator, Sequence

from rich.console import Console

from sidestep.plan.blockers import Blocker
from sidestep.plan.document import Confidence, Exposure, Fate, Plan, Wave, WorkloadPlan
from sidestep.plan.prerequisites import Prerequisite
from sidestep.report.columns import Column, console, pairs, plain, print_table, prose
from sidestep.report.formats import Look
from sidestep.report.items import Item, print_item
from sidestep.report.plan import digest
from sidestep.report.plan.report import PlanReport
from sidestep.report.table import trimmed
from sidestep.report.units import count, money

ITEMS_SHOWN = 8
WAVES_SHOWN = 30
_STYLES = {
    Fate.AMBIENT: "green",
    Fate.WAYPOINT: "cyan",
    Fate.REWORK: "bold red",
    Fate.SIDECAR: "bold magenta",
    Fate.NONE: "dim",
}
_WAVES = (
    Column("WAVE", right=True),
    Column("WHAT", least=16),
    Column("WORKLOADS", 2, right=True),
    Column("PODS", right=True),
    Column("STEPS", 4, right=True),
    Column("SIDECARS/MO", 6, right=True),
    Column("AMBIENT/MO", 5, right=True),
    Column("SAVED/MO", 1, right=True),
    Column("OWNER", 3, least=10),
)


def render(report: PlanReport, look: Look) -> str:
    """Text of at most `look.width` columns."""
    plan, out = report.plan, console(look)
    with out.capture() as captured:
        print_head(plan, out)
        print_waves(plan, out, WAVES_SHOWN)
        print_verdicts(plan, out)
        print_needs(plan, out, ITEMS_SHOWN)
    return trimmed(captured.get())


def print_head(plan: Plan, out: Console) -> None:
    """What was not read, where it comes from, and the plan in a few sentences."""
    if plan.missing:
        out.print(plain(f"PARTIAL: {count(len(plan.missing), 'thing')} could not be read", "bold red"))
        for each in _first(plan.missing, ITEMS_SHOWN):
            prose(out, plain(each, "red"), indent=2)
        out.print()
    prose(out, plain(f"Source: {plan.source}, Istio {plan.istio or 'unknown'}"))
    out.print()
    prose(out, plain(plan.summary))
    out.print()


def print_waves(plan: Plan, out: Console, shown: int) -> None:
    """The table of waves, `shown` rows of it."""
    waves = digest.waves(plan)
    if not waves:
        return
    print_table(out, _WAVES, [_cells(plan, wave) for wave in waves[:shown]])
    if len(waves) > shown:
        prose(out, plain(f"… and {count(len(waves) - shown, 'wave')} more (-o wide shows all)", "dim"))
    out.print()


def print_verdicts(plan: Plan, out: Console) -> None:
    """How many end where, and the money at the end."""
    told = [
        (each.fate.value, f"{count(each.workloads, 'workload')}, {count(each.pods, 'pod')}")
        for each in digest.verdicts(plan)
    ]
    pairs(out, [*told, *digest.at_the_end(plan)])
    out.print()


def print_needs(plan: Plan, out: Console, shown: int) -> None:
    """What somebody must see to: workloads, blockers, prerequisites, windows."""
    _section(out, "Workloads that need something", [_workload(row) for row in digest.needing(plan)], shown)
    _section(out, "In the way", [_blocker(each) for each in digest.blockers(plan)], shown)
    _section(out, "Before the first wave", [_prerequisite(each) for each in digest.unmet(plan)], shown)
    _section(out, "Requests decided otherwise for a while", [_exposure(each) for each in plan.exposures], shown)


def _section(out: Console, title: str, items: Sequence[Item], shown: int) -> None:
    if not items:
        return
    out.print(plain(title, "bold"))
    for item in items[:shown]:
        print_item(out, item)
    if len(items) > shown:
        prose(out, plain(f"… and {len(items) - shown:,} more (-o wide, json or html shows all)"), indent=2)
    out.print()


def _cells(plan: Plan, wave: Wave) -> tuple[str, ...]:
    return (
        str(wave.number),
        wave.title,
        f"{len(wave.workloads):,}",
        f"{wave.pods:,}",
        f"{len(digest.steps_of(plan, wave.number)):,}",
        money(wave.money.sidecars, plan.currency),
        money(wave.money.ambient, plan.currency),
        money(wave.money.saved, plan.currency),
        wave.owner or "-",
    )


def _workload(row: WorkloadPlan) -> Item:
    return Item(row.fate.value, _STYLES[row.fate], digest.name(row), texts=tuple(_said(row)))


def _said(row: WorkloadPlan) -> Iterator[tuple[str, str]]:
    yield from ((digest.reason(each), "") for each in row.reasons)
    if row.confidence is Confidence.LOW:
        yield "unsure: something that matters was not read", "yellow"
    if row.override:
        yield f"decided by hand: {row.override}", "yellow"
    if row.way_out:
        yield f"way out: {row.way_out}", "dim"


def _blocker(each: Blocker) -> Item:
    place = f"({each.field})" if each.field else ""
    texts = ((each.why, ""), (f"way out: {each.way_out}", "dim"))
    return Item(each.name, "bold magenta", str(each.object), place=place, texts=texts)


def _prerequisite(each: Prerequisite) -> Item:
    style = "yellow" if each.met is None else "bold red"
    fix = ((f"fix: {each.fix}", "dim"),) if each.fix else ()
    return Item(digest.met(each).ljust(5), style, each.name, texts=((each.evidence, ""), *fix))


def _exposure(each: Exposure) -> Item:
    closable = (("a policy that closes it is in the plan", "dim"),) if each.policy else ()
    return Item("window", "yellow", digest.span(each), texts=((each.requests, ""), *closable))


def _first(texts: Sequence[str], shown: int) -> Iterator[str]:
    yield from texts[:shown]
    if len(texts) > shown:
        yield f"… and {len(texts) - shown:,} more (-o json shows all)"
