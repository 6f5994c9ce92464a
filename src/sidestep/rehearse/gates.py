"""What gates of a plan see in a rehearsal: what was sent and counted, and what proxies used meanwhile.

Queries for a Prometheus name the same quantities; here nothing is scraped, for whoever sends knows what came of it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import assert_never

from sidestep.actions.gates.judging import Finding, Seen, judge
from sidestep.actions.gates.watching import Watch
from sidestep.lab.agent.histogram import merged, middle
from sidestep.lab.agent.messages import Row
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.measures import Level, Quantity, Query
from sidestep.plan.steps import Gate
from sidestep.rehearse.looks import Look, Looks, Taken, cores
from sidestep.rehearse.question import Question

Rows = Callable[[int], list[Row]]
Restarts = Callable[[Iterable[WorkloadRef]], int]
_LATE = 2
"""Seconds until rows of a second have come."""


class Gates:
    """Answers queries of gates.

    Args:
        rows: counted from a second on.
        questions: that are sent, by name.
        looks: at the lab's proxies.
        restarts: of containers in the pods that workloads have now.
    """

    def __init__(self, rows: Rows, questions: Mapping[str, Question], looks: Looks, restarts: Restarts) -> None:
        self._rows, self._questions, self._looks, self._restarts = rows, questions, looks, restarts

    def measure(self, query: Query, seconds: float) -> float | None:
        """What a gate sees over the last seconds; None for no data."""
        now = time.time()
        return self._between(query, now - seconds, now)

    def finding(self, gate: Gate, before: Seen, first: float, last: float) -> Finding:
        """What a gate says of all that was between two times, by Unix time."""
        if isinstance(gate.reading, Level):
            looks = self._looks.between(first, last)
            found = (_cpu(gate.reading.value, list(pair)) for pair in pairwise(looks))
            values = tuple(each for each in found if each is not None)
            seen = Seen(values[-1] if values else None, len(values), values)
            return judge(gate, before, seen, over=True)
        watch = Watch(lambda query, _: self._between(query, first, last), gate, before, last - first)
        return watch.look(last - first, over=True)

    def _between(self, query: Query, first: float, last: float) -> float | None:
        match query.quantity:
            case Quantity.REQUESTS | Quantity.FAILED_REQUESTS | Quantity.REQUESTS_WITHIN | Quantity.LATENCY:
                return _of_requests(query, self._sent(query, first, last))
            case Quantity.CONNECTIONS | Quantity.FAILED_CONNECTIONS:
                sent = self._sent(query, first, last)
                every = query.quantity is Quantity.CONNECTIONS
                return float(sum(row.sent if every else row.sent - row.ok for row in sent)) if sent else None
            case Quantity.TAKEN_CONNECTIONS | Quantity.PLAIN_CONNECTIONS | Quantity.OLD_CONNECTIONS:
                return _taken(query, self._looks.between(first, last))
            case Quantity.SIDECAR_CPU | Quantity.WAYPOINT_CPU:
                return _cpu(query, self._looks.between(first, last))
            case Quantity.RESTARTS:
                return float(self._restarts(query.workloads))
            case Quantity.OTHER | Quantity.APPLICATION_CPU:
                return None  # what answers in a lab is not the application
            case _:
                assert_never(query.quantity)

    def _sent(self, query: Query, first: float, last: float) -> list[Row]:
        """What was sent to workloads, and is to be answered."""
        wanted = frozenset(query.workloads)
        found = []
        for row in self._rows(int(first) - _LATE):
            question = self._questions.get(row.edge)
            of_theirs = question is not None and question.allowed and not wanted.isdisjoint(question.servers)
            if of_theirs and row.second <= last - _LATE:
                found.append(row)
        return found


def _of_requests(query: Query, sent: list[Row]) -> float | None:
    """Of nobody there is no data."""
    if not sent:
        return None
    match query.quantity:
        case Quantity.FAILED_REQUESTS:
            return float(sum(row.sent - row.ok for row in sent))
        case Quantity.LATENCY:
            every = merged(row.latency for row in sent)
            return every.quantile(query.quantile) / 1000 if every.buckets else None
        case Quantity.REQUESTS_WITHIN:
            return float(sum(_within(row, query.bound) for row in sent))
        case _:
            return float(sum(row.sent for row in sent))


def _within(row: Row, milliseconds: float) -> int:
    """What was lost is not counted as slow: that is another gate's business."""
    fast = sum(count for bucket, count in row.latency.buckets.items() if middle(bucket) <= milliseconds * 1000)
    return fast + row.sent - row.ok


def _taken(query: Query, looks: list[Look]) -> float | None:
    """Counted between the first and the last look; of old connections, those of the first that are open at the last."""
    names = [(ref.namespace, ref.name) for ref in query.workloads]
    if len(looks) < 2 or not any(name in looks[-1].connections for name in names):
        return None
    pairs = [(looks[0].connections.get(name, Taken()), looks[-1].connections.get(name, Taken())) for name in names]
    match query.quantity:
        case Quantity.PLAIN_CONNECTIONS:
            return float(sum(last.plain - first.plain for first, last in pairs))
        case Quantity.OLD_CONNECTIONS:
            return float(sum(max(first.opened - last.closed, 0) for first, last in pairs))
        case _:
            return float(sum(last.opened - first.opened for first, last in pairs))


def _cpu(query: Query, looks: list[Look]) -> float | None:
    """Of sidecars on the average, of waypoints the busiest: a lab has no limits, so its share is of one core."""
    role = "sidecar" if query.quantity is Quantity.SIDECAR_CPU else "waypoint"
    spent = cores(looks, lambda _, process: process.role == role)
    if role == "waypoint":
        return max(spent.values(), default=None)
    if len(looks) < 2:
        return None
    return sum(spent.values()) / len(spent) if spent else 0.0
