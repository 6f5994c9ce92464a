"""Servers that must wait: whoever still has a sidecar calls them past any waypoint.

Source: istio-semantics.md D51 (istio#51445), §7.2 (4). A guarded server with a caller that stays on its sidecar stays
on its own: ambient callers reach a sidecar all the same, and it goes on enforcing.
"""

from msgspec.structs import replace

from sidestep.model.metadata import WorkloadRef
from sidestep.plan.calls import Calls
from sidestep.plan.document import Fate, Reason
from sidestep.plan.verdicts.judge import Judged
from sidestep.semantics.instances import Mode

_STAYING = (Fate.SIDECAR, Fate.REWORK)


def held_back(judged: tuple[Judged, ...], calls: Calls, *, force: bool) -> tuple[Judged, ...]:
    """The verdicts once every guarded server waits for the callers that stay."""
    by_ref = {each.plan.workload: each for each in judged}
    waiting = [ref for ref, each in sorted(by_ref.items()) if _stays(each)]
    called = _called_by(by_ref, calls)
    while waiting:
        caller = waiting.pop()
        for server in called.get(caller, ()):
            found = by_ref[server]
            if found.plan.fate is Fate.WAYPOINT and found.needs.enforced and not (force and found.plan.override):
                by_ref[server] = _held(found, caller)
                waiting.append(server)
    return tuple(by_ref[each.plan.workload] for each in judged)


def _stays(each: Judged) -> bool:
    return each.plan.fate in _STAYING and any(pods.mode is Mode.SIDECAR for pods in each.pods)


def _called_by(by_ref: dict[WorkloadRef, Judged], calls: Calls) -> dict[WorkloadRef, list[WorkloadRef]]:
    found: dict[WorkloadRef, list[WorkloadRef]] = {}
    for server in sorted(by_ref):
        for caller in calls.callers(server):
            if caller in by_ref and caller != server:
                found.setdefault(caller, []).append(server)
    return found


def _held(each: Judged, caller: WorkloadRef) -> Judged:
    reason = Reason(f"{caller} calls it and keeps its sidecar, which never asks a waypoint", None, "", ("D51",))
    codes = tuple(sorted({*each.plan.differences, "D51"}))
    plan = replace(
        each.plan,
        fate=Fate.SIDECAR,
        reasons=(reason, *each.plan.reasons),
        differences=codes,
        way_out=f"move {caller} first; then this can follow",
    )
    return replace(each, plan=plan)
