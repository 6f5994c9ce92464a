"""SID113: sidecars that cannot receive HBONE: ztunnel and waypoints reach them in plain text."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.proxies import TUNNEL


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        lacking = sum(
            group.count
            for group in workload.groups
            if group.pods and group.recognition.sidecar and not group.recognition.hbone
        )
        if lacking:
            yield Found(
                of_workload(workload),
                f"{lacking} of {workload.sidecars} sidecars cannot receive HBONE: ambient clients and waypoints would "
                "reach them in plain text without an identity, and STRICT refuses that",
                "enable ambient in istiod (PILOT_ENABLE_AMBIENT=true), then restart this before any client moves",
                (Evidence(f"metadata.labels[{TUNNEL}]", "absent"), Evidence("ISTIO_META_ENABLE_HBONE", "not true")),
            )


RULE = Rule("SID113", "sidecar-without-hbone", "Sidecar cannot receive HBONE", Severity.WARNING, _check)
