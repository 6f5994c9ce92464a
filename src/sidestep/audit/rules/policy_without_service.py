"""SID215: a layer-7 policy that selects some pods of a Service and not others: no Service stands for just those."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import members, names, selected_by, selector_labels
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION
from sidestep.model.resource import Resource
from sidestep.semantics.layer7 import LAYER7, features_of
from sidestep.semantics.services import services_of, stands_behind


def _check(facts: Facts) -> Iterator[Found]:
    for kind in (AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION):
        for policy in facts.mesh.of(kind):
            if selector_labels(policy.view.spec) and not LAYER7.isdisjoint(features_of(kind, policy)):
                yield from _found(facts, policy)


def _found(facts: Facts, policy: Resource[Any]) -> Iterator[Found]:
    chosen = selected_by(facts, policy, frozenset())
    concerned = members(facts, chosen)
    shared = _shared(facts, concerned.all, {workload.ref for workload in chosen})
    if shared:
        service, others = next(iter(shared.items()))
        yield Found(
            of_resource(policy),
            f"selects some of the pods behind Service {service} and not those of {names(others)}: a waypoint knows the "
            "Service that was dialled, not the pod, so that no targetRefs can say this",
            "give the selected pods a Service of their own that clients dial, or leave them their sidecars",
            (
                *(Evidence(f"Service {name}", f"also {names(found)}") for name, found in shared.items()),
                *concerned.evidence(),
            ),
        )


def _shared(facts: Facts, chosen: tuple[Workload, ...], refs: set[Any]) -> dict[str, tuple[Workload, ...]]:
    """Services that stand before both selected workloads and others, with those others."""
    found: dict[str, tuple[Workload, ...]] = {}
    for workload in chosen:
        shape = workload.next_shape
        for service in services_of(facts.mesh, shape.namespace, shape.labels) if shape else ():
            neighbours = facts.by_namespace.get(service.meta.namespace, ())
            others = tuple(
                other
                for other in neighbours
                if other.ref not in refs and other.next_shape and stands_behind(service, other.next_shape.labels)
            )
            if others:
                found[service.meta.name] = others
    return found


RULE = Rule("SID215", "policy-without-service", "Policy on pods that no Service separates", Severity.WARNING, _check)
