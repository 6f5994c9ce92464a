"""SID227: policies at the pods admit clients and not the waypoint, which is all that they see behind one."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import fits, is_ambient, names
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import AUTHORIZATION_POLICY, SERVICE
from sidestep.model.resource import Resource
from sidestep.semantics.ambient_mtls import selector_labels
from sidestep.semantics.mesh_config import root_namespaces, trust_domains
from sidestep.semantics.peer_match import Peer, refuses
from sidestep.semantics.services import BoundService, bound_services
from sidestep.semantics.ztunnel_policy import at_ztunnel

_ACCOUNT = "gateway.istio.io/service-account"


class _Scope(Struct, frozen=True):
    """What every Service is judged against."""

    facts: Facts
    roots: frozenset[str]
    domains: frozenset[str]

    def policies(self, workload: Workload) -> list[tuple[str, dict[str, Any]]]:
        """Name and spec of what ztunnel enforces for a workload, but for what it drops as a whole."""
        found: list[Resource[Any]] = []
        for namespace in sorted({*self.roots, workload.ref.namespace}):
            found += self.facts.mesh.in_namespace(AUTHORIZATION_POLICY, namespace)
        return [
            (str(policy.id), policy.view.spec or {})
            for policy in found
            if fits(workload, selector_labels(policy.view.spec)) and _holds(policy.view.spec)
        ]


def _check(facts: Facts) -> Iterator[Found]:
    scope = _Scope(facts, root_namespaces(facts.mesh), trust_domains(facts.mesh))
    for bound in bound_services(facts.mesh):
        if bound.resource.kind == SERVICE.name:
            yield from _found(scope, bound)


def _found(scope: _Scope, bound: BoundService) -> Iterator[Found]:
    waypoint = bound.binding
    annotations = waypoint.gateway.meta.annotations if waypoint.gateway else {}
    peer = Peer(waypoint.namespace, annotations.get(_ACCOUNT, waypoint.name), scope.domains)
    reasons: dict[str, list[Workload]] = {}
    for workload in _behind(scope.facts, bound.resource):
        reason = refuses(scope.policies(workload), peer)
        if reason:
            reasons.setdefault(reason, []).append(workload)
    for reason, workloads in reasons.items():
        yield Found(
            of_resource(bound.resource),
            f"its pods see waypoint {waypoint.namespace}/{waypoint.name} instead of its clients, and {reason}: nobody "
            "reaches them through the waypoint",
            f"add an ALLOW by selector for principal {peer.principal}, and move the rules for clients to targetRefs",
            (Evidence("why", reason), Evidence("ambient workloads", names(workloads))),
        )


def _behind(facts: Facts, service: Resource[Any]) -> Iterator[Workload]:
    selector = service.view.spec.selector or {}
    for workload in facts.by_namespace.get(service.meta.namespace, ()) if selector else ():
        if fits(workload, selector) and is_ambient(facts, workload):
            yield workload


def _holds(spec: dict[str, Any] | None) -> bool:
    """Whether ztunnel gets a policy and keeps its rules: those that lose all of them have a finding of their own."""
    left = at_ztunnel(spec)
    return left is not None and left.sent and not left.admits_nobody


RULE = Rule("SID227", "waypoint-shut-out", "Policy at the pods refuses their waypoint", Severity.BLOCKER, _check)
