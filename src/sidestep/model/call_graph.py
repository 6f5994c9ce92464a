"""Who calls whom in a mesh, how much, and how we know."""

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.components import components
from sidestep.model.gaps import Gap, Remark
from sidestep.model.metadata import WorkloadRef

_PartyT = TypeVar("_PartyT", "Caller", "Callee")

MOST_PROOFS = 5
"""An edge keeps so many of its proofs, the first in order: a picture needs one, a doubter two."""


class Evidence(StrEnum):
    """How a call is known, weakest first."""

    INFERRED = "inferred"
    GRAPH_FILE = "graph-file"
    ACCESS_LOG = "access-log"
    METRICS = "metrics"

    @property
    def rank(self) -> int:
        """Higher is stronger."""
        return list(Evidence).index(self)


class CallerRole(StrEnum):
    """What a caller is; `UNKNOWN` is outside the mesh or told by nobody."""

    WORKLOAD = "workload"
    GATEWAY = "gateway"
    UNKNOWN = "unknown"


class Caller(Struct, frozen=True, order=True):
    """Who calls.

    Attributes:
        role: what it is.
        namespace: its own; for an unknown caller the only thing known, or empty.
        kind: of the workload; empty where nobody told, `Gateway` for a gateway whose pods are not known.
        name: of the workload; empty for an unknown caller.
    """

    role: CallerRole = CallerRole.UNKNOWN
    namespace: str = ""
    kind: str = ""
    name: str = ""

    @property
    def workload(self) -> WorkloadRef | None:
        """The workload or gateway; None for an unknown caller."""
        return WorkloadRef(self.namespace, self.kind, self.name) if self.name else None


class Callee(Struct, frozen=True, order=True):
    """Who is called: a workload, a service, or both where both are known.

    Attributes:
        namespace: the workload's.
        kind: the workload's; empty where nobody told.
        name: the workload's; empty where only the service is known, or where it is outside the mesh.
        service_namespace: of the Service or ServiceEntry.
        service: name of the Service; empty for a host that is none.
        host: what is called where it is no Service, e.g. `api.acme.test`; empty for a Service, whose full name depends
            on the cluster's domain.
    """

    namespace: str = ""
    kind: str = ""
    name: str = ""
    service_namespace: str = ""
    service: str = ""
    host: str = ""

    @property
    def workload(self) -> WorkloadRef | None:
        """The workload; None where it is not known."""
        return WorkloadRef(self.namespace, self.kind, self.name) if self.name else None


class Edge(Struct, frozen=True):
    """Calls from one to another. Rates are averages over the time observed; None is not measured, never 0.

    Attributes:
        source: who calls.
        target: who is called.
        requests_per_second: HTTP and gRPC requests.
        bytes_per_second: both directions together.
        connections_per_second: TCP connections opened.
        protocol: `http`, `grpc`, `tcp` …, empty where nobody told.
        evidence: how it is known.
        proofs: object and field that it was inferred from, or the file that says so.
    """

    source: Caller
    target: Callee
    requests_per_second: float | None = None
    bytes_per_second: float | None = None
    connections_per_second: float | None = None
    protocol: str = ""
    evidence: Evidence = Evidence.INFERRED
    proofs: tuple[str, ...] = ()


