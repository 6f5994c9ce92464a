"""Istio's metrics of requests: how many, how long, how large.

Source: istio.io, Istio Standard Metrics; buckets are Envoy's own. Messages of gRPC are counted when a call ends, where
Istio also counts while it lasts.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from sidestep.lab.metrics.counting import CLOSED_TOTAL, FAILED_TOTAL, OPENED_TOTAL, RECEIVED_TOTAL, SENT_TOTAL
from sidestep.lab.metrics.labelled import Find, labels, who
from sidestep.lab.metrics.lines import ENDED, OPENED
from sidestep.lab.metrics.requests import Request

TOTAL = "istio_requests_total"
REQUEST_MESSAGES, RESPONSE_MESSAGES = "istio_request_messages_total", "istio_response_messages_total"
DURATION, RECEIVED, SENT = "istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"
BUCKETS = (
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
)  # fmt: skip
_SERVER = "destination"


class Of(NamedTuple):
    """One series: of which proxy, and its labels' values in order."""

    proxy: str
    values: tuple[str, ...]


class Distribution:
    """How values are spread: counts of buckets, the last one open; and their sum."""

    def __init__(self) -> None:
        self.counts, self.sum = [0] * (len(BUCKETS) + 1), 0

    def add(self, value: int) -> None:
        """One more."""
        self.counts[bisect_left(BUCKETS, value)] += 1
        self.sum += value


class _Open(NamedTuple):
    """A connection that lasts: what was counted of it so far."""

    sent: int = 0
    received: int = 0
    counted: bool = True


class Requested:
    """Counts of all pods' proxies."""

    def __init__(self) -> None:
        self.totals: Counter[Of] = Counter()
        self.connections: Counter[tuple[str, Of]] = Counter()
        self.messages: Counter[tuple[str, Of]] = Counter()
        self._open: dict[tuple[str, str | int | None], _Open] = {}
        self.spread: dict[str, dict[Of, Distribution]] = {name: {} for name in (DURATION, RECEIVED, SENT)}

    def take(self, proxy: str, request: Request, find: Find) -> None:
        """Count one.

        Args:
            proxy: key of the workload whose proxy wrote it.
            request: as it wrote it.
            find: who is who.
        """
        of = Of(proxy, labels(proxy, request, find))
        if request.message:
            self._connection(of, request, request.message)
            return
        self.totals[of] += 1
        values = {DURATION: request.duration or 0, RECEIVED: request.received, SENT: request.sent}
        for name, value in values.items():
            self.spread[name].setdefault(of, Distribution()).add(value)
        if request.is_grpc and (messages := request.counted_messages) is not None:
            self._messages(Of(proxy, who(of.values)), *messages)

    def _messages(self, of: Of, asked: int, answered: int) -> None:
        self.messages[REQUEST_MESSAGES, of] += asked
        self.messages[RESPONSE_MESSAGES, of] += answered

    def _connection(self, of: Of, line: Request, moment: str) -> None:
        """It was opened, lasts, or has ended.

        A server's proxy is connected to its application before it knows by whom: then the next line tells.
        """
        key = (of.proxy, line.id)
        state = self._open.get(key)
        if state is None and moment in OPENED:
            known = line.reporter != _SERVER or bool(line.peer)
            self._open[key] = _Open(counted=known)
            if known:
                self.connections[OPENED_TOTAL, of] += 1
            return
        if state is None or not state.counted:
            self.connections[OPENED_TOTAL, of] += 1
        if state is None:
            self.connections[FAILED_TOTAL, of] += 1
        before = state or _Open()
        self.connections[SENT_TOTAL, of] += line.sent - before.sent
        self.connections[RECEIVED_TOTAL, of] += line.received - before.received
        if moment in ENDED:
            self._open.pop(key, None)
            self.connections[CLOSED_TOTAL, of] += 1
        else:
            self._open[key] = _Open(line.sent, line.received)

    def told(self) -> "Told":
        """All that was counted."""
        return Told(self.totals, self.spread, self.connections, self.messages)


class Told(NamedTuple):
    """What was counted: requests, their distributions, connections whose bytes were copied, and messages of gRPC."""

    totals: Mapping[Of, int]
    spread: Mapping[str, Mapping[Of, Distribution]]
    connections: Mapping[tuple[str, Of], int] = {}
    messages: Mapping[tuple[str, Of], int] = {}
