"""SID121: a waypoint that one failure takes away: one replica, no autoscaler, no disruption budget, one zone."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Group
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import AUTOSCALER, DISRUPTION_BUDGET, GATEWAY, NODE
from sidestep.model.metadata import WorkloadRef
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.selectors import selects
from sidestep.semantics.waypoints import is_waypoint_gateway

_ZONE = "topology.kubernetes.io/zone"


def _check(facts: Facts) -> Iterator[Found]:
    by_ref = {workload.ref: workload for workload in facts.workloads}
    for gateway in facts.mesh.of(GATEWAY):
        if not is_waypoint_gateway(gateway):
            continue
        workload = by_ref.get(WorkloadRef(gateway.meta.namespace, "Deployment", gateway.meta.name))
        groups = workload.groups if workload else ()
        lacking = tuple(_lacking(facts, gateway, groups))
        if lacking:
            alone = any(evidence.field == "replicas" for evidence in lacking)
            yield Found(
                of_resource(gateway),
                f"one failure takes this waypoint away: {'; '.join(evidence.value for evidence in lacking)}",
                "give it two replicas over zones, an autoscaler and a disruption budget by a ConfigMap named in "
                "spec.infrastructure.parametersRef",
                lacking,
                None if alone else Severity.WARNING,
            )


def _lacking(facts: Facts, gateway: Resource[Spec], groups: tuple[Group, ...]) -> Iterator[Evidence]:
    namespace, name = gateway.meta.namespace, gateway.meta.name
    pods = [pod for group in groups for pod in group.pods]
    count = len(pods) or sum(group.count for group in groups)
    if groups and count < 2:
        yield Evidence("replicas", f"{count} replica")
    scaled = facts.mesh.in_namespace(AUTOSCALER, namespace)
    if not any(scaler.view.spec.scale_target_ref.name == name for scaler in scaled):
        yield Evidence("autoscaler", "no HorizontalPodAutoscaler")
    budgets = facts.mesh.in_namespace(DISRUPTION_BUDGET, namespace)
    labels = groups[0].shape.labels if groups else {"gateway.networking.k8s.io/gateway-name": name}
    if not any(selects(budget.view.spec.selector, labels) for budget in budgets):
        yield Evidence("disruption budget", "no PodDisruptionBudget")
    zones = _zones(facts, {pod.node for pod in pods})
    if len(pods) > 1 and len(zones) == 1 and len(_zones(facts, None)) > 1:
        yield Evidence("zone", f"all {len(pods)} replicas in zone {next(iter(zones))}")


def _zones(facts: Facts, names: set[str] | None) -> set[str]:
    """Zones of the nodes named, or of all."""
    nodes = facts.mesh.of(NODE)
    return {n.meta.labels[_ZONE] for n in nodes if _ZONE in n.meta.labels and (names is None or n.meta.name in names)}


RULE = Rule("SID121", "waypoint-not-available", "Waypoint is not highly available", Severity.ERROR, _check)
