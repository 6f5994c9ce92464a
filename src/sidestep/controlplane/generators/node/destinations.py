"""Clusters that a proxy asks for when a destination is dialled for the first time, and their endpoints.

A service's is named as it is dialled (`10.96.0.7:80`), a pod's by its address alone, and a network's by the network and
the port (`198.51.100.0/24:80`): however many addresses and ports are scanned, a pod is one cluster, a network one for
each of its ports, and a port that a service does not have is none.

Endpoints are named after their cluster and whom it accepts (`10.96.0.7:80#5c1d…`). While Envoy makes a cluster anew,
the one before goes on being used, and would be given the new endpoints as well; it has no TLS for an end of tunnels
that it does not know.
"""

from collections.abc import Iterable
from datetime import timedelta
from hashlib import blake2b
from ipaddress import ip_address, ip_network

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct as PlainStruct
from msgspec import Struct
from msgspec.structs import replace

from sidestep.controlplane.generators import (
    CLUSTER,
    VARIANT,
    Resource,
    Topic,
    about_address,
    about_endpoints,
    about_networks,
    about_node,
    about_service,
    about_workload,
)
from sidestep.controlplane.generators.node import clusters, tls
from sidestep.controlplane.generators.node.endpoints import Endpoint, key_of_name, of_service, of_waypoint, of_workload
from sidestep.controlplane.generators.node.messages import ADS, dialled, inside
from sidestep.controlplane.generators.node.relay import RELAY
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Preference, Service, WaypointAddress, Workload, WorkloadUid

_MATCH = "envoy.transport_socket_match"


class Destination(Struct, frozen=True):
    """Where connections to a name go.

    Attributes:
        endpoints: any of them.
        depends: what was looked at.
        own: the answer holds for the one node that asked.
        host: full name of the service; empty for a pod.
    """

    endpoints: tuple[Endpoint, ...]
    depends: frozenset[Topic]
    own: bool = False
    host: str = ""


def resource(index: Index, settings: Settings, type_url: str, name: str, proxy: str) -> Resource | None:
    """The cluster of a destination, or its endpoints; None where there is no such destination, or no more such a
    cluster: what asks for its endpoints keeps those that it has until it is replaced.
    """
    found = _destination(index, _of_cluster(name), proxy)
    return _resource(settings, type_url, name, proxy, found) if found is not None else None


def vacant(settings: Settings, name: str, proxy: str) -> Resource:
    """The cluster of a destination that is no more: it has nobody, and asks for nobody.

    A cluster that is taken away while a connection of it is open takes Envoy along when that ends (1.40).
    """
    gone = Destination((), frozenset({about_address(_parsed(name)[0]), about_networks()}), own=True)
    cluster = _cluster(name, gone, settings)
    cluster.ClearField("eds_cluster_config")
    cluster.type = Cluster.STATIC
    cluster.load_assignment.cluster_name = name
    return Resource(CLUSTER, name, cluster, proxy, gone.depends, asked=True)


def _resource(settings: Settings, type_url: str, name: str, proxy: str, found: Destination) -> Resource | None:
    if type_url == CLUSTER:
        message = _cluster(name, found, settings)
    elif name == _endpoints_name(_of_cluster(name), found):
        message = _assignment(name, found.endpoints)
    else:
        return None
    return Resource(type_url, name, message, proxy if found.own else "", found.depends, asked=True)


def _of_cluster(name: str) -> str:
    """The cluster's own name."""
    return name.partition(VARIANT)[0]


def _endpoints_name(cluster: str, destination: Destination) -> str:
    """By which a cluster asks for its endpoints: another for each set of those whom it accepts."""
    accepted = "\n".join(map(_key, _accepted(destination)))
    return f"{cluster}{VARIANT}{blake2b(accepted.encode(), digest_size=8).hexdigest()}" if accepted else cluster


def _accepted(destination: Destination) -> list[tuple[str, ...]]:
    """Whom ends of tunnels may prove to be, in order."""
    return sorted({each.identities for each in destination.endpoints if each.identities})


def _parsed(name: str) -> tuple[str, int]:
    """Address or network, and port, which is 0 for a pod; no address for what is none."""
    address, port = name, 0
    if name.startswith("[") or name.count(":") == 1:
        host, _, digits = name.rpartition(":")
        if not digits.isascii() or not digits.isdigit():
            return "", 0
        address, port = host.strip("[]"), int(digits)
    try:
        return str(ip_network(address) if "/" in address else ip_address(address)), port
    except ValueError:
        return "", 0


def _destination(index: Index, name: str, proxy: str) -> Destination | None:
    address, port = _parsed(name)
    if not address:
        return None
    workload, service = index.workload_at(address), index.service_at(address)
    if service is not None and port and any(each.service_port == port for each in service.ports):
        # Whoever has the address, too, is not asked for by the service's waypoint (ztunnel.md §6.1).
        return _to_service(index, replace(service, waypoint=None) if workload else service, address, port, proxy)
    return _to_workload(index, workload, address, proxy) if workload is not None else None


