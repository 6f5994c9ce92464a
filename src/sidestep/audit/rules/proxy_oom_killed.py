"""SID115: a proxy that was killed for want of memory."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.model.pods import ContainerStatus, Pod
from sidestep.semantics.proxies import PROXY


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        killed = [
            (pod, status)
            for group in workload.groups
            if group.recognition.proxy
            for pod in group.pods
            if (status := _killed(pod)) is not None
        ]
        if killed:
            yield _found(workload, killed)


def _killed(pod: Pod) -> ContainerStatus | None:
    for statuses in (pod.status.container_statuses, pod.status.init_container_statuses):
        for status in statuses or ():
            if status.restart_count and status.name == PROXY and _was_oom(status):
                return status
    return None


def _was_oom(status: ContainerStatus) -> bool:
    return any(
        state is not None and state.terminated is not None and state.terminated.reason == "OOMKilled"
        for state in (status.state, status.last_state)
    )


def _found(workload: Workload, killed: list[tuple[Pod, ContainerStatus]]) -> Found:
    restarts = sum(status.restart_count for _, status in killed)
    return Found(
        of_workload(workload),
        f"the proxy of {len(killed)} pods was last killed for want of memory ({restarts} restarts in all)",
        "raise its memory limit, or scope its configuration with a Sidecar resource; size its waypoint from real use",
        tuple(Evidence(pod.name, f"OOMKilled, {status.restart_count} restarts") for pod, status in killed[:5]),
    )


RULE = Rule("SID115", "proxy-oom-killed", "Proxy killed for want of memory", Severity.ERROR, _check)
