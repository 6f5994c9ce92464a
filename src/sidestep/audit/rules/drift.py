"""SID106: running pods have a sidecar and the next ones would not, or the other way round."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Group, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.restart import restart
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.injection import Result
from sidestep.semantics.proxies import STATUS, Role

_RUN_ONCE = ("Job", "CronJob")


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        if workload.injection.result is Result.UNKNOWN or workload.role is not Role.APPLICATION:
            continue
        stale = sum(group.count for group in workload.groups if group.pods and _differs(group, workload))
        if stale and workload.ref.kind not in _RUN_ONCE:
            yield _found(workload, stale, assumed=facts.injectors.assumed)


def _differs(group: Group, workload: Workload) -> bool:
    """Proxyless pods count by whether they were injected, not by how they were asked for."""
    was_injected = group.recognition.sidecar is not None or STATUS in group.shape.annotations
    return was_injected != (workload.injection.result is Result.INJECTED)


def _found(workload: Workload, stale: int, *, assumed: bool) -> Found:
    gains = workload.injection.result is Result.INJECTED
    what = "have no sidecar, and the next would get one" if gains else "have a sidecar, and the next would get none"
    doubt = " (webhooks were not read; those of Istio's charts are assumed)" if assumed else ""
    return Found(
        of_workload(workload),
        f"{stale} of {workload.pods} running pods {what}: {workload.injection.reason}{doubt}",
        f"decide which is meant and correct the labels, then {restart(workload.ref)}",
        (
            Evidence("running", f"{workload.sidecars} of {workload.pods} with sidecar"),
            *(Evidence("next pod", step) for step in workload.injection.chain),
        ),
        Severity.INFO if assumed else None,
    )


RULE = Rule("SID106", "drift", "Running pods differ from what would be injected", Severity.WARNING, _check)
