"""Sightings made of counters: of connections that nodes' proxies saw, and of everything that pods' proxies saw."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from sidestep.lab.graph.sightings import NOBODY, App, Layer, Sighting
from sidestep.lab.metrics import counting, labelled
from sidestep.lab.metrics.counting import FAILED_TOTAL, OPENED_TOTAL, UNKNOWN, Series
from sidestep.lab.metrics.labelled import service_of
from sidestep.lab.metrics.requested import Of, Told

_FAILED_FROM = 400
_MUTUAL = "mutual_tls"


def of_connections(counters: Mapping[Series, int]) -> Iterator[Sighting]:
    """What nodes' proxies saw: connections by who opened them."""
    found: dict[Sighting, Counter[str]] = defaultdict(Counter)
    for series, number in counters.items():
        told = dict(zip(counting.LABELS, series.values, strict=True))
        found[_ends(told, Layer.L4, secured=told["connection_security_policy"] == _MUTUAL)][series.name] += number
    yield from _opened(found)


def of_requests(told: Told, who: Callable[[str], App]) -> Iterator[Sighting]:
    """What pods' proxies saw: requests, and of other connections how many.

    Args:
        told: counts.
        who: a proxy's workload is, by its key.
    """
    every: Counter[Sighting] = Counter()
    failed: Counter[Sighting] = Counter()
    for of, number in told.totals.items():
        labels = _labels(of)
        key = _of_pod(of, labels, Layer.L7, who)
        every[key] += number
        failed[key] += number if _wrong(labels) else 0
    yield from (replace(key, count=count, failed=failed[key]) for key, count in every.items())
    found: dict[Sighting, Counter[str]] = defaultdict(Counter)
    for (name, of), number in told.connections.items():
        found[_of_pod(of, _labels(of), Layer.L4, who)][name] += number
    yield from _opened(found)


def _opened(found: Mapping[Sighting, Mapping[str, int]]) -> Iterator[Sighting]:
    for key, numbers in found.items():
        yield replace(key, count=numbers[OPENED_TOTAL], failed=numbers[FAILED_TOTAL])


def _labels(of: Of) -> dict[str, str]:
    return dict(zip(labelled.LABELS, of.values, strict=True))


def _of_pod(of: Of, labels: Mapping[str, str], layer: Layer, who: Callable[[str], App]) -> Sighting:
    waypoint = labels["reporter"] == "waypoint"
    return _ends(labels, layer, secured=_secured(labels), by=who(of.proxy) if waypoint else None)


def _ends(labels: Mapping[str, str], layer: Layer, *, secured: bool | None, by: App | None = None) -> Sighting:
    client, server = (_app(labels, end) for end in ("source", "destination"))
    return Sighting(client, server, layer, labels["reporter"], service_of(labels), by, secured)


def _app(labels: Mapping[str, str], end: str) -> App:
    space, name = labels[f"{end}_workload_namespace"], labels[f"{end}_canonical_service"]
    if name == UNKNOWN:
        name = labels[f"{end}_workload"]
    return NOBODY if UNKNOWN in (space, name) else App(space, name)


def _secured(labels: Mapping[str, str]) -> bool | None:
    """A client knows by whose name it was shown; a waypoint has to be sure of both of its sides."""
    served = labels["destination_workload"] != UNKNOWN
    onward = not served or labels["destination_principal"] != UNKNOWN
    if labels["reporter"] == "source":
        return labels["destination_principal"] != UNKNOWN if served else None
    return labels["connection_security_policy"] == _MUTUAL and onward


def _wrong(labels: Mapping[str, str]) -> bool:
    code = int(labels["response_code"] or 0)
    return not code or code >= _FAILED_FROM or labels["grpc_response_status"] not in ("", "0")
