"""From EndpointSlices to records: endpoints of which only the address is known. Those that are pods have a record.

Source: pilot/pkg/serviceregistry/ambient/workloads.go.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from sidestep.controlplane.records import PortMap, ServiceKey, Workload, WorkloadUid
from sidestep.controlplane.registry.objects import Ref, Tree
from sidestep.controlplane.registry.services import stream_ports
from sidestep.semantics.endpoint_slices import Named, named, pod_of, service_named, slice_of
from sidestep.semantics.loose import as_dict, as_text, labels_of

_KIND = "discovery.k8s.io/EndpointSlice"


def pods_in(ref: Ref, tree: Tree | None) -> Iterator[tuple[str, str]]:
    """Namespace and name of the pods that a slice names for its Service."""
    told = slice_of(tree) if tree and service_named(labels_of(tree)) else None
    found = (pod_of(each, ref.namespace) for each in (told.endpoints if told else None) or ())
    return (each for each in found if each is not None)


def slice_workloads(
    tree: Tree, service: Tree, keys: Sequence[ServiceKey], cluster: str, trust_domain: str
) -> Iterator[Workload]:
    """The records of a slice's endpoints that are no pods.

    Args:
        tree: the slice.
        service: whose endpoints they are.
        keys: of its records.
        cluster: in the keys of workloads.
        trust_domain: of identities.
    """
    meta, told = as_dict(tree.get("metadata")), slice_of(tree)
    name, namespace = as_text(meta.get("name")), as_text(meta.get("namespace"))
    ports = [(port["port"], as_text(port.get("name"))) for port in stream_ports(as_dict(service.get("spec")))]
    for each in named(told, ports, namespace) if told else ():
        if each.pod is None:
            uid = WorkloadUid(f"{cluster}/{_KIND}/{namespace}/{name}/{each.address}")
            yield replace(_opaque(each, keys, trust_domain), uid=uid, name=name, namespace=namespace)


def is_opaque(workload: Workload) -> bool:
    """Whether no more than the address of an endpoint is known."""
    return f"/{_KIND}/" in workload.uid


def _opaque(endpoint: Named, keys: Sequence[ServiceKey], trust_domain: str) -> Workload:
    """It may share its address with anybody, so nobody is found by it."""
    ports = tuple(PortMap(dialled, own) for dialled, own in endpoint.ports.items())
    return Workload(
        WorkloadUid(""),
        "",
        "",
        (endpoint.address,),
        account="",
        trust_domain=trust_domain,
        healthy=endpoint.ready,
        services=dict.fromkeys(keys, ports),
        host_network=True,
    )
