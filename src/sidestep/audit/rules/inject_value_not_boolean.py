"""SID103: an inject label or annotation that is neither `true` nor `false`."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.injection import INJECT, Result, explicit_choice

_OUTCOME = {
    Result.INJECTED: "the next pod would be injected",
    Result.NOT_INJECTED: "the next pod would not be injected",
    Result.UNKNOWN: "whether the next pod would be injected cannot be told",
}


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        shape = workload.next_shape
        if shape is None:
            continue
        holder, value = explicit_choice(shape.labels, shape.annotations)
        if value is None or value in ("true", "false"):
            continue
        yield Found(
            of_workload(workload),
            f"{holder} {INJECT}={value!r} is neither true nor false and counts for nothing: "
            f"{_OUTCOME[workload.injection.result]} ({workload.injection.reason})",
            f'write {INJECT}: "true" or "false", in lower case and quoted',
            (Evidence(f"template.metadata.{holder}s[{INJECT}]", value),),
        )


RULE = Rule("SID103", "inject-value-not-boolean", "Injection value is neither true nor false", Severity.WARNING, _check)
