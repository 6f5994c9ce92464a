"""Workloads and services as `istio.workload.Address` (ztunnel.md §3.7 and §3.9).

What istiod leaves out is left out: the trust domain where it is the usual one. A pod's namespace is told to nobody.
"""

from ipaddress import ip_address, ip_network
from typing import Any

from google.protobuf.message import Message

from sidestep.controlplane.records import (
    Locality,
    PortMap,
    Preference,
    Service,
    WaypointAddress,
    Workload,
)
from sidestep.controlplane.wds.tables import WORKLOAD

_USUAL_DOMAIN = "cluster.local"


def workload_address(workload: Workload) -> Message:
    """The message of a workload."""
    message = WORKLOAD["Workload"](
        uid=workload.uid,
        name=workload.name,
        namespace=workload.namespace,
        addresses=[ip_address(each).packed for each in workload.addresses],
        hostname=workload.hostname,
        tunnel_protocol=workload.tunnel.value,
        trust_domain="" if workload.trust_domain == _USUAL_DOMAIN else workload.trust_domain,
        service_account=workload.account,
        node=workload.node,
        canonical_name=workload.canonical_name,
        canonical_revision=workload.canonical_revision,
        workload_type="POD",
        workload_name=workload.workload_name or workload.name,
        native_tunnel=workload.native_tunnel,
        authorization_policies=workload.policies,
        status="HEALTHY" if workload.healthy else "UNHEALTHY",
        cluster_id=workload.uid.partition("/")[0],
        network_mode="HOST_NETWORK" if workload.host_network else "STANDARD",
    )
    for key, ports in workload.services.items():
        message.services[key].ports.extend(map(_port, ports))
        message.services[key].SetInParent()
    if workload.locality != Locality():
        message.locality.MergeFrom(_locality(workload.locality))
    if workload.waypoint is not None:
        message.waypoint.MergeFrom(_gateway(workload.waypoint))
    wrapped: Message = WORKLOAD["Address"](workload=message)
    return wrapped


def service_address(service: Service) -> Message:
    """The message of a service."""
    message = WORKLOAD["Service"](
        name=service.name,
        namespace=service.namespace,
        hostname=service.hostname,
        addresses=map(_virtual, service.vips),
        ports=map(_port, service.ports),
        subject_alt_names=service.sans,
        ip_families=service.families.value,
        canonical=service.canonical,
        ingress_use_waypoint=service.ingress_use_waypoint,
    )
    if service.waypoint is not None:
        message.waypoint.MergeFrom(_gateway(service.waypoint))
    if service.preferences or service.all_endpoints or service.mode is not Preference.ANY:
        message.load_balancing.MergeFrom(_balancing(service))
    wrapped: Message = WORKLOAD["Address"](service=message)
    return wrapped


def _balancing(service: Service) -> Any:
    return WORKLOAD["LoadBalancing"](
        routing_preference=[scope.value for scope in service.preferences],
        mode=service.mode.value,
        health_policy="ALLOW_ALL" if service.all_endpoints else "ONLY_HEALTHY",
    )


def _port(port: PortMap) -> Any:
    return WORKLOAD["Port"](service_port=port.service_port, target_port=port.target_port)


def _virtual(text: str) -> Any:
    """An address of the one network that there is, or a part of it."""
    address, slash, length = text.partition("/")
    if slash:
        network = ip_network(text)
        return WORKLOAD["NetworkAddress"](address=network.network_address.packed, length=int(length))
    return WORKLOAD["NetworkAddress"](address=ip_address(address).packed)


def _gateway(waypoint: WaypointAddress) -> Any:
    found = WORKLOAD["GatewayAddress"](hbone_mtls_port=waypoint.port)
    if waypoint.service:
        found.hostname.namespace, _, found.hostname.hostname = waypoint.service.partition("/")
    else:
        found.address.address = ip_address(waypoint.address).packed
    return found


def _locality(locality: Locality) -> Any:
    return WORKLOAD["Locality"](region=locality.region, zone=locality.zone, subzone=locality.subzone)
