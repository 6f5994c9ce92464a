"""What a waypoint serves: ports of the services that are bound to it, and pods."""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from sidestep.controlplane.generators.node.messages import with_port
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import ProxyRole, ServiceKey, Tunnel, WaypointAddress, Workload
from sidestep.model.kinds import GATEWAY
from sidestep.semantics.authorization.attachment import GatewayTarget
from sidestep.semantics.identity import SPIFFE, principal_of
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.routing.hosts import HostPort
from sidestep.semantics.service_index import Service
from sidestep.semantics.waypoints import BindingState, account_of, is_waypoint_gateway


class Waypoint(Struct, frozen=True):
    """A waypoint.

    Attributes:
        namespace: of its Gateway.
        name: likewise.
        account: service account of its pods.
    """

    namespace: str
    name: str
    account: str

    @property
    def group(self) -> str:
        """What its replicas have in common."""
        return group_of(self.namespace, self.name)

    @property
    def target(self) -> GatewayTarget:
        """What policies attach to."""
        return GatewayTarget(self.namespace, self.name)

    def identity(self, trust_domain: str) -> str:
        """The name in its certificate."""
        return SPIFFE + principal_of(trust_domain, self.namespace, self.account)


class Reading(StrEnum):
    """What a waypoint reads of a connection."""

    HTTP = "http"
    SNIFFED = "sniffed"
    BYTES = "bytes"
    WAITED = "waited"
    """Bytes, at a waypoint that serves pods, too: it looks for HTTP at any port before it knows which was dialled."""


class Served(Struct, frozen=True):
    """A port of a service.

    Attributes:
        service: as meaning knows it.
        number: of the port.
        reading: what is read.
        authorities: by which tunnels name it.
    """

    service: Service
    number: int
    reading: Reading
    authorities: tuple[str, ...]

    @property
    def chain(self) -> str:
        """By what its requests are judged and routed."""
        return f"{self.service.host}|{self.number}"


def group_of(namespace: str, name: str) -> str:
    """The group of a Gateway's pods."""
    return f"waypoint/{namespace}/{name}"


def waypoints(mesh: MeshIndex) -> tuple[Waypoint, ...]:
    """All waypoints of a mesh."""
    gateways = (each for each in mesh.mesh.of(GATEWAY) if is_waypoint_gateway(each))
    return tuple(Waypoint(each.meta.namespace, each.meta.name, account_of(each)) for each in gateways)


def replicas(index: Index, namespace: str, gateway: str) -> Iterator[Workload]:
    """The pods of a waypoint."""
    for each in index.in_namespace(namespace):
        if each.proxy is ProxyRole.WAYPOINT and each.labels.get(GATEWAY_NAME) == gateway:
            yield each


def services(mesh: MeshIndex) -> dict[str, list[Service]]:
    """The services of each waypoint, by group."""
    found: dict[str, list[Service]] = {}
    for service in mesh.services.by_host.values():
        bound = mesh.waypoint_of(service)
        if bound is not None and bound.state is BindingState.ACCEPTED:
            found.setdefault(group_of(bound.namespace, bound.name), []).append(service)
    return found


def ports(index: Index, mesh: MeshIndex, service: Service) -> Iterator[Served]:
    """The ports of a service; one without an address of its own is dialled by its pods'."""
    record = index.services.get(ServiceKey(f"{service.namespace}/{service.host}"))
    addresses = [vip for vip in record.vips if "/" not in vip] if record is not None else []
    for port in mesh.host(service).ports if addresses else ():
        yield Served(service, port.number, _reading(port), tuple(with_port(vip, port.number) for vip in addresses))


def pods(index: Index, waypoint: Waypoint) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Addresses of pods that are bound to a waypoint themselves: with a tunnel, and without one."""
    meshed: dict[bool, list[str]] = {True: [], False: []}
    for workload in index.workloads.values():
        if workload.waypoint is not None and _is(index, workload.waypoint, waypoint):
            meshed[workload.tunnel is Tunnel.HBONE].extend(workload.addresses)
    return tuple(sorted(meshed[True])), tuple(sorted(meshed[False]))


def _is(index: Index, address: WaypointAddress, waypoint: Waypoint) -> bool:
    """Whether an address is that of a waypoint: of the Service with its name, as its controller makes it."""
    if not address.service:
        found = index.service_at(address.address)
        return found is not None and (found.namespace, found.name) == (waypoint.namespace, waypoint.name)
    service = index.services.get(address.service)
    return service is not None and (service.namespace, service.name) == (waypoint.namespace, waypoint.name)


def _reading(port: HostPort) -> Reading:
    if port.is_http:
        return Reading.HTTP
    return Reading.SNIFFED if port.is_sniffed else Reading.BYTES
