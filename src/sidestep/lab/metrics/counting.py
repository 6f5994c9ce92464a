"""Counters by ztunnel's names and labels (ztunnel.md §7.1)."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sidestep.controlplane.describing import Answer, Named, Party
from sidestep.lab.metrics.lines import ENDED, OPENED, Line

Find = Callable[[str], Answer]
UNKNOWN, FINE = "unknown", "-"
LABELS = (
    "reporter",
    *(f"source_{each}" for each in ("workload", "canonical_service", "canonical_revision", "workload_namespace",
                                    "principal", "app", "version", "cluster")),
    "destination_service", "destination_service_namespace", "destination_service_name",
    *(f"destination_{each}" for each in ("workload", "canonical_service", "canonical_revision", "workload_namespace",
                                         "principal", "app", "version", "cluster")),
    "request_protocol", "response_flags", "connection_security_policy",
    "source_region", "source_zone", "destination_region", "destination_zone",
)  # fmt: skip
OPENED_TOTAL, CLOSED_TOTAL = "istio_tcp_connections_opened_total", "istio_tcp_connections_closed_total"
SENT_TOTAL, RECEIVED_TOTAL = "istio_tcp_sent_bytes_total", "istio_tcp_received_bytes_total"
FAILED_TOTAL = "istio_tcp_connections_failed_total"
_FLAGS = LABELS.index("response_flags")
_CLUSTER = "Kubernetes"
_NOBODY = Party()
_NO_SERVICE = Named()
_REFUSED = frozenset({400, 401})
"""Answers to a CONNECT of which ztunnel counts nothing."""


class Series(NamedTuple):
    """One counter: of which node, and its labels' values in order."""

    name: str
    node: str
    values: tuple[str, ...]


class Counting:
    """Counters of all nodes, and the connections that are open as far as was read."""

    def __init__(self) -> None:
        self.counters: Counter[Series] = Counter()
        self._open: dict[tuple[str, str, str | int | None], tuple[int, int]] = {}

    def take(self, node: str, line: Line, find: Find) -> None:
        """Count a line of a node's proxy."""
        key = (node, line.uid + line.direction, line.id)
        values = labels(line, find)
        if line.message in OPENED:
            self._open[key] = (0, 0)
            self._add(OPENED_TOTAL, node, values)
        elif line.message not in ENDED:
            self._bytes(key, node, line, values)
        elif key in self._open:
            self._bytes(key, node, line, values)
            del self._open[key]
            self._add(CLOSED_TOTAL, node, values)
        elif not _never_was(line):
            self._failed(node, line, values)

    def _bytes(self, key: tuple[str, str, str | int | None], node: str, line: Line, values: tuple[str, ...]) -> None:
        sent, received = self._open.get(key, (0, 0))
        self._open[key] = (line.sent, line.received)
        self._add(SENT_TOTAL, node, values, max(0, line.sent - sent))
        self._add(RECEIVED_TOTAL, node, values, max(0, line.received - received))

    def _failed(self, node: str, line: Line, values: tuple[str, ...]) -> None:
        flag = "TLS_FAILURE" if "TLS" in (line.error or "") else "CONNECT"
        broken = (*values[:_FLAGS], flag, *values[_FLAGS + 1 :])
        self._add(OPENED_TOTAL, node, values)
        self._add(CLOSED_TOTAL, node, broken)
        self._add(FAILED_TOTAL, node, broken)

    def _add(self, name: str, node: str, values: tuple[str, ...], number: int = 1) -> None:
        self.counters[Series(name, node, values)] += number


def _never_was(line: Line) -> bool:
    """Whether somebody was refused before a connection was counted."""
    return not line.outbound and (line.status in _REFUSED or "UH" in (line.flags or ""))


def labels(line: Line, find: Find) -> tuple[str, ...]:
    """Values of all labels, in order."""
    own_name, other_name, dialled = line.names
    own, other = find(own_name).party or _NOBODY, _party(find, other_name)
    client, server = (own, other) if line.outbound else (other, own)
    service = _service(line, server, dialled, find)
    principal = (own.identity if line.outbound else line.identity) if line.tunnelled else ""
    found = (
        "source" if line.outbound else "destination",
        *_end(client, principal or ""),
        service.host, service.namespace, service.name,
        *_end(server, server.identity),
        "tcp", FINE, "mutual_tls" if line.tunnelled else UNKNOWN,
        client.region, client.zone, server.region, server.zone,
    )  # fmt: skip
    return tuple(each or UNKNOWN for each in found)


def _party(find: Find, name: str) -> Party:
    return (find(name).party if name else None) or _NOBODY


def _service(line: Line, server: Party, dialled: str, find: Find) -> Named:
    """What was dialled; of who comes in, what its client says, if the server serves that, or else what it serves."""
    if line.outbound:
        return find(dialled).service or _NO_SERVICE
    host = line.host
    if host not in server.services:
        host = next((each for each, ports in server.services.items() if line.port in ports), "")
    return (find(host).service if host else None) or _NO_SERVICE


def _end(party: Party, principal: str) -> Iterator[str]:
    known = party is not _NOBODY
    yield from (party.workload, party.canonical_service, party.canonical_revision, party.namespace)
    yield from (principal, party.canonical_service, party.canonical_revision, _CLUSTER if known else "")


def names(line: Line) -> Iterator[str]:
    """Everything that must be found to count a line."""
    yield from filter(None, line.names)
    if line.host:
        yield line.host
