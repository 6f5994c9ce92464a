"""SID120: pods that were there before istio-cni on their node, and so may never have been enrolled."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from sidestep.audit.capture import missed
from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.model.pods import Pod
from sidestep.semantics.proxies import Role


def _check(facts: Facts) -> Iterator[Found]:
    installed = _installed(facts)
    if not installed:
        return
    for workload in facts.workloads:
        early = [pod for pod in missed(facts, workload) if _is_before(pod, installed)]
        if early:
            yield _found(workload, early)


def _found(workload: Workload, early: list[Pod]) -> Found:
    first = early[0]
    return Found(
        of_workload(workload),
        f"{len(early)} pods started before istio-cni on their node and were never enrolled",
        "restart them; taint new nodes until istio-cni is ready (pilot.taint.enabled)",
        (Evidence(first.name, f"started {started(first)} on {first.node}"),),
    )


def _installed(facts: Facts) -> Mapping[str, datetime]:
    """When istio-cni started, by node; the earliest pod where there were several."""
    found: dict[str, datetime] = {}
    for _, group in facts.groups():
        if group.recognition.role is Role.ISTIO_CNI:
            for pod in group.pods:
                when = started(pod)
                if when and (pod.node not in found or when < found[pod.node]):
                    found[pod.node] = when
    return found


def _is_before(pod: Pod, installed: Mapping[str, datetime]) -> bool:
    when, then = started(pod), installed.get(pod.node)
    return when is not None and then is not None and when < then


def started(pod: Pod) -> datetime | None:
    """When the kubelet started a pod; its creation where the status does not say; None for no time at all."""
    text = pod.status.start_time or pod.created
    try:
        when = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return when if when and when.tzinfo else None


RULE = Rule("SID120", "pod-before-cni", "Pod older than istio-cni on its node", Severity.ERROR, _check)
