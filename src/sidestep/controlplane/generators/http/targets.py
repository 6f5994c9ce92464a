"""Where rules lead: the clusters of their targets, from what semantics says of destinations."""

from collections.abc import Iterable

from sidestep.controlplane.generators.http.destinations import Destination, Discovery, Speaks
from sidestep.controlplane.generators.http.names import cluster_name
from sidestep.controlplane.records import ServiceKey
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.routing.hosts import HostPort
from sidestep.semantics.routing.reach import Destined, Reach, destined
from sidestep.semantics.routing.rule import HttpEntry, StreamEntry, Target
from sidestep.semantics.service_index import Service

_DISCOVERIES = {
    "NONE": Discovery.DIALLED,
    "DNS": Discovery.DNS,
    "DNS_ROUND_ROBIN": Discovery.LOGICAL_DNS,
}
_SECOND = frozenset({"http2", "grpc", "grpc-web"})


def name_of(found: Destined) -> str:
    """Name of the cluster."""
    return cluster_name(found.host.name, found.port, found.subset)


def targets(http: Iterable[HttpEntry], stream: StreamEntry | None) -> Iterable[Target]:
    """Everything that rules lead to."""
    for entry in http:
        yield from entry.rule.targets
        yield from (mirror.target for mirror in entry.rule.mirrors)
    if stream is not None:
        yield from stream.targets


def destination(mesh: MeshIndex, target: Target, port: int, reach: Reach) -> Destination | None:
    """Where a target leads from a port; None where there is nothing of that name."""
    found = destined(target, port, reach)
    service = mesh.services.by_host.get(found.host.name) if found is not None else None
    if found is None or service is None:
        return None
    own = found.host.port(found.port)
    return Destination(
        name_of(found),
        service.host,
        ServiceKey(f"{service.namespace}/{service.host}"),
        found.port,
        _speaks(own) if own is not None else Speaks.BYTES,
        found.settings,
        found.object,
        found.labels,
        (),
        _DISCOVERIES.get(service.resolution, Discovery.RECORDS),
        _resolved(service, found.port),
        external=service.external and bool(service.resolution),
        places=mesh.routing.places,
    )


def _speaks(port: HostPort) -> Speaks:
    if port.is_http:
        return Speaks.HTTP2 if port.protocol.lower() in _SECOND or port.is_grpc else Speaks.HTTP1
    return Speaks.AS_CLIENT if port.is_sniffed else Speaks.BYTES


def _resolved(service: Service, number: int) -> tuple[tuple[str, int], ...]:
    """Names and ports of an entry that is found by DNS: its endpoints', or else its host's own."""
    if not service.resolution.startswith("DNS"):
        return ()
    port = service.port(number)
    target = port.target if port is not None and isinstance(port.target, int) else number
    endpoints = as_dicts(as_dict(service.resource.view.spec).get("endpoints"))
    name = port.name if port is not None else ""
    own = [(as_text(each.get("address")), as_dict(each.get("ports")).get(name, target)) for each in endpoints]
    return tuple(own) or (((service.host, target),) if not service.host.startswith("*") else ())
