"""SID114: one resource annotation drops every default, so that the proxy runs without some request or limit."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Group
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.proxy_resources import ANNOTATIONS


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        for group in workload.groups:
            lacking = _lacking(group)
            if lacking:
                given = [name for name in ANNOTATIONS if name in group.shape.annotations]
                yield Found(
                    of_workload(workload),
                    f"{', '.join(given)} drops all defaults of the proxy: {group.count} pods run it without "
                    f"{' and '.join(lacking)}",
                    f"set {', '.join(name for name in ANNOTATIONS if name not in given)} too, or remove the annotation",
                    tuple(Evidence(f"metadata.annotations[{name}]", group.shape.annotations[name]) for name in given),
                )
                break


def _lacking(group: Group) -> list[str]:
    """Which requests the proxy runs without, though an annotation names some."""
    annotated = any(name in group.shape.annotations for name in ANNOTATIONS)
    if not annotated or not group.recognition.sidecar:
        return []
    requests = group.requests
    found = (("a CPU request", requests.cpu_millis), ("a memory request", requests.memory_bytes))
    return [what for what, value in found if not value]


RULE = Rule("SID114", "proxy-requests-dropped", "Annotation dropped the proxy's requests", Severity.WARNING, _check)
