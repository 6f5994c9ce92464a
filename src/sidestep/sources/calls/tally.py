"""Calls as proxies tell them, each perhaps told by two or three of them, counted once.

A call is told by the proxy of who calls, of who is called, and by the waypoint between them. Who is called knows best;
then the waypoint; the caller's own word counts only where nobody else was asked, as for a host outside the mesh.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from sidestep.model.call_graph import Callee, Caller, Edge, Evidence

_PREFERENCE = ("destination", "waypoint", "source")


class Figure(StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    BYTES = "bytes"
    CONNECTIONS = "connections"


_Cells = dict[tuple[Figure, str, Callee, str], float]
_Ends = tuple[Caller, Callee]


class Tally:
    """Adds up by caller, callee, protocol, figure and who tells, and then believes one teller for each figure.

    Tellers are weighed for a pair of workloads as a whole, because they differ in what else they know: the caller's
    sidecar tells of HTTP to a Service what the callee's ztunnel tells of TCP to a workload. The bytes are the same.

    Args:
        most: so many different callers and callees are kept; more are counted in `left_out`.

    Attributes:
        left_out: samples of pairs beyond the bound.
    """

    def __init__(self, most: int = 500_000) -> None:
        self._most = most
        self._told: dict[_Ends, _Cells] = {}
        self.left_out = 0

    def add(self, caller: Caller, callee: Callee, teller: str, protocol: str, figures: Mapping[Figure, float]) -> None:
        """Count something that one teller tells; unknown tellers come last."""
        ends = (caller, _end(callee))
        cells = self._told.get(ends)
        if cells is None:
            if len(self._told) >= self._most:
                self.left_out += 1
                return
            cells = self._told[ends] = {}
        for figure, value in figures.items():
            key = (figure, teller, callee, protocol)
            cells[key] = cells.get(key, 0.0) + value

    def edges(self, evidence: Evidence, scale: float | None = 1.0, proof: str = "") -> Iterator[Edge]:
        """One edge for each caller, callee and protocol.

        Args:
            evidence: how it is known.
            scale: from what was counted to a second's share; None where no time is known, so that no rate is.
            proof: where it stands.
        """
        proofs = (proof,) if proof else ()
        for (caller, _), cells in self._told.items():
            believed = _believed(cells)
            for callee, protocol in sorted({(callee, protocol) for _, callee, protocol in believed}):
                rates = (_rate(believed.get((figure, callee, protocol)), scale) for figure in Figure)
                requests, size, connections = rates
                yield Edge(caller, callee, requests, size, connections, protocol, evidence, proofs)


def _end(callee: Callee) -> Callee:
    """The callee as all tellers know it: the workload alone, where it is known."""
    return Callee(callee.namespace, callee.kind, callee.name) if callee.name else callee


def _believed(cells: _Cells) -> dict[tuple[Figure, Callee, str], float]:
    """Figures by callee and protocol, each from the best teller that has it."""
    best: dict[Figure, str] = {}
    for figure, teller, *_ in cells:
        best[figure] = min(best.get(figure, teller), teller, key=_order)
    called = _only_service(cells)
    found: dict[tuple[Figure, Callee, str], float] = {}
    for (figure, teller, callee, protocol), value in cells.items():
        if teller == best[figure]:
            key = (figure, callee if _is_service(callee) else called or callee, protocol)
            found[key] = found.get(key, 0.0) + value
    return found


def _only_service(cells: _Cells) -> Callee | None:
    """The callee with the one Service that anybody tells: who is called does not always know as what."""
    found = {callee for _, _, callee, _ in cells if _is_service(callee)}
    return found.pop() if len(found) == 1 else None


def _is_service(callee: Callee) -> bool:
    return bool(callee.service or callee.host)


def _order(teller: str) -> tuple[int, str]:
    return (_PREFERENCE.index(teller) if teller in _PREFERENCE else len(_PREFERENCE)), teller


def _rate(value: float | None, scale: float | None) -> float | None:
    return None if value is None or scale is None else value * scale
