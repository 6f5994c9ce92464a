"""Rules on connections, port by port, as rules of TCPRoutes and TLSRoutes.

Source: istio-semantics.md §4.3; a waypoint takes a TLS rule whose only name is the service's own, whatever name a
connection bears; TCPRoutes are read since 1.31 and TLSRoutes since 1.30, before only where istiod is told to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from sidestep.convert.rewrite import Severity, Tree
from sidestep.convert.routes.destinations import Place, references
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.semantics.routing.gateway_api_streams import ALPHA_SINCE
from sidestep.semantics.routing.hosts import MESH, Host, HostPort
from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.rule import Bound, StreamEntry, StreamKind
from sidestep.semantics.trees import mappings

_MATCH = frozenset({"destinationSubnets", "port", "sourceLabels", "gateways", "sourceNamespace", "sniHosts"})
_CLIENTS = "a waypoint does not know the client's pod (D49)"
_SILENT = "udp"


class StreamRule(Struct, frozen=True):
    """What becomes of the connections to a port: the rule of a TCPRoute or TLSRoute."""

    kind: StreamKind
    port: int
    rule: Tree


def stream_rules(
    bound: Bound, spec: Mapping[str, Any], host: Host, place: Callable[[int], Place], ledger: Ledger
) -> list[StreamRule]:
    """One rule for each port on which connections are routed.

    Raises:
        MalformedError: a field has a wrong type.
    """
    for kind in StreamKind:
        for at, rule in enumerate(mappings(spec.get(kind.value), kind.value)):
            ledger.unknown_fields(rule, frozenset({"match", "route"}), f"spec.{kind.value}[{at}]")
            for number, match in enumerate(mappings(rule.get("match"), "match")):
                ledger.unknown_fields(match, _MATCH, f"spec.{kind.value}[{at}].match[{number}]")
    found = []
    for port in host.ports:
        entry = _entry(bound, host, port, ledger)
        if entry is not None:
            found.append(_stream(entry, spec, place(port.number), ledger))
    return found


def _stream(
    chosen: tuple[StreamKind, StreamEntry],
    spec: Mapping[str, Any],
    place: Place,
    ledger: Ledger,
) -> StreamRule:
    kind, entry = chosen
    served = place.served
    if not (served.alpha or served.istio.since(*ALPHA_SINCE[kind])):
        why = f"this Istio does not read {kind.value.upper()}Routes unless it is told to"
        ledger.keep(f"spec.{entry.place}", "routes connections", why, AS_IT_IS)
    at = int(entry.place.partition("[")[2].rstrip("]"))
    rule = mappings(spec.get(kind.value), kind.value)[at]
    field = f"spec.{entry.place}.route"
    refs, _ = references(rule.get("route"), field, place, ledger)
    return StreamRule(kind, place.port, {"backendRefs": refs})


def _entry(bound: Bound, host: Host, port: HostPort, ledger: Ledger) -> tuple[StreamKind, StreamEntry] | None:
    """The rule that a sidecar follows for a port; none where none speaks."""
    if port.is_http or port.protocol.lower() == _SILENT:
        return None
    if not port.is_tls:
        entry = next(_offered(bound.tcp, port.number, ledger), None)
        return (StreamKind.TCP, entry) if entry is not None else None
    named = list(_offered(bound.tls, port.number, ledger))
    if not named:
        return None
    for entry in named:
        _server_names(entry, host, ledger)
    return StreamKind.TLS, named[0]


def _offered(entries: Sequence[StreamEntry], port: int, ledger: Ledger) -> Iterator[StreamEntry]:
    for entry in entries:
        field = f"spec.{entry.place}.{entry.match}".rstrip(".")
        if entry.source_labels and entry.port in (0, port):
            ledger.keep(f"{field}.sourceLabels", "asks for labels of clients", _CLIENTS, "route by another port")
        if entry.source_namespace and entry.port in (0, port):
            ledger.keep(f"{field}.sourceNamespace", "asks for the namespace", _CLIENTS, "route by another port")
        if entry.offered(Vantage(port, entry.source_namespace, entry.source_labels, MESH)):
            if entry.subnets:
                why = "routes do not look at the destination's address"
                ledger.keep(f"{field}.destinationSubnets", "asks for addresses", why, "give those addresses a Service")
            yield entry


def _server_names(entry: StreamEntry, host: Host, ledger: Ledger) -> None:
    field = f"spec.{entry.place}.{entry.match}.sniHosts"
    if not entry.server_names:
        return
    if entry.server_names != (host.name,):
        why = "a waypoint takes a rule whose only name is the service's own"
        ledger.keep(field, f"routes connections to {', '.join(entry.server_names)}", why, "route by service")
    else:
        ledger.lose(
            field, "leaves connections with other server names alone", "a waypoint does not look at server names",
            "nothing, unless clients send another name to this service", Severity.TRAFFIC,
        )  # fmt: skip
