"""The endpoints of a cluster from the records: where they are, what they take, and whom to prefer.

Source: pilot/pkg/xds/endpoints (what an endpoint takes), loadbalancer (localities): endpoints of other places are used
only when the nearer ones fail, as soon as a DestinationRule detects outliers or names places itself, or the service
asks for closeness.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address

from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct as PlainStruct
from msgspec.structs import replace

from sidestep.controlplane.generators.http.destinations import Destination, Dialler
from sidestep.controlplane.generators.http.localities import Nearness, left_out
from sidestep.controlplane.generators.http.names import HBONE_CLUSTER
from sidestep.controlplane.generators.http.remarks import Fields
from sidestep.controlplane.generators.http.tls import HTTP, ISTIO, METADATA, ORIGINAL_DST, TLS_MODE, TUNNEL
from sidestep.controlplane.generators.node.endpoints import address_of, of_waypoint, target_of
from sidestep.controlplane.generators.node.messages import dialled, inside, with_port
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import (
    Locality,
    ProxyRole,
    Service,
    Tunnel,
    Workload,
    identity_of,
)
from sidestep.controlplane.registry.services import is_inline
from sidestep.controlplane.registry.slices import is_opaque

_MATCH = "envoy.transport_socket_match"
_ANY_IPV4 = "0.0.0.0"  # noqa: S104 - a family
TakesMutual = Callable[[Workload, int], bool]
"""Whether a workload's port is sent mutual TLS: it has a sidecar, and no PeerAuthentication says DISABLE there."""


def assignment(
    index: Index, to: Destination, dialler: Dialler, takes_mutual: TakesMutual, dialled_by: str = _ANY_IPV4
) -> ClusterLoadAssignment:
    """All endpoints, by place.

    Args:
        index: all records.
        to: whose endpoints.
        dialler: the proxy.
        takes_mutual: asked for each workload without a tunnel.
        dialled_by: an address of the family to prefer.
    """
    found = ClusterLoadAssignment(cluster_name=to.name)
    service = index.services.get(to.service)
    if service is None:
        return found
    if dialler.asks_waypoints and service.ingress_use_waypoint and service.waypoint is not None:
        found.endpoints.add(lb_endpoints=_of_waypoint(index, service, to.port, dialled_by))
        return found
    if to.external:
        dialler = replace(dialler, mutual=False)
    near = Nearness(to, Fields(to.settings, to.of, "trafficPolicy", []), service)
    by_place: dict[tuple[int, Locality], list[LbEndpoint]] = {}
    for workload in serving(index, to):
        target, address = target_of(service, workload, to.port), address_of(workload, service.families, dialled_by)
        if target and address and not left_out(service, workload, dialler):
            place = (near.rank(workload, dialler), workload.locality)
            known = _known(index, workload)
            by_place.setdefault(place, []).append(_endpoint(known, address, target, dialler, takes_mutual))
    ranks = sorted({rank for rank, _ in by_place})
    weights = _shares(near, dialler.locality, by_place)
    for (rank, locality), endpoints in sorted(by_place.items(), key=lambda item: (item[0][0], _text(item[0][1]))):
        if weights is None or locality in weights:
            _add(found, ranks.index(rank), locality, endpoints, weights[locality] if weights else None)
    return found


def serving(index: Index, to: Destination) -> Iterable[Workload]:
    """The workloads of a service, of the subset only, that may be chosen."""
    service = index.services.get(to.service)
    if service is None:
        return ()
    candidates = (each for each in index.endpoints(service.key) if each.healthy or service.all_endpoints)
    return [each for each in candidates if to.labels.items() <= each.labels.items()]


def identities(index: Index, service: Service) -> tuple[str, ...]:
    """Whom the endpoints of a service may prove to be: all of its pods, and what a ServiceEntry names."""
    known = (_known(index, each) for each in index.endpoints(service.key) if not each.hostname)
    found = {identity_of(each) for each in known if not is_opaque(each)}
    return (*sorted(found), *(each for each in service.sans if each not in found))


