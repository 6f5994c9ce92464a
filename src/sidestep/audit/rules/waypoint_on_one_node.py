"""SID201: all replicas of a waypoint on one node: losing it takes them all."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.model.kinds import NODE
from sidestep.semantics.proxies import Role


def _check(facts: Facts) -> Iterator[Found]:
    if len(facts.mesh.of(NODE)) < 2:
        return
    for workload in facts.workloads:
        pods = [pod for group in workload.groups for pod in group.pods if pod.node]
        nodes = {pod.node for pod in pods}
        if workload.role is Role.WAYPOINT and len(pods) > 1 and len(nodes) == 1:
            yield Found(
                of_workload(workload),
                f"all {len(pods)} replicas of this waypoint run on one node: losing it takes them all",
                "spread them: topologySpreadConstraints over kubernetes.io/hostname, in the `deployment` overlay of "
                "the ConfigMap that spec.infrastructure.parametersRef of its Gateway names",
                (Evidence("node", next(iter(nodes))), Evidence("replicas", str(len(pods)))),
            )


RULE = Rule("SID201", "waypoint-on-one-node", "All replicas of a waypoint on one node", Severity.WARNING, _check)
