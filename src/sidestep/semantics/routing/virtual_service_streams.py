"""The rules of a VirtualService on connections: `tcp` and `tls`.

Source: pilot/pkg/networking/core/tls.go; istio-semantics.md §4.3.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.semantics.routing.gateway_names import gateway_names
from sidestep.semantics.routing.route import RouteSource
from sidestep.semantics.routing.rule import StreamEntry, StreamKind
from sidestep.semantics.routing.virtual_service_http import Reading, destinations, labels
from sidestep.semantics.trees import MalformedError, items, mapping, mappings, strings, text, whole


def tcp_entries(spec: Mapping[str, Any], reading: Reading) -> Iterator[StreamEntry]:
    """Every match of every rule of `tcp`, in order."""
    return _entries(spec, StreamKind.TCP, reading)


def tls_entries(spec: Mapping[str, Any], reading: Reading) -> Iterator[StreamEntry]:
    """Every match of every rule of `tls`, in order."""
    return _entries(spec, StreamKind.TLS, reading)


def _entries(spec: Mapping[str, Any], kind: StreamKind, reading: Reading) -> Iterator[StreamEntry]:
    try:
        listed = items(spec.get(kind.value), kind.value)
    except MalformedError as error:
        yield _broken(kind.value, reading, error)
        return
    for at, each in enumerate(listed):
        place = f"{kind.value}[{at}]"
        try:
            yield from _rule(mapping(each, place), place, kind, reading)
        except MalformedError as error:
            yield _broken(place, reading, error)


def _broken(place: str, reading: Reading, error: MalformedError) -> StreamEntry:
    return StreamEntry(RouteSource.VIRTUAL_SERVICE, reading.object, place, broken=f"{reading.object}: {error}")


def _rule(rule: Mapping[str, Any], place: str, kind: StreamKind, reading: Reading) -> Iterator[StreamEntry]:
    targets = destinations(rule.get("route"), f"{place}.route", reading)
    if not targets:
        return
    matches = mappings(rule.get("match"), f"{place}.match")
    if not matches:
        yield StreamEntry(RouteSource.VIRTUAL_SERVICE, reading.object, place, targets=targets)
    for at, match in enumerate(matches):
        where = f"{place}.match[{at}]"
        names = strings(match.get("sniHosts"), f"{where}.sniHosts") if kind is StreamKind.TLS else ()
        yield StreamEntry(
            RouteSource.VIRTUAL_SERVICE,
            reading.object,
            place,
            f"match[{at}]",
            targets,
            tuple(name.lower() for name in names),
            strings(match.get("destinationSubnets"), f"{where}.destinationSubnets"),
            whole(match.get("port"), f"{where}.port") or 0,
            gateway_names(match.get("gateways"), f"{where}.gateways", reading.namespace),
            labels(match.get("sourceLabels"), f"{where}.sourceLabels"),
            text(match.get("sourceNamespace"), f"{where}.sourceNamespace"),
        )
