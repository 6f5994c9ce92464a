"""SID108: a classic sidecar on a Job or CronJob, which keeps its pods running for ever."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.proxies import SidecarMode


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        if workload.ref.kind not in ("Job", "CronJob"):
            continue
        classic = [g for g in workload.groups if g.recognition.sidecar is SidecarMode.CLASSIC and not g.predicted]
        if classic:
            running = sum(group.count for group in classic)
            yield Found(
                of_workload(workload),
                f"classic sidecar on a {workload.ref.kind}: its pods never complete by themselves ({running} running)",
                "let it be a native sidecar (annotation sidecar.istio.io/nativeSidecar=true), or move it to ambient",
                (Evidence("spec.containers", "istio-proxy"),),
            )


RULE = Rule("SID108", "job-classic-sidecar", "Classic sidecar on a Job", Severity.ERROR, _check)
