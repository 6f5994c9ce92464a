"""Endpoints that somebody wrote down: EndpointSlices of Services without selector, and the Endpoints of old.

Those of pods that a selector finds are not read here: the pods say more of themselves.

Source: pilot/pkg/serviceregistry/ambient/workloads.go, kube/controller/endpointslice.go; Kubernetes'
endpointslicemirroring controller.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.kinds import ENDPOINT_SLICE, ENDPOINTS
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.core import (
    Endpoint,
    EndpointAddress,
    EndpointConditions,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
)

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
OF_SELECTORS, OF_ENDPOINTS = "endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"
"""Who makes slices of what selectors find, and of Endpoints."""
_SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_FAMILIES = {4: "IPv4", 6: "IPv6"}


class Named(Struct, frozen=True):
    """An endpoint as a slice names it.

    Attributes:
        address: where it is.
        ports: of the Service, by number, with the endpoint's own.
        ready: whether it may be chosen.
        pod: namespace and name of the pod that it is said to be; none for one of which only the address is known.
        hostname: its own name before the Service's; empty for none.
        weight: its share, held against those of the others.
        labels: by which subsets choose it, where it stands in a ServiceEntry.
        said: what else a ServiceEntry says of how it is reached, in words; empty for nothing.
    """

    address: str
    ports: Mapping[int, int]
    ready: bool = True
    pod: tuple[str, str] | None = None
    hostname: str = ""
    weight: int = 1
    labels: Labels = {}
    said: str = ""


class Written(Struct, frozen=True):
    """Endpoints of a Service that somebody wrote down.

    Attributes:
        resource: in which.
        service: of its namespace.
        slices: what it says.
    """

    resource: Resource[Any]
    service: str
    slices: tuple[EndpointSlice, ...]


def named(
    told: EndpointSlice, ports: Iterable[tuple[int, str]], namespace: str, protocol: str = "TCP"
) -> Iterator[Named]:
    """The endpoints of a slice.

    Args:
        told: the slice.
        ports: number and name of the Service's ports for a protocol.
        namespace: of the slice.
        protocol: likewise.
    """
    numbers = defaultdict(list)
    for number, name in ports:
        numbers[name].append(number)
    own = {
        number: port.port
        for port in told.ports or ()
        if port.port and (port.protocol or "TCP") == protocol
        for number in numbers[port.name or ""]
    }
    for endpoint in told.endpoints or ():
        for address in endpoint.addresses or ():
            if is_address(address):
                yield Named(address, own, _ready(endpoint), pod_of(endpoint, namespace), endpoint.hostname or "")


def slice_of(tree: Mapping[str, Any]) -> EndpointSlice | None:
    """A slice as Kubernetes writes it; None where a field is of another type."""
    try:
        return msgspec.convert(tree, EndpointSlice)
    except msgspec.ValidationError:
        return None


def tree_of(told: EndpointSlice) -> dict[str, Any]:
    """A slice as Kubernetes writes it, but for what names it."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))
    return found


def pod_of(endpoint: Endpoint, namespace: str) -> tuple[str, str] | None:
    """The pod that an endpoint is said to be."""
    found = endpoint.target_ref
    return (found.namespace or namespace, found.name) if found is not None and found.kind == "Pod" else None


def written_down(mesh: Mesh) -> dict[tuple[str, str], list[EndpointSlice]]:
    """Slices of Services by namespace and name."""
    found: defaultdict[tuple[str, str], list[EndpointSlice]] = defaultdict(list)
    for each in written_objects(mesh):
        found[each.resource.meta.namespace, each.service].extend(each.slices)
    return dict(found)


def written_objects(mesh: Mesh) -> Iterator[Written]:
    """What was written down: slices, and Endpoints that nobody has made slices of."""
    sliced = set()
    for resource in mesh.of(ENDPOINT_SLICE):
        service = service_named(resource.meta.labels)
        if service:
            sliced.add((resource.meta.namespace, service))
            yield Written(resource, service, (resource.view,))
    for old in mesh.of(ENDPOINTS):
        place = (old.meta.namespace, old.meta.name)
        if place not in sliced and is_mirrored(old.meta.labels, old.meta.annotations):
            yield Written(old, old.meta.name, tuple(mirrored(old.view)))


def service_named(labels: Mapping[str, str]) -> str:
    """The Service for which a slice of its namespace was written down; empty for none, and for what selectors find."""
    return labels.get(SERVICE_NAME, "") if labels.get(MANAGED_BY) != OF_SELECTORS else ""


def is_mirrored(labels: Labels, annotations: Labels) -> bool:
    """Whether Kubernetes makes slices of Endpoints, if their Service has no selector."""
    return labels.get(_SKIP_MIRROR) != "true" and _LEADER not in annotations


def mirrored(old: Endpoints) -> Iterator[EndpointSlice]:
    """The slices that Kubernetes makes of Endpoints: one for each family of each subset."""
    for subset in old.subsets or ():
        by_family: defaultdict[str, list[Endpoint]] = defaultdict(list)
        for address, ready in _addresses(subset):
            if is_address(address.ip):
                conditions = EndpointConditions(ready)
                endpoint = Endpoint((address.ip,), conditions, address.hostname, address.target_ref)
                by_family[_FAMILIES[ip_address(address.ip).version]].append(endpoint)
        for family, endpoints in sorted(by_family.items()):
            yield EndpointSlice(family, tuple(endpoints), subset.ports)


def _addresses(subset: EndpointSubset) -> Sequence[tuple[EndpointAddress, bool]]:
    ready = [(each, True) for each in subset.addresses or ()]
    return [*ready, *((each, False) for each in subset.not_ready_addresses or ())]


def _ready(endpoint: Endpoint) -> bool:
    return endpoint.conditions is None or endpoint.conditions.ready is not False


def is_address(text: str) -> bool:
    """Whether it is an address: names (`FQDN`) in slices lead nowhere, neither by kube-proxy nor by Istio."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
