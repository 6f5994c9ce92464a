"""SID122: `istio.io/use-waypoint` names a waypoint that does not serve: traffic goes direct, past every policy."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, Subject, of_resource, of_workload
from sidestep.model.kinds import GATEWAY, NAMESPACE, SERVICE, SERVICE_ENTRY
from sidestep.model.metadata import Labels
from sidestep.semantics.waypoints import USE_WAYPOINT, BindingState, binding

_WHY = {
    BindingState.ABSENT: "which does not exist",
    BindingState.NOT_A_WAYPOINT: "which is a Gateway but no waypoint",
    BindingState.NOT_READY: "which is not ready (no address in its status)",
    BindingState.ATTACHMENT_DENIED: "which does not admit this namespace (allowedRoutes)",
    BindingState.UNSUPPORTED_TRAFFIC: "which does not serve this kind of traffic (istio.io/waypoint-for)",
}


def _check(facts: Facts) -> Iterator[Found]:
    if any(gap.resource == GATEWAY.key for gap in facts.mesh.gaps):
        return
    for subject, labels, namespace, traffic in _bound(facts):
        found = binding(facts.mesh, labels, namespace, traffic)
        if found is None or found.state is BindingState.ACCEPTED:
            continue
        yield Found(
            subject,
            f"label {USE_WAYPOINT}={found.name} names {found.namespace}/{found.name}, {_WHY[found.state]}: traffic "
            "goes direct, and policies at the waypoint guard nothing",
            "create or repair the waypoint first (istioctl waypoint apply), or remove the label",
            (Evidence(f"metadata.labels[{USE_WAYPOINT}]", found.name), Evidence("state", found.state.value)),
        )


def _bound(facts: Facts) -> Iterator[tuple[Subject, Labels, str, str]]:
    """Every object that may carry the label: what it is, its labels, where to look, and for which traffic."""
    for namespace in facts.mesh.of(NAMESPACE):
        yield of_resource(namespace), namespace.meta.labels, namespace.meta.name, "any"
    kinds: tuple[Any, ...] = (SERVICE, SERVICE_ENTRY)
    for kind in kinds:
        for resource in facts.mesh.of(kind):
            yield of_resource(resource), resource.meta.labels, resource.meta.namespace, "service"
    for workload in facts.workloads:
        shape = workload.next_shape
        if shape is not None and USE_WAYPOINT in shape.labels:
            yield of_workload(workload), shape.labels, shape.namespace, "workload"


RULE = Rule("SID122", "waypoint-binding-broken", "Bound to a waypoint that does not serve", Severity.ERROR, _check)
