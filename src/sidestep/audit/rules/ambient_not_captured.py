"""SID119: pods asked into ambient, with nothing against it, that ztunnel does not capture."""

from collections.abc import Iterator

from sidestep.audit.capture import missed
from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.proxies import REDIRECTION


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        pods = missed(facts, workload)
        if pods:
            nodes = sorted({pod.node for pod in pods if pod.node})
            yield Found(
                of_workload(workload),
                f"{len(pods)} of {workload.pods} pods are labelled for ambient but not captured: their traffic is "
                "plain text, and no policy guards them",
                "check istio-cni on their nodes, then restart the pods",
                (
                    Evidence(f"annotations[{REDIRECTION}]", "absent"),
                    Evidence("pods", ", ".join(pod.name for pod in pods[:5])),
                    Evidence("nodes", ", ".join(nodes[:5])),
                ),
            )


RULE = Rule("SID119", "ambient-not-captured", "Labelled for ambient, not captured", Severity.ERROR, _check)
