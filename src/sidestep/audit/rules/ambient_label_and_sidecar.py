"""SID118: pods asked into ambient that carry a sidecar: the sidecar wins."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.enrolment import DATAPLANE_MODE, selected
from sidestep.semantics.proxies import STATUS


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        namespace_labels = facts.mesh.namespace_labels(workload.ref.namespace)
        both = [
            group
            for group in workload.groups
            if group.recognition.sidecar and selected(group.shape.labels, namespace_labels)
        ]
        if both:
            own = both[0].shape.labels.get(DATAPLANE_MODE) == "ambient"
            yield Found(
                of_workload(workload),
                f"{sum(group.count for group in both)} pods are labelled for ambient ({'pod' if own else 'namespace'} "
                "label) and carry a sidecar: the sidecar wins, and ztunnel does not capture them",
                "take away what injects them and restart, or remove the ambient label until their wave",
                (Evidence(f"labels[{DATAPLANE_MODE}]", "ambient"), Evidence(f"annotations[{STATUS}]", "present")),
            )


RULE = Rule(
    "SID118",
    "ambient-label-and-sidecar",
    "Ambient label and sidecar on one pod",
    Severity.WARNING,
    _check,
    ("KIA1311",),
)
