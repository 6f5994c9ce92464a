"""SID102: injection asked for by an annotation, which the webhook cannot see."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.injection import INJECT, Result


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        shape = workload.next_shape
        if shape is None or INJECT not in shape.annotations:
            continue
        value = shape.annotations[INJECT]
        evidence = (Evidence(f"template.metadata.annotations[{INJECT}]", value),)
        if INJECT in shape.labels and shape.labels[INJECT] != value:
            yield Found(
                of_workload(workload),
                f"annotation {INJECT}={value} is hidden by the label of the same name, {shape.labels[INJECT]!r}",
                "remove the annotation and keep the label",
                evidence,
            )
        elif value == "true" and workload.injection.result is Result.NOT_INJECTED and not workload.sidecars:
            yield Found(
                of_workload(workload),
                f"injection is asked for by the annotation {INJECT}=true only: {workload.injection.reason}",
                f"if a sidecar is wanted, set the label {INJECT}=true on the pod template; else remove the annotation",
                evidence,
            )


RULE = Rule("SID102", "inject-annotation-only", "Injection asked for by annotation only", Severity.WARNING, _check)
