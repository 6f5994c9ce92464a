"""Who stands behind a name: Services with the workloads they select, and hosts of ServiceEntries."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from msgspec import Struct

from sidestep.model.call_graph import Callee
from sidestep.model.kinds import SERVICE, SERVICE_ENTRY
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, WorkloadRef
from sidestep.model.ownership import parents, workload_of
from sidestep.model.pods import PodShape
from sidestep.model.resource import Resource
from sidestep.model.templates import workload_templates
from sidestep.model.views.core import Service, ServicePort
from sidestep.plan.named_hosts import NamedHost
from sidestep.semantics.loose import as_dict, as_strings

_HEADLESS = "None"
_PROTOCOLS = ("grpc-web", "grpc", "http2", "http", "https", "tls", "tcp", "mongo", "mysql", "redis", "udp")


class Addressee(Struct, frozen=True):
    """Who is called by a name, and what is spoken there (empty where nothing tells)."""

    callees: tuple[Callee, ...]
    protocol: str = ""


class Addressees:
    """Everything in a mesh that can be called by a name.

    Args:
        mesh: what was read.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    @cached_property
    def workloads(self) -> tuple[tuple[WorkloadRef, PodShape], ...]:
        """Workloads with the template of their pods; where it was not read, one of the pods themselves."""
        found = {template.workload: template.shape for template in workload_templates(self._mesh)}
        known, seen = parents(self._mesh), set[int]()
        for pod in self._mesh.pods:
            if id(pod.shape) in seen and pod.shape.controller is not None:
                continue
            seen.add(id(pod.shape))
            if not pod.status.terminal:
                found.setdefault(workload_of(pod, known), pod.shape)
        return tuple(sorted(found.items(), key=lambda item: item[0]))

    def selected(self, labels: Labels, namespace: str | None = None) -> tuple[WorkloadRef, ...]:
        """Workloads whose pods have all these labels, in one namespace or anywhere; no labels select nothing."""
        if not labels:
            return ()
        candidates = min((self._by_label.get(item, ()) for item in labels.items()), key=len)
        return tuple(
            ref
            for ref, shape in candidates
            if namespace in (None, ref.namespace) and labels.items() <= shape.labels.items()
        )

    def named(self, named: NamedHost, namespace: str) -> Addressee | None:
        """Who is meant by a host in a text of a namespace; None where nothing in the mesh goes by that name.

        A URL of a host with a dot that is nobody's is one outside the mesh.
        """
        known = self.host(named.host, namespace, named.port)
        if known or self._is_here(named.host, namespace):
            return known
        if ".svc" in named.host:
            return _far_service(named.host)
        outside = named.scheme and "." in named.host
        return Addressee((Callee(host=named.host),), named.scheme) if outside else None

    def host(self, host: str, namespace: str, port: int | None = None) -> Addressee | None:
        """The Service or ServiceEntry of a host, as seen from a namespace.

        Args:
            host: a short name, `name.namespace`, `name.namespace.svc…`, each also with a pod's name before it, or the
                host of a ServiceEntry.
            namespace: where a short name is looked up.
            port: where it is known; a Service that does not declare it is not meant.
        """
        for space, name in _candidates(host, namespace):
            service = self._mesh.find(SERVICE, space, name)
            if service is not None:
                return self._service(service, port)
        return self._entry(host)

    def service(self, namespace: str, name: str) -> Addressee | None:
        """A Service by its name."""
        found = self._mesh.find(SERVICE, namespace, name)
        return self._service(found, None) if found else None

    def _is_here(self, host: str, namespace: str) -> bool:
        """Whether a host is that of a Service, be it that the port is not."""
        return any(self._mesh.find(SERVICE, space, name) for space, name in _candidates(host, namespace))

    def _service(self, service: Resource[Service], port: int | None) -> Addressee | None:
        spec, space, name = service.view.spec, service.meta.namespace, service.meta.name
        ports = spec.ports or ()
        meant = [each for each in ports if port in (None, each.port)]
        if spec.external_name:
            return Addressee((Callee(service_namespace=space, service=name, host=spec.external_name),))
        if ports and not meant and spec.cluster_ip != _HEADLESS:
            return None
        refs = self.selected(spec.selector or {}, space)
        callees = tuple(Callee(ref.namespace, ref.kind, ref.name, space, name) for ref in refs)
        protocol = _protocol(meant[0]) if len(meant) == 1 else ""
        return Addressee(callees or (Callee(service_namespace=space, service=name),), protocol)

    def _entry(self, host: str) -> Addressee | None:
        labels = host.split(".")
        for name in (host, *(f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels)))):
            if name in self.entries:
                return Addressee((Callee(service_namespace=self.entries[name].meta.namespace, host=host),))
        return None

    @cached_property
    def entries(self) -> dict[str, Resource[Any]]:
        """ServiceEntries by host, in lower case; of several with one host, the first by namespace and name."""
        found: dict[str, Resource[Any]] = {}
        for entry in sorted(self._mesh.of(SERVICE_ENTRY), key=lambda each: each.id):
            for host in as_strings(as_dict(entry.view.spec).get("hosts")):
                found.setdefault(host.lower(), entry)
        found.pop("", None)
        return found

    @cached_property
    def _by_label(self) -> dict[tuple[str, str], list[tuple[WorkloadRef, PodShape]]]:
        found: dict[tuple[str, str], list[tuple[WorkloadRef, PodShape]]] = {}
        for ref, shape in self.workloads:
            for item in shape.labels.items():
                found.setdefault(item, []).append((ref, shape))
        return found


def _candidates(host: str, namespace: str) -> Iterator[tuple[str, str]]:
    """Namespace and name of the Services that a host may mean, the likeliest first (Kubernetes' DNS specification)."""
    labels = host.split(".")
    if "svc" in labels[2:]:
        end = labels.index("svc", 2)
        yield labels[end - 1], labels[end - 2]
    elif len(labels) == 1:
        yield namespace, host
    elif len(labels) == 2:
        yield labels[1], labels[0]
        yield namespace, labels[1]
    elif len(labels) == 3:
        yield labels[2], labels[1]


def _far_service(host: str) -> Addressee | None:
    """A Service that was not read, by its full name."""
    for space, name in _candidates(host, ""):
        return Addressee((Callee(service_namespace=space, service=name),)) if space else None
    return None


def _protocol(port: ServicePort) -> str:
    """What a port says that it speaks: by `appProtocol`, else by its name before a dash, as Istio reads it."""
    told = (port.app_protocol.rpartition("/")[2] or port.name).lower()
    return next((each for each in _PROTOCOLS if told == each or told.startswith(f"{each}-")), "")
