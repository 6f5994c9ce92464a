"""SID227: policies at the pods admit clients and not the waypoint, which is all that they see behind one."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import fits, is_ambient, names
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import AUTHORIZATION_POLICY, SERVICE
from sidestep.semantics.mesh_config import root_namespaces
from sidestep.semantics.proxies import Role
from sidestep.semantics.services import BoundService, bound_services
from sidestep.semantics.waypoint_admission import WaypointPeer, peer_of, refusal, target_ports
from sidestep.semantics.ztunnel_policy import AtZtunnel, at_ztunnel

_AUTO_ALLOW = "PILOT_AUTO_ALLOW_WAYPOINT_POLICY"


class _Scope(Struct, frozen=True):
    """What every Service is judged against: each namespace's policies as ztunnel has them."""

    facts: Facts
    roots: frozenset[str]
    policies: dict[str, list[AtZtunnel]]

    def on(self, workload: Workload) -> list[AtZtunnel]:
        """What ztunnel enforces for a workload."""
        spaces = sorted({*self.roots, workload.ref.namespace})
        found = (policy for space in spaces for policy in self.policies.get(space, ()))
        return [each for each in found if fits(workload, each.policy.selector or {})]


def _check(facts: Facts) -> Iterator[Found]:
    bound = [each for each in bound_services(facts.mesh) if each.resource.kind == SERVICE.name]
    scope = _Scope(facts, root_namespaces(facts.mesh), {} if _always_admitted(facts) or not bound else _policies(facts))
    for each in bound:
        yield from _found(scope, each, peer_of(facts.mesh, each.binding))


def _always_admitted(facts: Facts) -> bool:
    """Whether istiod adds an ALLOW for each waypoint by itself; what a DENY then does is not judged."""
    containers = (
        container
        for _, group in facts.groups()
        if group.recognition.role is Role.ISTIOD
        for container in group.shape.spec.containers or ()
    )
    return any(each.name == _AUTO_ALLOW and each.value == "true" for c in containers for each in c.env or ())


def _policies(facts: Facts) -> dict[str, list[AtZtunnel]]:
    """Policies by namespace, but for those that lose all their rules: they have a finding of their own."""
    found: dict[str, list[AtZtunnel]] = {}
    for resource in facts.mesh.of(AUTHORIZATION_POLICY):
        left = at_ztunnel(resource)
        if left is not None and left.sent and not left.policy.dry_run and not left.admits_nobody:
            found.setdefault(resource.meta.namespace, []).append(left)
    return found


def _found(scope: _Scope, bound: BoundService, peer: WaypointPeer) -> Iterator[Found]:
    reasons: dict[str, list[Workload]] = {}
    for workload in _behind(scope.facts, bound.resource):
        ports = target_ports(bound.resource, workload.next_shape)
        reason = refusal([each.policy for each in scope.on(workload)], peer, ports)
        if reason:
            reasons.setdefault(reason, []).append(workload)
    for reason, workloads in reasons.items():
        yield Found(
            of_resource(bound.resource),
            f"its pods see waypoint {bound.binding.namespace}/{bound.binding.name} instead of its clients, and "
            f"{reason}: nobody reaches them through the waypoint",
            f"add an ALLOW by selector for principal {peer.principals[0]}, and move rules for clients to targetRefs",
            (Evidence("why", reason), Evidence("ambient workloads", names(workloads))),
        )


def _behind(facts: Facts, service: Any) -> Iterator[Workload]:
    selector = service.view.spec.selector or {}
    for workload in facts.by_namespace.get(service.meta.namespace, ()) if selector else ():
        if fits(workload, selector) and is_ambient(facts, workload):
            yield workload


RULE = Rule("SID227", "waypoint-shut-out", "Policy at the pods refuses their waypoint", Severity.BLOCKER, _check)
