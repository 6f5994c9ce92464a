"""SID213: an ambient setting written as annotation: Istio reads labels."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, Subject, of_resource, of_workload
from sidestep.model.kinds import (
    AUTHORIZATION_POLICY,
    GATEWAY,
    GATEWAY_CLASS,
    NAMESPACE,
    SERVICE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
    Kind,
)
from sidestep.model.metadata import Labels
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.services import INGRESS_USE_WAYPOINT
from sidestep.semantics.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE, WAYPOINT_FOR

_KEYS = (DATAPLANE_MODE, USE_WAYPOINT, USE_WAYPOINT_NAMESPACE, WAYPOINT_FOR, INGRESS_USE_WAYPOINT)
_KINDS: tuple[Kind[Any], ...] = (NAMESPACE, SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY, GATEWAY, GATEWAY_CLASS)


def _check(facts: Facts) -> Iterator[Found]:
    for kind in _KINDS:
        for resource in facts.mesh.of(kind):
            yield from _found(of_resource(resource), resource.meta.annotations, resource.meta.labels)
    for workload in facts.workloads:
        shape = workload.next_shape
        if shape is not None:
            yield from _found(of_workload(workload), shape.annotations, shape.labels)
    for policy in facts.mesh.of(AUTHORIZATION_POLICY):
        yield from _on_policy(of_resource(policy), {**policy.meta.labels, **policy.meta.annotations})


def _found(subject: Subject, annotations: Labels, labels: Labels) -> Iterator[Found]:
    for key in _KEYS:
        if key in annotations and labels.get(key) != annotations[key]:
            instead = f"the label says {labels[key]}" if key in labels else "there is no such label"
            yield Found(
                subject,
                f"annotation {key}={annotations[key]} has no effect: Istio reads the label, and {instead}",
                f"write it as label {key}={annotations[key]} and remove the annotation",
                (Evidence(f"metadata.annotations[{key}]", annotations[key]),),
            )


def _on_policy(subject: Subject, written: Labels) -> Iterator[Found]:
    if WAYPOINT_FOR in written:
        yield Found(
            subject,
            f"{WAYPOINT_FOR} does not attach a policy: it says which traffic a Gateway serves",
            "attach the policy with spec.targetRefs to the Service or to the Gateway",
            (Evidence(f"metadata[{WAYPOINT_FOR}]", written[WAYPOINT_FOR]),),
        )


RULE = Rule(
    "SID213", "ambient-label-as-annotation", "Ambient setting where Istio does not read it", Severity.WARNING, _check
)