def _known(index: Index, workload: Workload) -> Workload:
    """The pod at an address that is written down without saying whose it is: as a sidecar only in a slice of its own
    namespace.

    Elsewhere, and in ServiceEntries, no more is known than whether it takes a tunnel.

    Source: pilot/pkg/model/push_context.go (SupportsTunnel): asked by address.
    """
    named = is_opaque(workload) or is_inline(workload)
    found = index.workload_at(workload.addresses[0]) if named and workload.addresses else None
    if found is None or (found.namespace == workload.namespace and is_opaque(workload)):
        return found or workload
    return replace(found, proxy=None) if found.tunnel is Tunnel.HBONE else workload


def _endpoint(workload: Workload, address: str, port: int, dialler: Dialler, takes_mutual: TakesMutual) -> LbEndpoint:
    """By a tunnel, with mutual TLS or as it is; sidecars prefer mutual TLS to each other, waypoints have none."""
    metadata: dict[str, dict[str, str]] = {METADATA: {"workload": workload.uid}}
    authority = with_port(address, port)
    prefers_mutual = dialler.mutual and workload.proxy is ProxyRole.SIDECAR
    if dialler.tunnels and workload.tunnel is Tunnel.HBONE and not prefers_mutual:
        where = inside(HBONE_CLUSTER, authority)
        metadata[_MATCH] = {TUNNEL: HTTP}
        metadata[ORIGINAL_DST] = {"local": authority}
        metadata[METADATA] |= {"authority": authority, "identity": identity_of(workload)}
    else:
        where = dialled(address, port)
        if dialler.mutual and takes_mutual(workload, port):
            metadata[_MATCH] = {TLS_MODE: ISTIO}
    found = LbEndpoint(endpoint={"address": where})
    for name, values in metadata.items():
        found.metadata.filter_metadata[name].CopyFrom(ParseDict(values, PlainStruct()))
    return found


def _of_waypoint(index: Index, service: Service, port: int, dialled_by: str) -> Iterator[LbEndpoint]:
    """Instances of a service's waypoint, to which the service is named as it would be dialled."""
    vips = sorted((each for each in service.vips if "/" not in each), key=lambda each: _family(each, dialled_by))
    if service.waypoint is None or not vips:
        return
    for each in of_waypoint(index, service.waypoint, None):
        where = with_port(each.address, each.port)
        found = LbEndpoint(endpoint={"address": inside(HBONE_CLUSTER, where)})
        identity = each.identities[0] if each.identities else ""
        metadata = {
            METADATA: {"authority": with_port(vips[0], port), "identity": identity, "workload": each.workload.uid},
            ORIGINAL_DST: {"local": where},
            _MATCH: {TUNNEL: HTTP},
        }
        for name, values in metadata.items():
            found.metadata.filter_metadata[name].CopyFrom(ParseDict(values, PlainStruct()))
        yield found


def _family(address: str, wanted: str) -> bool:
    return ip_address(address).version != ip_address(wanted).version


def _add(
    found: ClusterLoadAssignment, priority: int, locality: Locality, endpoints: Sequence[LbEndpoint], weight: int | None
) -> None:
    place = LocalityLbEndpoints(
        locality={"region": locality.region, "zone": locality.zone, "sub_zone": locality.subzone},
        lb_endpoints=endpoints,
        priority=priority,
    )
    if weight is not None:
        place.load_balancing_weight.value = weight
    found.endpoints.append(place)


def _shares(
    near: Nearness, own: Locality, by_place: Mapping[tuple[int, Locality], Sequence[LbEndpoint]]
) -> Mapping[Locality, int] | None:
    """Weights of places; None where places have none."""
    if not near.weighted:
        return None
    numbers: Counter[Locality] = Counter()
    for (_, locality), endpoints in by_place.items():
        numbers[locality] += len(endpoints)
    return near.shares(own, numbers)


def _text(locality: Locality) -> tuple[str, str, str]:
    return locality.region, locality.zone, locality.subzone
