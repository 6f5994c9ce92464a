"""What became of an edge's requests, counted."""

from msgspec import structs

from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.agent.messages import Edge, EdgeResult, Example, Outcome

_MICROSECONDS = 1_000_000
_KEPT = 2048
"""Characters of a body that are kept of an example."""


class Tally:
    """Counts of one edge."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.sent, self.ok, self.retried = 0, 0, 0
        self.failures: dict[str, int] = {}
        self._examples: dict[str, Example] = {}
        self._pods: dict[str, int] = {}
        self._latency, self._lag = Histogram(), Histogram()

    def begun(self, late: float) -> None:
        """A request was begun, so many seconds after its time."""
        self.sent += 1
        self._lag.add(int(late * _MICROSECONDS))

    def ended(self, at: float, outcome: Outcome) -> None:
        """What became of one.

        Args:
            at: seconds since the load began, of its scheduled time.
            outcome: what.
        """
        judged = judge(self.edge, outcome)
        self.retried += judged.retried
        if judged.pod:
            self._pods[judged.pod] = self._pods.get(judged.pod, 0) + 1
        if judged.ok:
            self.ok += 1
            self._latency.add(int(judged.milliseconds * 1000))
            return
        self.failures[judged.kind] = self.failures.get(judged.kind, 0) + 1
        if judged.kind not in self._examples:
            self._examples[judged.kind] = Example(at, structs.replace(judged, body=judged.body[:_KEPT]))

    def result(self, connections: int) -> EdgeResult:
        """All of it."""
        return EdgeResult(
            self.edge.name,
            self.sent,
            self.ok,
            self.failures,
            self._examples,
            self._pods,
            self._latency,
            self._lag,
            connections,
            self.retried,
        )


def judge(edge: Edge, outcome: Outcome) -> Outcome:
    """An outcome as the edge's expectations see it: codes that are accepted, pods that may answer."""
    if edge.accept and outcome.code >= 0:
        ok = outcome.code in edge.accept
        outcome = structs.replace(outcome, ok=ok, kind="ok" if ok else f"{_family(outcome)}-{outcome.code}")
    if outcome.ok and edge.expect and not outcome.pod.startswith(edge.expect):
        told = outcome.pod or "nobody who says its name"
        detail = f"{told} answered, where one of {', '.join(edge.expect)} was expected"
        return structs.replace(outcome, ok=False, kind="wrong-pod", detail=detail)
    return outcome


def _family(outcome: Outcome) -> str:
    return "grpc" if any(name == "grpc-status" for name, _ in outcome.headers) else "http"
