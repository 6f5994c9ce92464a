"""Which endpoints a connection may go to, and how each is reached (ztunnel.md §6.1, §6.2)."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from msgspec import Struct

from sidestep.controlplane.generators.node.messages import with_port
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import (
    Families,
    Locality,
    Preference,
    Scope,
    Service,
    ServiceKey,
    Tunnel,
    WaypointAddress,
    Workload,
    identity_of,
)
from sidestep.semantics.families import alike


class Endpoint(Struct, frozen=True):
    """One endpoint.

    Attributes:
        address: to be dialled.
        port: likewise; of the tunnel where there is one.
        authority: what the tunnel's CONNECT names; empty for what the client dialled.
        identities: whom to accept as the tunnel's other end; none for an endpoint without tunnel.
        workload: whom it is, for telemetry.
    """

    address: str
    port: int
    authority: str
    identities: tuple[str, ...]
    workload: Workload


def of_service(index: Index, service: Service, port: int, dialled: str, client: Workload | None) -> Iterator[Endpoint]:
    """Endpoints of a service's port, of which any may be taken.

    Args:
        index: all records.
        service: the one that is dialled.
        port: likewise.
        dialled: the address, whose family is preferred.
        client: a workload of the node from which it is dialled, for locality; None where nothing is known.
    """
    candidates = [each for each in index.endpoints(service.key) if each.healthy or service.all_endpoints]
    for workload in _preferred(service, candidates, client):
        target = target_of(service, workload, port)
        if workload.hostname and target:
            yield from _of_name(index, workload, target, dialled)
            continue
        address = address_of(workload, service.families, dialled)
        if target and address:
            yield _endpoint(workload, address, target, service.sans)


def key_of_name(hostname: str) -> ServiceKey:
    """The Service whose name an endpoint has in place of an address."""
    return ServiceKey(f"{hostname.split('.')[1] if '.' in hostname else ''}/{hostname}")


def _of_name(index: Index, workload: Workload, target: int, dialled: str) -> Iterator[Endpoint]:
    """What the cluster's DNS answers: Services and pods behind headless ones; of the world outside it knows nothing.

    What a name leads to is dialled as it is (ztunnel.md §6.1): nobody looks whether a pod has the address.
    """
    service = index.services.get(key_of_name(workload.hostname))
    if service is None:
        return
    behind = (each for each in index.endpoints(service.key) if each.healthy or service.all_endpoints)
    for addresses in [service.vips] if service.vips else [each.addresses for each in behind if each.addresses]:
        address = alike(dialled, addresses[0], addresses[1:])
        yield Endpoint(address, target, with_port(address, target), (), workload)


def of_workload(workload: Workload, address: str) -> Endpoint:
    """A workload that is dialled itself, at whatever port."""
    found = _endpoint(workload, address, 0, ())
    return Endpoint(address, found.port, "", found.identities, workload)


def of_waypoint(index: Index, waypoint: WaypointAddress, client: Workload | None) -> Iterator[Endpoint]:
    """The instances of a waypoint; what the client dialled is named to them. None where it cannot be found."""
    service = index.services.get(waypoint.service) if waypoint.service else index.service_at(waypoint.address)
    if service is not None:
        candidates = [each for each in index.endpoints(service.key) if each.healthy or service.all_endpoints]
        for workload in _preferred(service, candidates, client):
            address = address_of(workload, service.families, waypoint.address or "0.0.0.0")  # noqa: S104 - a family
            if address:
                yield Endpoint(address, waypoint.port, "", (identity_of(workload), *service.sans), workload)
    elif (instance := index.workload_at(waypoint.address)) is not None:
        yield Endpoint(waypoint.address, waypoint.port, "", (identity_of(instance),), instance)


def _endpoint(workload: Workload, address: str, target: int, sans: tuple[str, ...]) -> Endpoint:
    authority = with_port(address, target)
    if workload.tunnel is Tunnel.HBONE:
        return Endpoint(address, 15008, authority, (identity_of(workload), *sans), workload)
    return Endpoint(address, target, authority, (), workload)


def target_of(service: Service, workload: Workload, port: int) -> int:
    """The workload's own port behind a service's; 0 where it has none."""
    if all(each.service_port != port for each in service.ports):
        return 0
    own = next((each.target_port for each in workload.services[service.key] if each.service_port == port), 0)
    return own or next((each.target_port for each in service.ports if each.service_port == port), 0)


def address_of(workload: Workload, families: Families, dialled: str) -> str:
    """The first address of a family that the service has, rather of the dialled one."""
    version = ip_address(dialled).version
    only = {Families.IPV4: 4, Families.IPV6: 6}.get(families)
    fitting = [each for each in workload.addresses if only in (None, ip_address(each).version)]
    return next((each for each in fitting if ip_address(each).version == version), fitting[0] if fitting else "")


def _preferred(service: Service, candidates: list[Workload], client: Workload | None) -> Iterable[Workload]:
    """Those that are nearest, where the service asks for that."""
    if service.mode is Preference.ANY or client is None:
        return candidates
    if service.mode is Preference.STRICT:
        return [each for each in candidates if all(_same(scope, each, client) for scope in service.preferences)]
    ranks = [_rank(service.preferences, each, client) for each in candidates]
    best = max(ranks, default=0)
    return [each for each, rank in zip(candidates, ranks, strict=True) if rank == best]


def _rank(preferences: tuple[Scope, ...], workload: Workload, client: Workload) -> int:
    """How many preferences agree before one does not."""
    agreed = [_same(scope, workload, client) for scope in preferences]
    return agreed.index(False) if False in agreed else len(agreed)


def _same(scope: Scope, one: Workload, other: Workload) -> bool:
    return same(scope, one, other.locality, other.node)


def same(scope: Scope, one: Workload, locality: Locality, node: str) -> bool:
    """Whether a workload is in the same place as a client."""
    match scope:
        case Scope.REGION:
            return one.locality.region == locality.region
        case Scope.ZONE:
            return one.locality.zone == locality.zone
        case Scope.SUBZONE:
            return one.locality.subzone == locality.subzone
        case Scope.NODE:
            return one.node == node
        case Scope.CLUSTER | Scope.NETWORK:
            return True
