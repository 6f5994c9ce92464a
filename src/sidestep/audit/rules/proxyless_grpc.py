"""SID112: gRPC without a proxy: nothing is intercepted, and ambient offers no replacement."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.proxies import TEMPLATES


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        groups = [group for group in workload.groups if group.recognition.proxyless]
        if groups:
            template = groups[0].shape.annotations.get(TEMPLATES, "GRPC_XDS_BOOTSTRAP in the environment")
            yield Found(
                of_workload(workload),
                f"speaks xDS to istiod without a proxy (pods: {sum(group.count for group in groups)}): it cannot leave "
                "with the sidecars, which would cost it its configuration",
                "keep it injected, or rebuild the application with plain gRPC and move it like any other",
                (Evidence(TEMPLATES, template),),
            )


RULE = Rule("SID112", "proxyless-grpc", "Proxyless gRPC workload", Severity.BLOCKER, _check)
