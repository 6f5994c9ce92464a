"""SID122: `istio.io/use-waypoint` names a waypoint that does not serve: traffic goes direct, past every policy."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, Subject, of_resource, of_workload
from sidestep.model.kinds import GATEWAY, NAMESPACE, SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY, Kind
from sidestep.model.mesh import SourceKind
from sidestep.model.metadata import Labels, ObjectId
from sidestep.semantics.attachment import ANY, Attached, guarded
from sidestep.semantics.waypoints import USE_WAYPOINT, Binding, BindingState, binding

_LABELLED: tuple[tuple[Kind[Any], str], ...] = (
    (SERVICE, "service"),
    (SERVICE_ENTRY, "service"),
    (WORKLOAD_ENTRY, "workload"),
)
_FINE = (BindingState.ACCEPTED, BindingState.UNDECIDED)
_DIRECT = "traffic goes direct, and policies at the waypoint guard nothing"
_WHY = {
    BindingState.ABSENT: f"which does not exist: {_DIRECT}",
    BindingState.NOT_READY: f"which is not ready (no address in its status): {_DIRECT}",
    BindingState.ATTACHMENT_DENIED: f"which does not admit this namespace (allowedRoutes): {_DIRECT}",
    BindingState.UNSUPPORTED_TRAFFIC: f"which does not serve this kind of traffic (istio.io/waypoint-for): {_DIRECT}",
    BindingState.NOT_A_WAYPOINT: "a Gateway that is no waypoint: connections go to its port 15008, and nobody answers",
}
_UNSEEN = "which these files do not hold: unless it is made elsewhere, " + _DIRECT
_FIX = {
    BindingState.ABSENT: "correct the name, or create the waypoint first: istioctl waypoint apply -n {0} --name {1}",
    BindingState.NOT_READY: "see why no pod of it becomes ready: kubectl -n {0} get pods -l "
    "gateway.networking.k8s.io/gateway-name={1}",
    BindingState.ATTACHMENT_DENIED: "admit the namespace in allowedRoutes.namespaces of Gateway {0}/{1}",
    BindingState.UNSUPPORTED_TRAFFIC: "label Gateway {0}/{1} istio.io/waypoint-for=all, or move the label to what it "
    "serves",
    BindingState.NOT_A_WAYPOINT: "name a Gateway of class istio-waypoint instead of {0}/{1}",
}


class _Bound(Struct, frozen=True):
    """An object that may carry the label: what it is, its labels, where to look, and for which traffic."""

    subject: Subject
    labels: Labels
    namespace: str
    traffic: str


def _check(facts: Facts) -> Iterator[Found]:
    policies = None
    for bound in _bound(facts):
        found = binding(facts.mesh, bound.labels, bound.namespace, bound.traffic)
        if found is None or found.state in _FINE:
            continue
        policies = guarded(facts.mesh) if policies is None else policies
        yield _found(facts, bound, found, policies)


def _found(facts: Facts, bound: _Bound, found: Binding, policies: Attached) -> Found:
    unseen = found.state is BindingState.ABSENT and facts.mesh.source.kind is SourceKind.FILES
    unenforced = _policies_of(bound.subject.id, found, policies)
    waiting = f"; {' and '.join(unenforced)} acts there in vain" if unenforced else ""
    severity = Severity.WARNING if unseen else Severity.BLOCKER if unenforced else None
    return Found(
        bound.subject,
        f"label {USE_WAYPOINT}={found.name} names {found.namespace}/{found.name}, "
        f"{_UNSEEN if unseen else _WHY[found.state]}{waiting}",
        _FIX[found.state].format(found.namespace, found.name),
        (
            Evidence(f"metadata.labels[{USE_WAYPOINT}]", found.name),
            Evidence("state", found.state.value),
            *(Evidence("policy", name) for name in unenforced),
        ),
        severity,
    )


def _policies_of(subject: ObjectId, found: Binding, policies: Attached) -> list[str]:
    """A policy on the object, one on the Gateway, and for a namespace one on any of its Services."""
    targets = (
        (subject.namespace, subject.kind, subject.name),
        (found.namespace, GATEWAY.name, found.name),
        (subject.name if subject.kind == NAMESPACE.name else "", SERVICE.name, ANY),
    )
    return sorted({policies[target] for target in targets if target in policies})


def _bound(facts: Facts) -> Iterator[_Bound]:
    for namespace in facts.mesh.of(NAMESPACE):
        if USE_WAYPOINT in namespace.meta.labels:
            yield _Bound(of_resource(namespace), namespace.meta.labels, namespace.meta.name, "any")
    for kind, traffic in _LABELLED:
        for resource in facts.mesh.of(kind):
            if USE_WAYPOINT in resource.meta.labels:
                yield _Bound(of_resource(resource), resource.meta.labels, resource.meta.namespace, traffic)
    for workload in facts.workloads:
        shape = workload.next_shape
        if shape is not None and USE_WAYPOINT in shape.labels:
            yield _Bound(of_workload(workload), shape.labels, shape.namespace, "workload")


RULE = Rule("SID122", "waypoint-binding-broken", "Bound to a waypoint that does not serve", Severity.ERROR, _check)
