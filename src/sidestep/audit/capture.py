"""Which pods ambient was asked to take and did not."""

from sidestep.audit.facts import Facts, Workload
from sidestep.model.pods import Pod
from sidestep.semantics.enrolment import enrolment


def missed(facts: Facts, workload: Workload) -> list[Pod]:
    """Pods that labels put into ambient, with nothing against it, and that nobody captures."""
    labels = facts.mesh.namespace_labels(workload.ref.namespace)
    return [
        pod
        for group in workload.groups
        if group.pods and not group.recognition.captured and enrolment(group.shape, labels).missed
        for pod in group.pods
    ]
