"""SID106: running pods have a sidecar and the next ones would not, or the other way round."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Group, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.injection import Result
from sidestep.semantics.proxies import Role

_RUN_ONCE = ("Job", "CronJob")


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        if workload.injection.result is Result.UNKNOWN or workload.role is not Role.APPLICATION:
            continue
        stale = sum(group.count for group in workload.groups if group.pods and _differs(group, workload))
        if stale and workload.ref.kind not in _RUN_ONCE:
            yield _found(workload, stale)


def _differs(group: Group, workload: Workload) -> bool:
    carries = group.recognition.sidecar is not None or group.recognition.proxyless
    return carries != (workload.injection.result is Result.INJECTED)


def _found(workload: Workload, stale: int) -> Found:
    gains = workload.injection.result is Result.INJECTED
    what = "have no sidecar, and the next would get one" if gains else "have a sidecar, and the next would get none"
    return Found(
        of_workload(workload),
        f"{stale} of {workload.pods} running pods {what}: {workload.injection.reason}",
        "decide which is meant, correct the labels, then restart the workload so that all its pods agree",
        (
            Evidence("running", f"{workload.sidecars} of {workload.pods} with sidecar"),
            *(Evidence("next pod", step) for step in workload.injection.chain),
        ),
    )


RULE = Rule("SID106", "drift", "Running pods differ from what would be injected", Severity.WARNING, _check)
