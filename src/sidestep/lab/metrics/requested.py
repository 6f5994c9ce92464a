"""Istio's metrics of requests: how many, how long, how large.

Source: istio.io, Istio Standard Metrics; buckets are Envoy's own.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sidestep.controlplane.describing import Answer, Named, Party
from sidestep.lab.metrics.requests import Request

TOTAL = "istio_requests_total"
DURATION, RECEIVED, SENT = "istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"
BUCKETS = (
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
)  # fmt: skip
_END_LABELS = (
    "workload",
    "workload_namespace",
    "principal",
    "app",
    "version",
    "canonical_service",
    "canonical_revision",
    "cluster",
)
LABELS = (
    "reporter", *(f"source_{each}" for each in _END_LABELS), *(f"destination_{each}" for each in _END_LABELS),
    "destination_service", "destination_service_name", "destination_service_namespace",
    "request_protocol", "response_code", "grpc_response_status", "response_flags", "connection_security_policy",
)  # fmt: skip
_UNKNOWN, _FINE, _CLUSTER = "unknown", "-", "Kubernetes"
_TUNNEL = "connect_originate"
"""In the endpoint of a request that leaves by HBONE."""
_NOBODY, _NO_SERVICE = Party(), Named()
Find = Callable[[str], Answer]


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


class Requested:
    """Counts of all pods' proxies."""

    def __init__(self) -> None:
        self.totals: Counter[Of] = Counter()
        self.spread: dict[str, dict[Of, Distribution]] = {name: {} for name in (DURATION, RECEIVED, SENT)}

    def take(self, proxy: str, request: Request, find: Find) -> None:
        """Count one.

        Args:
            proxy: key of the workload whose proxy wrote it.
            request: as it wrote it.
            find: who is who.
        """
        of = Of(proxy, labels(proxy, request, find))
        self.totals[of] += 1
        values = {DURATION: request.duration or 0, RECEIVED: request.received, SENT: request.sent}
        for name, value in values.items():
            self.spread[name].setdefault(of, Distribution()).add(value)

    def told(self) -> "Told":
        """All that was counted."""
        return Told(self.totals, self.spread)


class Told(NamedTuple):
    """What was counted: series of numbers, and of distributions by their metric's name."""

    totals: Mapping[Of, int]
    spread: Mapping[str, Mapping[Of, Distribution]]


def labels(proxy: str, request: Request, find: Find) -> tuple[str, ...]:
    """Values of all labels, in order."""
    own = find(proxy).party or _NOBODY
    peer = find(request.client).party or _NOBODY if request.client else _NOBODY
    served = find(request.endpoint).party or _NOBODY if request.endpoint else _NOBODY
    match request.reporter:
        case "source":
            client, server = own, served
            secured = bool(request.server) or _TUNNEL in (request.upstream or "")
            principals = (own.identity, request.server or served.identity) if secured else ("", "")
        case "destination":
            client, server = peer, own
            secured = bool(request.identity)
            principals = (request.identity or "", own.identity if secured else "")
        case _:
            client, server = peer, served
            secured = bool(request.identity)
            principals = (request.identity or "", served.identity)
    service = _service(request, server, find)
    protocol = "grpc" if request.is_grpc else "http"
    policy = _UNKNOWN if request.reporter == "source" else "mutual_tls" if secured else "none"
    found = (
        request.reporter, *_end(client, principals[0]), *_end(server, principals[1]),
        service.host, service.name, service.namespace,
        protocol, str(request.code or 0), request.status_of_grpc, request.flags or _FINE, policy,
    )  # fmt: skip
    blank = LABELS.index("grpc_response_status")
    return tuple(each or (_UNKNOWN if at != blank else "") for at, each in enumerate(found))


def _service(request: Request, server: Party, find: Find) -> Named:
    """What was asked; of who comes in, what its client names if the server serves that, or else what it serves."""
    if request.reporter != "destination":
        return (find(request.service).service if request.service else None) or _NO_SERVICE
    named = (find(request.host).service if request.host else None) or _NO_SERVICE
    if named.host in server.services:
        return named
    host = next((each for each, ports in server.services.items() if request.port in ports), "")
    return (find(host).service if host else None) or _NO_SERVICE


def _end(party: Party, principal: str) -> tuple[str, ...]:
    known = party is not _NOBODY
    return (
        party.workload, party.namespace, principal, party.canonical_service, party.canonical_revision,
        party.canonical_service, party.canonical_revision, _CLUSTER if known else "",
    )  # fmt: skip
