"""SID217: a waypoint or ztunnel that is killed before its connections have drained."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.loose import as_dict
from sidestep.semantics.proxies import Role

DEFAULT_GRACE = 30
_FIELD = "spec.template.spec.terminationGracePeriodSeconds"
_FIX = {
    Role.WAYPOINT: "raise terminationGracePeriodSeconds in the `deployment` overlay of the Gateway, together with "
    "terminationDrainDuration in proxy.istio.io/config; waypoints have 30 s since Istio 1.28",
    Role.ZTUNNEL: "raise terminationGracePeriodSeconds in ztunnel's values to the life of your connections",
}


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        grace = _grace(workload) if workload.role in _FIX else None
        if grace is not None and grace < DEFAULT_GRACE:
            yield Found(
                of_workload(workload),
                f"is killed {grace} s after it is told to end: connections that live longer are cut at every rollout "
                f"and scale-down (Istio's default is {DEFAULT_GRACE} s)",
                _FIX[workload.role],
                (Evidence(_FIELD, str(grace)),),
            )


def _grace(workload: Workload) -> int | None:
    """Seconds between the request to end and the end; None where its controller was not read or does not say."""
    if workload.template is None:
        return None
    tree: Any = workload.template.controller.tree()
    template = as_dict(as_dict(as_dict(tree.get("spec")).get("template")).get("spec"))
    grace = template.get("terminationGracePeriodSeconds")
    return grace if isinstance(grace, int) and not isinstance(grace, bool) else None


RULE = Rule("SID217", "drain-too-short", "Proxy ends before its connections drain", Severity.WARNING, _check)
