"""SID107: sidecars of a revision that would not inject the next pod, or is not installed any more."""

from collections import Counter
from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.injection import Result


def _check(facts: Facts) -> Iterator[Found]:
    if facts.injectors.assumed:
        return
    for workload in facts.workloads:
        wanted = workload.injection
        if wanted.result is not Result.INJECTED:
            continue
        old = Counter[str]()
        for group in workload.groups:
            revision = group.recognition.revision
            if group.pods and group.recognition.sidecar and revision and revision != wanted.revision:
                old[revision] += group.count
        if old:
            yield _found(facts, workload, old)


def _found(facts: Facts, workload: Workload, old: Counter[str]) -> Found:
    ref = workload.ref
    gone = [revision for revision in old if revision not in facts.injectors.names]
    told = ", ".join(f"{count} of revision {revision}" for revision, count in sorted(old.items()))
    tail = f"; {', '.join(sorted(gone))} is not installed any more" if gone else ""
    return Found(
        of_workload(workload),
        f"{told}; the next pod would get {workload.injection.revision}{tail}",
        f"restart it: kubectl -n {ref.namespace} rollout restart {ref.kind.lower()}/{ref.name}",
        tuple(Evidence("sidecar.istio.io/status revision", revision) for revision in sorted(old)),
        Severity.ERROR if gone else None,
    )


RULE = Rule("SID107", "old-revision-sidecar", "Sidecars of an old revision", Severity.WARNING, _check, ("IST0158",))
