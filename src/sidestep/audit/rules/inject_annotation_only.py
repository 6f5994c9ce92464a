"""SID102: injection asked for by an annotation, which the webhook cannot see."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.model.metadata import Labels
from sidestep.model.pods import PodShape
from sidestep.semantics.injection import INJECT, INJECTION, REVISION, Result


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        shape = workload.next_shape
        if shape is None or INJECT not in shape.annotations:
            continue
        if INJECT in shape.labels:
            if shape.labels[INJECT] != shape.annotations[INJECT]:
                yield _hidden(workload, shape)
        elif _asks_in_vain(workload, shape, facts.mesh.namespace_labels(workload.ref.namespace)):
            yield _unseen(workload, facts.mesh.namespace_labels(workload.ref.namespace))


def _asks_in_vain(workload: Workload, shape: PodShape, namespace: Labels) -> bool:
    """Whether nothing but the annotation asks, so that no webhook is called."""
    asked_otherwise = REVISION in shape.labels or REVISION in namespace or namespace.get(INJECTION) == "enabled"
    refused = workload.injection.result is Result.NOT_INJECTED and not shape.spec.host_network
    return shape.annotations[INJECT] == "true" and refused and not asked_otherwise and not workload.sidecars


def _hidden(workload: Workload, shape: PodShape) -> Found:
    annotation, label = shape.annotations[INJECT], shape.labels[INJECT]
    return Found(
        of_workload(workload),
        f"annotation {INJECT}={annotation} is hidden by the label of the same name, {label!r}",
        "remove the annotation and keep the label",
        (
            Evidence(f"template.metadata.annotations[{INJECT}]", annotation),
            Evidence(f"template.metadata.labels[{INJECT}]", label),
        ),
    )


def _unseen(workload: Workload, namespace: Labels) -> Found:
    wanted = f"set the label {INJECT}=true on the pod template"
    if INJECTION in namespace:
        wanted = f"change {INJECTION}={namespace[INJECTION]} on the namespace, which forbids it to all pods"
    return Found(
        of_workload(workload),
        f"annotation {INJECT}=true is all that asks for injection, and webhooks see labels only: no sidecar",
        f"if a sidecar is wanted, {wanted}; remove the annotation in any case",
        (Evidence(f"template.metadata.annotations[{INJECT}]", "true"),),
    )


RULE = Rule("SID102", "inject-annotation-only", "Injection asked for by annotation only", Severity.WARNING, _check)
