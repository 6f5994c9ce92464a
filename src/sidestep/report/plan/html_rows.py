"""Rows of the tables on a plan's page, as the script takes them."""

from collections.abc import Iterator
from typing import Any

from sidestep.plan.document import Plan, WorkloadPlan
from sidestep.plan.steps import Step, reverse
from sidestep.plan.waypoints.placement import PlacedWaypoint
from sidestep.report.plan import digest
from sidestep.report.plan.file_names import ROLLBACK, WAVES, file_of
from sidestep.report.plan.kubectl import Shell

_STATES = ("to do", "check", "met")
_RANKS = (*digest.STUCK, *(fate for fate in digest.FATES if fate not in digest.STUCK))


def rows(plan: Plan) -> dict[str, Any]:
    """All tables by name, and what the script spells money with."""
    shell = Shell(plan)
    return {
        "currency": plan.currency,
        "workloads": [_workload(row) for row in plan.workloads],
        "steps": [_step(index, step, shell) for index, step in enumerate(plan.steps)],
        "waypoints": [_waypoint(each) for each in plan.waypoints],
        "blockers": [*_blockers(plan)],
        "prerequisites": [*_prerequisites(plan)],
    }


def _workload(row: WorkloadPlan) -> dict[str, Any]:
    """`rank` puts first what somebody must see to."""
    ref = row.workload
    return {
        "namespace": ref.namespace,
        "kind": ref.kind,
        "name": ref.name,
        "pods": row.pods,
        "today": row.today,
        "fate": row.fate.value,
        "rank": _RANKS.index(row.fate),
        "confidence": row.confidence.value,
        "reasons": [digest.reason(each) for each in row.reasons],
        "differences": [(code, digest.difference_page(code)) for code in row.differences],
        "wayOut": row.way_out,
        "override": row.override,
        "wave": row.wave,
    }


def _step(index: int, step: Step, shell: Shell) -> dict[str, Any]:
    back = reverse(step.effect)
    return {
        "index": index,
        "id": step.id,
        "wave": step.wave,
        "does": digest.does(step.effect),
        "description": step.description,
        "told": " · ".join(_told(step)),
        "commands": "\n".join(shell.lines(step.effect, file_of(WAVES, step, step.effect))),
        "back": "" if back is None else "\n".join(shell.lines(back, file_of(ROLLBACK, step, back))),
    }


def _told(step: Step) -> Iterator[str]:
    if step.preconditions:
        yield f"Must hold before: {'; '.join(step.preconditions)}"
    if step.after:
        yield f"After {', '.join(step.after)}"
    if step.predicts:
        yield f"Then: {step.predicts}"
    if step.because:
        yield f"Because of {', '.join(map(str, step.because))}"


def _waypoint(each: PlacedWaypoint) -> dict[str, Any]:
    return {
        "namespace": each.namespace,
        "name": each.name,
        "services": [f"{namespace}/{name}" for namespace, name in each.services],
        "replicas": each.size.replicas,
        "most": each.size.autoscaling.max_replicas,
        "requests": each.size.requests,
        "assumed": each.size.assumed,
        "monthly": each.price.monthly,
        "atMost": each.price.at_most,
        "because": each.because,
        "reused": each.reused is not None,
    }


def _blockers(plan: Plan) -> Iterator[dict[str, str]]:
    for each in plan.blockers:
        named = {"name": each.name, "object": str(each.object), "field": each.field}
        yield {**named, "why": each.why, "wayOut": each.way_out}


def _prerequisites(plan: Plan) -> Iterator[dict[str, Any]]:
    for each in plan.prerequisites:
        state = digest.met(each)
        told = {"name": each.name, "evidence": each.evidence, "fix": each.fix}
        yield {**told, "state": state, "rank": _STATES.index(state)}
