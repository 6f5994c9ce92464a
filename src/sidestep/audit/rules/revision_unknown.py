"""SID104: a revision label that no installed revision or tag answers to: no sidecar, and no error either."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, Subject, of_resource, of_workload
from sidestep.model.kinds import NAMESPACE
from sidestep.semantics.injection import INJECT, INJECTION, REVISION, Candidate
from sidestep.semantics.injectors import candidate


def _check(facts: Facts) -> Iterator[Found]:
    if facts.injectors.assumed:
        return
    for namespace in facts.mesh.of(NAMESPACE):
        labels = namespace.meta.labels
        if REVISION not in labels or INJECTION in labels:
            continue
        if not facts.injectors.answers(Candidate(namespace.meta.name, labels, {}, {})):
            yield _found(facts, of_resource(namespace), "metadata", labels[REVISION])
    for workload in facts.workloads:
        wanted = _wanted(facts, workload)
        if wanted is not None:
            yield _found(facts, of_workload(workload), "template.metadata", wanted)


def _wanted(facts: Facts, workload: Workload) -> str | None:
    """The revision that a pod's own label asks for in vain; None where it does not ask, or the namespace decides."""
    shape = workload.next_shape
    if shape is None or REVISION not in shape.labels or shape.spec.host_network or workload.sidecars:
        return None
    pod = candidate(facts.mesh, shape)
    decided = pod.namespace_labels is None or not {INJECTION, REVISION}.isdisjoint(pod.namespace_labels)
    if decided or shape.labels.get(INJECT) == "false" or facts.injectors.answers(pod):
        return None
    return shape.labels[REVISION]


def _found(facts: Facts, subject: Subject, field: str, wanted: str) -> Found:
    names = ", ".join(sorted(facts.injectors.names))
    known = f"name an installed revision or tag ({names}), or create the tag: istioctl tag set"
    return Found(
        subject,
        f"label {REVISION}={wanted} names no installed revision or tag: new pods get no sidecar, silently",
        known if names else "remove the label, or install the revision: nothing injects here",
        (Evidence(f"{field}.labels[{REVISION}]", wanted), Evidence("installed", names or "none")),
    )


RULE = Rule("SID104", "revision-unknown", "Revision label that nobody answers to", Severity.ERROR, _check)
