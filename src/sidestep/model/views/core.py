"""Kinds of the core group."""

from typing import Any

from msgspec import Struct, field

from sidestep.model.metadata import Labels
from sidestep.model.quantity import RawQuantity


class Untyped(Struct, frozen=True):
    """A kind of which only metadata is typed; the rest is in the body."""


class Spec(Struct, frozen=True):
    """A kind whose spec and status are read as they stand."""

    spec: dict[str, Any] | None = None
    status: dict[str, Any] | None = None


class Taint(Struct, frozen=True, gc=False):
    """A taint on a node."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(Struct, frozen=True, rename="camel"):
    """Of a node's spec."""

    taints: tuple[Taint, ...] | None = None
    unschedulable: bool = False
    provider_id: str = field(default="", name="providerID")


class NodeInfo(Struct, frozen=True, rename="camel"):
    """Versions of what runs on a node."""

    kubelet_version: str = ""
    kernel_version: str = ""
    os_image: str = ""


class NodeCondition(Struct, frozen=True, gc=False):
    """One condition of a node."""

    type: str = ""
    status: str = ""


class NodeStatus(Struct, frozen=True, rename="camel"):
    """Of a node's status."""

    allocatable: dict[str, RawQuantity] | None = None
    capacity: dict[str, RawQuantity] | None = None
    node_info: NodeInfo | None = None
    conditions: tuple[NodeCondition, ...] | None = None


class Node(Struct, frozen=True):
    """A node, for prices and bin-packing."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class ServicePort(Struct, frozen=True, rename="camel"):
    """A port of a Service."""

    port: int = 0
    name: str = ""
    protocol: str = "TCP"
    target_port: int | str | None = None
    app_protocol: str = ""


class ServiceSpec(Struct, frozen=True, rename="camel"):
    """Of a Service's spec."""

    selector: Labels | None = None
    ports: tuple[ServicePort, ...] | None = None
    cluster_ip: str | None = field(default=None, name="clusterIP")
    cluster_ips: tuple[str, ...] | None = field(default=None, name="clusterIPs")
    type: str = "ClusterIP"
    external_name: str = ""
    internal_traffic_policy: str = ""
    traffic_distribution: str = ""


class Service(Struct, frozen=True):
    """A Service."""

    spec: ServiceSpec = ServiceSpec()


class ConfigMap(Struct, frozen=True):
    """A ConfigMap; only those named `istio*` and the known CNI ones are ever fetched."""

    data: dict[str, str] | None = None


class TargetRef(Struct, frozen=True, gc=False, omit_defaults=True):
    """The object that an endpoint is."""

    kind: str = ""
    namespace: str = ""
    name: str = ""


class EndpointConditions(Struct, frozen=True, gc=False, omit_defaults=True):
    """How an endpoint is; what is not said is taken for ready."""

    ready: bool | None = None


class Endpoint(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One endpoint of a slice."""

    addresses: tuple[str, ...] | None = None
    conditions: EndpointConditions | None = None
    hostname: str | None = None
    target_ref: TargetRef | None = None


class EndpointPort(Struct, frozen=True, gc=False, omit_defaults=True):
    """A port of a slice, by the name of the Service's."""

    name: str | None = None
    port: int | None = None
    protocol: str | None = None


class EndpointSlice(Struct, frozen=True, rename="camel"):
    """Where a Service's traffic goes."""

    address_type: str = "IPv4"
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None


class EndpointAddress(Struct, frozen=True, rename="camel"):
    """One address of a subset."""

    ip: str = ""
    hostname: str | None = None
    target_ref: TargetRef | None = None


class EndpointSubset(Struct, frozen=True, rename="camel"):
    """Addresses that have the same ports."""

    addresses: tuple[EndpointAddress, ...] | None = None
    not_ready_addresses: tuple[EndpointAddress, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None


class Endpoints(Struct, frozen=True):
    """What EndpointSlices were before; Kubernetes makes slices of those that people write."""

    subsets: tuple[EndpointSubset, ...] | None = None