def _to_workload(index: Index, workload: Workload, address: str, proxy: str) -> Destination:
    depends = {about_address(address), about_workload(workload.uid)}
    if workload.waypoint is None:
        return Destination((of_workload(workload, address),), frozenset(depends))
    endpoints, seen = _at_waypoint(index, workload.waypoint, proxy)
    return Destination(endpoints, frozenset(depends) | seen, own=True)


def _to_service(index: Index, service: Service, address: str, port: int, proxy: str) -> Destination:
    depends = {about_address(address), about_service(service.key)}
    if service.waypoint is not None:
        endpoints, seen = _at_waypoint(index, service.waypoint, proxy)
        return Destination(endpoints, frozenset(depends) | seen, own=True, host=service.hostname)
    if service.mode is Preference.PASSTHROUGH:
        itself = Workload(uid=_nobody(service), name=service.name, namespace=service.namespace)
        return Destination((Endpoint(address, port, "", (), itself),), frozenset(depends))
    depends.add(about_endpoints(service.key))
    for key in (key_of_name(each.hostname) for each in index.endpoints(service.key) if each.hostname):
        depends |= {about_service(key), about_endpoints(key)}
    near = service.mode is not Preference.ANY
    if near:
        depends.add(about_node(proxy))
    plain, _, _ = address.partition("/")
    found = of_service(index, service, port, plain, _client(index, proxy) if near else None)
    return Destination(tuple(found), frozenset(depends), own=near, host=service.hostname)


def _at_waypoint(index: Index, waypoint: WaypointAddress, proxy: str) -> tuple[tuple[Endpoint, ...], frozenset[Topic]]:
    seen = {about_node(proxy)}
    if waypoint.service:
        seen |= {about_service(waypoint.service), about_endpoints(waypoint.service)}
    else:
        seen.add(about_address(waypoint.address))
        service = index.service_at(waypoint.address)
        seen |= {about_endpoints(service.key)} if service else set()
    return tuple(of_waypoint(index, waypoint, _client(index, proxy))), frozenset(seen)


def _client(index: Index, proxy: str) -> Workload | None:
    """Any workload of the node: all have its locality."""
    return next(iter(index.on_node(proxy)), None)


def _cluster(name: str, destination: Destination, settings: Settings) -> Cluster:
    found = Cluster(
        name=name,
        type="EDS",
        lb_policy="RANDOM",
        eds_cluster_config={"eds_config": ADS, "service_name": _endpoints_name(name, destination)},
        connect_timeout=timedelta(seconds=settings.connect_timeout),
        upstream_bind_config=clusters.from_the_pod(),
        per_connection_buffer_limit_bytes={"value": settings.buffer},
        circuit_breakers=clusters.UNBROKEN,
        common_lb_config={"healthy_panic_threshold": {"value": 0}},
        # Ends of tunnels by whom they must prove to be; what has no tunnel is dialled by the proxy itself.
        transport_socket_matches=[
            *map(_by_identities, _accepted(destination)),
            {"name": RELAY, "match": {}, "transport_socket": clusters.relayed()},
        ],
    )
    for key, value in clusters.tunnelled(settings, destination.host).items():
        found.typed_extension_protocol_options[key].CopyFrom(value)
    return found


def _by_identities(identities: tuple[str, ...]) -> dict[str, object]:
    key = _key(identities)
    return {"name": key, "match": {"identities": key}, "transport_socket": tls.client(identities)}


def _key(identities: tuple[str, ...]) -> str:
    return " ".join(identities)


def _assignment(name: str, endpoints: Iterable[Endpoint]) -> ClusterLoadAssignment:
    return ClusterLoadAssignment(
        cluster_name=name, endpoints=[{"lb_endpoints": [_lb_endpoint(each) for each in endpoints]}]
    )


def _lb_endpoint(endpoint: Endpoint) -> LbEndpoint:
    tunnelled = bool(endpoint.identities)
    found = LbEndpoint(
        endpoint={
            "address": dialled(endpoint.address, endpoint.port)
            if tunnelled
            else inside(RELAY, endpoint.authority or endpoint.address)
        }
    )
    own: dict[str, str] = {"workload": endpoint.workload.uid}
    if endpoint.authority:
        own["authority"] = endpoint.authority
    found.metadata.filter_metadata[clusters.METADATA].CopyFrom(ParseDict(own, PlainStruct()))
    if tunnelled:
        match = ParseDict({"identities": _key(endpoint.identities)}, PlainStruct())
        found.metadata.filter_metadata[_MATCH].CopyFrom(match)
    return found


def _nobody(service: Service) -> WorkloadUid:
    return WorkloadUid(f"passthrough/{service.key}")
