"""What every format picks out of a plan: counts by verdict, who needs something, what is not met."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from math import fsum

from msgspec import Struct

from sidestep.plan.blockers import Blocker
from sidestep.plan.document import Confidence, Constraint, Exposure, Fate, Plan, Reason, Wave, WorkloadPlan
from sidestep.plan.prerequisites import Prerequisite
from sidestep.plan.steps import Effect, Step
from sidestep.report.places import page
from sidestep.report.units import count, money, window

FATES = {
    Fate.AMBIENT: "ambient, ztunnel is enough",
    Fate.WAYPOINT: "ambient with a waypoint",
    Fate.REWORK: "rework first",
    Fate.SIDECAR: "keeps its sidecar",
    Fate.NONE: "not in the mesh",
}
STUCK = (Fate.REWORK, Fate.SIDECAR)
"""Those who do not become ambient by this plan, though they are in the mesh."""
_DIFFERENCE = re.compile(r"D\d{2,3}", re.ASCII)


class Verdicts(Struct, frozen=True):
    """How many workloads and pods end somewhere."""

    fate: Fate
    workloads: int
    pods: int


def verdicts(plan: Plan) -> tuple[Verdicts, ...]:
    """One for each fate that there is, in the order of `FATES`."""
    return tuple(
        _counted(fate, rows) for fate in FATES if (rows := [row for row in plan.workloads if row.fate is fate])
    )


def needing(plan: Plan) -> tuple[WorkloadPlan, ...]:
    """Workloads that somebody must look at: first what must be reworked, what stays, then what is unsure or forced."""
    chosen = [row for row in plan.workloads if _asks(row)]
    return tuple(sorted(chosen, key=lambda row: STUCK.index(row.fate) if row.fate in STUCK else len(STUCK)))


def blockers(plan: Plan) -> tuple[Blocker, ...]:
    """The first of each kind before a second of any, so that a frequent one does not hide the others."""
    seen: Counter[str] = Counter()
    ranked = []
    for each in plan.blockers:
        ranked.append((seen[each.name], each))
        seen[each.name] += 1
    return tuple(each for _, each in sorted(ranked, key=lambda pair: pair[0]))


def unmet(plan: Plan) -> tuple[Prerequisite, ...]:
    """Prerequisites that do not hold, then those of which nobody knows."""
    return tuple(sorted((each for each in plan.prerequisites if not each.met), key=lambda each: each.met is None))


def met(prerequisite: Prerequisite) -> str:
    """In one word."""
    return "check" if prerequisite.met is None else "met" if prerequisite.met else "to do"


def waves(plan: Plan) -> tuple[Wave, ...]:
    """All of them by number, those too that only a step names."""
    told = {wave.number: wave for wave in plan.waves}
    named = {step.wave for step in plan.steps} - told.keys()
    return tuple(sorted((*told.values(), *map(_untitled, named)), key=lambda wave: wave.number))


def steps_of(plan: Plan, wave: int) -> tuple[Step, ...]:
    """Its steps in order."""
    return tuple(step for step in plan.steps if step.wave == wave)


def waypoints_monthly(plan: Plan) -> float:
    """What all waypoints cost per month."""
    return fsum(each.price.monthly for each in plan.waypoints)


def reason(told: Reason) -> str:
    """A reason with where it stands."""
    place = f" ({told.object}{f': {told.field}' if told.field else ''})" if told.object else ""
    return f"{told.text}{place}"


def constraint(told: Constraint) -> str:
    """A constraint with the objects that make it so."""
    named = ", ".join(map(str, told.objects))
    return f"{told.text} ({named})" if named else told.text


def does(effect: Effect) -> str:
    """What a step does, in one word."""
    return str(type(effect).__struct_config__.tag)


def difference_page(code: str) -> str:
    """Where a difference is described; empty for what is no code of one."""
    return page(f"differences/{code}.md") if _DIFFERENCE.fullmatch(code) else ""


def name(row: WorkloadPlan) -> str:
    """A workload with its pods."""
    return f"{row.workload} ({count(row.pods, 'pod')})"


def span(exposure: Exposure) -> str:
    """From which step to which, and how long."""
    until = f"to {exposure.closes}" if exposure.closes else "and stays open"
    length = "" if exposure.seconds is None else f", about {window(exposure.seconds)}"
    return f"wave {exposure.wave}, from {exposure.opens} {until}{length}"


def at_the_end(plan: Plan) -> Iterator[tuple[str, str]]:
    """The money at the end, in words, by label."""
    told = plan.money
    if told.saved is not None:
        word = "less a month than today" if told.saved >= 0 else "more a month than today"
        yield "At the end", f"{money(abs(told.saved), plan.currency)} {word}"
    if told.sidecars is not None and told.ambient is not None:
        sidecars, ambient = money(told.sidecars, plan.currency), money(told.ambient, plan.currency)
        yield "Then", f"{sidecars} a month for sidecars that are left, {ambient} for ztunnel and waypoints"
    if plan.waypoints:
        monthly = money(waypoints_monthly(plan), plan.currency)
        there = sum(each.reused is not None for each in plan.waypoints)
        reused = f", {there} of them there already" if there else ""
        yield "Waypoints", f"{count(len(plan.waypoints), 'waypoint')}{reused}: {monthly} a month"


def _asks(row: WorkloadPlan) -> bool:
    unsure = row.confidence is Confidence.LOW and row.fate is not Fate.NONE
    return row.fate in STUCK or unsure or bool(row.override)


def _counted(fate: Fate, rows: Iterable[WorkloadPlan]) -> Verdicts:
    pods = [row.pods for row in rows]
    return Verdicts(fate, len(pods), sum(pods))


def _untitled(number: int) -> Wave:
    return Wave(number, "")
