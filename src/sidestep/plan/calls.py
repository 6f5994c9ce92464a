"""Who calls a workload or a service, as planning needs it: by names that the inventory knows."""

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

from sidestep.audit.facts import Facts
from sidestep.model.call_graph import CallerRole, CallGraph, Edge, Evidence
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.proxies import Role


class Calls(Struct, frozen=True, dict=True):
    """The call graph among the workloads of a mesh, and how well it is known."""

    graph: CallGraph

    def callers(self, workload: WorkloadRef) -> tuple[WorkloadRef, ...]:
        """Workloads that call one; gateways are not among them."""
        found = (edge.source for edge in self.graph.edges_to(workload) if edge.source.role is CallerRole.WORKLOAD)
        return tuple(sorted({ref for caller in found if (ref := caller.workload) is not None}))

    def strangers(self, workload: WorkloadRef) -> tuple[Edge, ...]:
        """Calls by somebody who is no workload of the mesh, measured ones alone."""
        return tuple(
            edge
            for edge in self.graph.edges_to(workload)
            if edge.source.role is CallerRole.UNKNOWN and edge.evidence is not Evidence.INFERRED
        )

    def traffic(self, workload: WorkloadRef) -> float:
        """Requests and connections per second in which a workload takes part; 0 where not measured."""
        edges = (*self.graph.edges_to(workload), *self.graph.edges_from(workload))
        return sum((edge.requests_per_second or 0) + (edge.connections_per_second or 0) for edge in edges)

    def load(self, namespace: str, service: str) -> tuple[Edge, ...]:
        """Calls of a service."""
        return self._by_service.get((namespace, service), ())

    def known(self, workload: WorkloadRef) -> bool:
        """Whether anybody saw, or declared, who calls a workload: else its callers may be anybody."""
        return any(edge.evidence is not Evidence.INFERRED for edge in self.graph.edges_to(workload))

    @cached_property
    def measured(self) -> bool:
        """Whether any call was seen rather than inferred."""
        return any(edge.evidence is not Evidence.INFERRED for edge in self.graph.edges)

    @property
    def assumed(self) -> tuple[str, ...]:
        """What weakens an order that rests on this graph."""
        if self.measured:
            return ()
        if not self.graph.edges:
            return ("nobody is known to call anybody: no traffic was measured, and configuration names no calls",)
        return ("who calls whom was inferred from configuration; callers that it does not name are not known",)

    @cached_property
    def _by_service(self) -> Mapping[tuple[str, str], tuple[Edge, ...]]:
        found: dict[tuple[str, str], list[Edge]] = {}
        for edge in self.graph.edges:
            if edge.target.service:
                found.setdefault((edge.target.service_namespace, edge.target.service), []).append(edge)
        return {key: tuple(edges) for key, edges in found.items()}


def calls(graph: CallGraph, facts: Facts) -> Calls:
    """The graph with the kinds of workloads that were read, gateways known as such and waypoints left out."""
    roles = {workload.ref: workload.role for workload in facts.workloads}
    gateways = [ref for ref, role in roles.items() if role is Role.GATEWAY]
    waypoints = [ref for ref, role in roles.items() if role is Role.WAYPOINT]
    return Calls(graph.resolved(roles).with_gateways(gateways).without(waypoints))
