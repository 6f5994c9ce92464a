"""What is drawn of a call graph: nodes and arrows with their words, before anything has a place."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from sidestep.model.call_graph import Callee, Caller, CallerRole, CallGraph, Edge, Evidence
from sidestep.report.units import exact, memory

_ANYBODY = "outside or unknown"
_TOLD_EDGES = 8
_TOLD_PROOFS = 2


class Shape(StrEnum):
    """What a node is."""

    WORKLOAD = "workload"
    GATEWAY = "gateway"
    SERVICE = "service without known workload"
    OUTSIDE = "outside the mesh"
    UNKNOWN = "unknown"
    NAMESPACE = "namespace"


class Node(Struct, frozen=True, order=True):
    """A node.

    Attributes:
        namespace: in which it stands; empty for what is outside.
        label: its name.
        shape: what it is.
        kind: of a workload, where known.
    """

    namespace: str
    label: str
    shape: Shape
    kind: str = ""

    @property
    def id(self) -> str:
        """The same for the same node in every picture."""
        named = f"{self.namespace}\0{self.label}\0{self.shape}\0{self.kind}"
        return f"n{hashlib.sha256(named.encode(errors='replace')).hexdigest()[:12]}"

    @property
    def told(self) -> str:
        """What a tooltip says."""
        place = f" in {self.namespace}" if self.namespace and self.shape is not Shape.NAMESPACE else ""
        return f"{self.label} ({self.kind or self.shape}{place})"


class Stroke(Struct, frozen=True, order=True):
    """How arrows of a kind are drawn.

    Attributes:
        word: what that means.
        dashed: with gaps.
        color: in SVG's words; empty for that of most arrows, which another takes the place of where they close a cycle.
    """

    word: str
    dashed: bool = False
    color: str = ""


KNOWN, INFERRED = Stroke("observed or declared"), Stroke("inferred, never seen", dashed=True)


class Arrow(Struct, frozen=True):
    """All calls from one node to another.

    Attributes:
        source: who calls.
        target: who is called.
        label: what stands on it; empty for nothing.
        note: what stands below that; empty for nothing.
        told: what a tooltip says.
        rate: calls per second, by which it is thicker; None where that is not known.
        stroke: how it is drawn.
    """

    source: Node
    target: Node
    label: str
    told: str
    rate: float | None = None
    stroke: Stroke = KNOWN
    note: str = ""

    @property
    def words(self) -> str:
        """The longer of its two lines."""
        return max(self.label, self.note, key=len)


class Picture(Struct, frozen=True):
    """Nodes and arrows in order; `whole` is false where namespaces stand for their workloads."""

    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    whole: bool = True

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Those in which a node stands."""
        return tuple(sorted({node.namespace for node in self.nodes} - {""}))


def picture(graph: CallGraph, most: int | None = None) -> Picture:
    """The nodes and arrows of a graph; only its namespaces where it has more than `most` nodes."""
    gateways = {edge.source.workload for edge in graph.edges if edge.source.role is CallerRole.GATEWAY}
    ends = [(_caller(edge.source, gateways), _callee(edge.target, gateways), edge) for edge in graph.edges]
    whole = most is None or len({node for source, target, _ in ends for node in (source, target)}) <= most
    if not whole:
        ends = [(_namespace(source), _namespace(target), edge) for source, target, edge in ends]
    return _picture(ends, whole=whole)


def short(value: float) -> str:
    """A figure in at most four digits: `0.03`, `12`, `4.2k`."""
    for unit, scale in (("M", 1e6), ("k", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g}{unit}"
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def _picture(ends: Iterable[tuple[Node, Node, Edge]], *, whole: bool) -> Picture:
    arrows: dict[tuple[Node, Node], list[Edge]] = {}
    for source, target, edge in ends:
        if whole or source != target:
            arrows.setdefault((source, target), []).append(edge)
    nodes = sorted({node for pair in arrows for node in pair})
    drawn = tuple(_arrow(*pair, arrows[pair]) for pair in sorted(arrows))
    return Picture(tuple(nodes), drawn, whole)


def _arrow(source: Node, target: Node, edges: Sequence[Edge]) -> Arrow:
    """All calls between two; there is at least one."""
    rate = _rate(edges)
    lines = [f"{source.label} calls {target.label}", *map(_edge, edges[:_TOLD_EDGES])]
    if len(edges) > _TOLD_EDGES:
        lines.append(f"and {len(edges) - _TOLD_EDGES} more")
    inferred = all(edge.evidence is Evidence.INFERRED for edge in edges)
    label = "" if rate is None else f"{short(rate)}/s"
    return Arrow(source, target, label, "\n".join(lines), rate, INFERRED if inferred else KNOWN)


def _rate(edges: Iterable[Edge]) -> float | None:
    """Requests and connections per second together; None where neither was measured."""
    figures = [each for edge in edges for each in (edge.requests_per_second, edge.connections_per_second)]
    known = [each for each in figures if each is not None]
    return sum(known) if known else None


def _caller(caller: Caller, gateways: Collection[object]) -> Node:
    if caller.role is CallerRole.UNKNOWN:
        return Node(
            caller.namespace, f"somebody in {caller.namespace}" if caller.namespace else _ANYBODY, Shape.UNKNOWN
        )
    shape = Shape.GATEWAY if caller.workload in gateways else Shape.WORKLOAD
    return Node(caller.namespace, caller.name, shape, caller.kind)


def _callee(callee: Callee, gateways: Collection[object]) -> Node:
    if callee.name:
        shape = Shape.GATEWAY if callee.workload in gateways else Shape.WORKLOAD
        return Node(callee.namespace, callee.name, shape, callee.kind)
    if callee.service:
        return Node(callee.service_namespace, callee.service, Shape.SERVICE)
    return Node("", callee.host or _ANYBODY, Shape.OUTSIDE)


def _namespace(node: Node) -> Node:
    return (
        Node(node.namespace, node.namespace, Shape.NAMESPACE) if node.namespace else Node("", _ANYBODY, Shape.OUTSIDE)
    )


def _edge(edge: Edge) -> str:
    """One edge in a line."""
    figures = [
        f"{exact(edge.requests_per_second)} requests/s" if edge.requests_per_second is not None else "",
        f"{exact(edge.connections_per_second)} connections/s" if edge.connections_per_second is not None else "",
        f"{memory(edge.bytes_per_second)}B/s" if edge.bytes_per_second is not None else "",
    ]
    told = ", ".join(part for part in (edge.protocol, *figures) if part)
    known = "; ".join((edge.evidence, *edge.proofs[:_TOLD_PROOFS]))
    return f"{told} ({known})" if told else known
