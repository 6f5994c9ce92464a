"""SID119: pods asked into ambient, with nothing against it, that ztunnel does not capture."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.enrolment import enrolment
from sidestep.semantics.proxies import REDIRECTION


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        labels = facts.mesh.namespace_labels(workload.ref.namespace)
        missed = [
            pod
            for group in workload.groups
            if group.pods and not group.recognition.captured and enrolment(group.shape, labels).missed
            for pod in group.pods
        ]
        if missed:
            nodes = sorted({pod.node for pod in missed if pod.node})
            yield Found(
                of_workload(workload),
                f"{len(missed)} of {workload.pods} pods are labelled for ambient but not captured: their traffic is "
                "plain text, and no policy guards them",
                "check istio-cni on their nodes, then restart the pods",
                (
                    Evidence(f"annotations[{REDIRECTION}]", "absent"),
                    Evidence("pods", ", ".join(pod.name for pod in missed[:5])),
                    Evidence("nodes", ", ".join(nodes[:5])),
                ),
            )


RULE = Rule("SID119", "ambient-not-captured", "Labelled for ambient, not captured", Severity.ERROR, _check)