class CallGraph(Struct, frozen=True, dict=True):
    """All calls, in order; made by `call_graph` or `merge`, so that the order of what was read never matters.

    Attributes:
        edges: one for each caller, callee and protocol.
        gaps: what was asked and not answered.
        remarks: what weakens the picture though nothing is missing.
    """

    edges: tuple[Edge, ...] = ()
    gaps: tuple[Gap, ...] = ()
    remarks: tuple[Remark, ...] = ()

    def edges_to(self, workload: WorkloadRef) -> tuple[Edge, ...]:
        """Calls that a workload receives."""
        return self._to.get(workload, ())

    def edges_from(self, workload: WorkloadRef) -> tuple[Edge, ...]:
        """Calls that a workload or gateway makes."""
        return self._from.get(workload, ())

    def callers_of(self, workload: WorkloadRef) -> tuple[Caller, ...]:
        """Who calls a workload, each once."""
        return tuple(sorted({edge.source for edge in self.edges_to(workload)}))

    def callees_of(self, workload: WorkloadRef) -> tuple[Callee, ...]:
        """Whom a workload or gateway calls, each once."""
        return tuple(sorted({edge.target for edge in self.edges_from(workload)}))

    @cached_property
    def workloads(self) -> tuple[WorkloadRef, ...]:
        """Everything that calls or is called and has a name, gateways included."""
        return tuple(sorted(self._to.keys() | self._from.keys()))

    @cached_property
    def components(self) -> tuple[tuple[WorkloadRef, ...], ...]:
        """Strongly connected components of workloads, callees before their callers."""
        calls = {ref: sorted(self._called_by(ref)) for ref in self.workloads}
        return tuple(tuple(sorted(component)) for component in components(calls))

    @cached_property
    def cycles(self) -> tuple[tuple[WorkloadRef, ...], ...]:
        """Components in which somebody ends up calling itself: no order of its members is right."""
        return tuple(found for found in self.components if len(found) > 1 or found[0] in self._called_by(found[0]))

    def resolved(self, workloads: Iterable[WorkloadRef]) -> "CallGraph":
        """The same with the kind of every workload that was known by name alone, where only one goes by it."""
        kinds: dict[tuple[str, str], set[str]] = {}
        for ref in workloads:
            kinds.setdefault((ref.namespace, ref.name), set()).add(ref.kind)
        only = {name: found.copy().pop() for name, found in kinds.items() if len(found) == 1}
        edges = (
            replace(edge, source=_with_kind(edge.source, only), target=_with_kind(edge.target, only))
            for edge in self.edges
        )
        return call_graph(edges, self.gaps, self.remarks)

    def with_gateways(self, gateways: Collection[WorkloadRef]) -> "CallGraph":
        """The same with these workloads known as gateways."""
        known = frozenset(gateways)
        edges = (
            replace(edge, source=replace(edge.source, role=CallerRole.GATEWAY))
            if edge.source.workload in known
            else edge
            for edge in self.edges
        )
        return call_graph(edges, self.gaps, self.remarks)

    def without(self, workloads: Collection[WorkloadRef]) -> "CallGraph":
        """The same without some workloads and all their calls, e.g. waypoints, which only pass calls on."""
        left_out = frozenset(workloads)
        edges = (
            edge for edge in self.edges if edge.source.workload not in left_out and edge.target.workload not in left_out
        )
        return call_graph(edges, self.gaps, self.remarks)

    def _called_by(self, ref: WorkloadRef) -> set[WorkloadRef]:
        return {called for edge in self.edges_from(ref) if (called := edge.target.workload)}

    @cached_property
    def _to(self) -> dict[WorkloadRef, tuple[Edge, ...]]:
        return _indexed(self.edges, lambda edge: edge.target.workload)

    @cached_property
    def _from(self) -> dict[WorkloadRef, tuple[Edge, ...]]:
        return _indexed(self.edges, lambda edge: edge.source.workload)


def call_graph(edges: Iterable[Edge], gaps: Iterable[Gap] = (), remarks: Iterable[Remark] = ()) -> CallGraph:
    """A graph of these edges in any order.

    Of the edges between the same two, only those of the strongest evidence count: what was measured is not made better
    by a guess. Of several of that evidence and the same protocol, the largest figures count, because they are views of
    the same calls; whoever has disjoint parts of a measurement adds them up before.
    """
    strongest: dict[tuple[Caller, Callee], int] = {}
    listed = list(edges)
    for edge in listed:
        pair = (edge.source, edge.target)
        strongest[pair] = max(strongest.get(pair, 0), edge.evidence.rank)
    found: dict[tuple[Caller, Callee, str], Edge] = {}
    for edge in listed:
        if edge.evidence.rank == strongest[edge.source, edge.target]:
            key = (edge.source, edge.target, edge.protocol)
            found[key] = _joined(found[key], edge) if key in found else replace(edge, proofs=_proofs(edge.proofs))
    return CallGraph(tuple(found[key] for key in sorted(found)), tuple(sorted(set(gaps))), tuple(sorted(set(remarks))))


def merge(*graphs: CallGraph) -> CallGraph:
    """What all graphs know together; neither order nor repetition matters (see `call_graph`)."""
    return call_graph(
        (edge for graph in graphs for edge in graph.edges),
        (gap for graph in graphs for gap in graph.gaps),
        (remark for graph in graphs for remark in graph.remarks),
    )


def _joined(one: Edge, other: Edge) -> Edge:
    return replace(
        one,
        requests_per_second=_larger(one.requests_per_second, other.requests_per_second),
        bytes_per_second=_larger(one.bytes_per_second, other.bytes_per_second),
        connections_per_second=_larger(one.connections_per_second, other.connections_per_second),
        proofs=_proofs(one.proofs + other.proofs),
    )


def _proofs(proofs: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(proofs))[:MOST_PROOFS])


def _larger(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _with_kind(party: _PartyT, only: Mapping[tuple[str, str], str]) -> _PartyT:
    known = only.get((party.namespace, party.name)) if party.name and not party.kind else None
    return replace(party, kind=known) if known else party


def _indexed(
    edges: Iterable[Edge], workload: Callable[[Edge], WorkloadRef | None]
) -> dict[WorkloadRef, tuple[Edge, ...]]:
    found: dict[WorkloadRef, list[Edge]] = {}
    for edge in edges:
        ref = workload(edge)
        if ref is not None:
            found.setdefault(ref, []).append(edge)
    return {ref: tuple(listed) for ref, listed in found.items()}
