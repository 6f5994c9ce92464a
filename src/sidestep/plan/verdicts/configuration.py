"""Routing and extension objects by what they are about, gathered once for all workloads."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct

from sidestep.model import kinds
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.plan.document import Reason
from sidestep.plan.verdicts.vanishing import Selecting, selecting
from sidestep.semantics.discovery import unseen
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.service_index import Service

_ROUTES = (kinds.HTTP_ROUTE, kinds.GRPC_ROUTE, kinds.TCP_ROUTE, kinds.TLS_ROUTE)
_WEIGH = (
    kinds.AUTHORIZATION_POLICY, kinds.PEER_AUTHENTICATION, kinds.REQUEST_AUTHENTICATION, kinds.SERVICE, kinds.NAMESPACE,
    kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, kinds.SIDECAR, kinds.HTTP_ROUTE, kinds.GRPC_ROUTE,
    kinds.ENVOY_FILTER, kinds.WASM_PLUGIN,
)  # fmt: skip
_EXTENSIONS = (kinds.WASM_PLUGIN, kinds.TRAFFIC_EXTENSION, kinds.ENVOY_FILTER)

Objects = Mapping[str, tuple[Resource[Spec], ...]]


class Configuration(Struct, frozen=True, dict=True):
    """What configures traffic, by host or by namespace."""

    index: MeshIndex

    @property
    def mesh(self) -> Mesh:
        """As it was read."""
        return self.index.mesh

    def in_front_of(self, pods: Iterable[Instances]) -> tuple[Service, ...]:
        """The services in front of any pods of a workload: while one template follows another, there are two."""
        return tuple({service.host: service for each in pods for service in self.index.in_front_of(each)}.values())

    @cached_property
    def unread(self) -> Reason | None:
        """Kinds that weigh on verdicts and were not read whole; None where all were."""
        missing = [kind.plural for kind in _WEIGH if self.mesh.lacks(kind)]
        return Reason(f"not all {', '.join(missing)} were read: what they say is not considered") if missing else None

    @cached_property
    def unseen(self) -> frozenset[str]:
        """Namespaces that no control plane looks at."""
        return unseen(self.mesh)

    @cached_property
    def selecting(self) -> tuple[Selecting, ...]:
        """Selectors that ask for labels which only injection gives."""
        return selecting(self.mesh, self.index.settings.root_namespace)

    @cached_property
    def virtual_services(self) -> Objects:
        """VirtualServices bound to the mesh, by the full name of each service that they route."""
        return self._by_host(kinds.VIRTUAL_SERVICE, lambda spec: as_strings(spec.get("hosts")), meshed=True)

    @cached_property
    def destination_rules(self) -> Objects:
        """DestinationRules, by the full name of their host."""
        return self._by_host(kinds.DESTINATION_RULE, lambda spec: (as_text(spec.get("host")),))

    @cached_property
    def routes(self) -> Objects:
        """Routes of the Gateway API with a Service as parent, by its full name."""
        found: dict[str, list[Resource[Spec]]] = {}
        for kind in _ROUTES:
            for route in self.mesh.of(kind):
                for host in self._parents(route):
                    found.setdefault(host, []).append(route)
        return {host: tuple(routes) for host, routes in found.items()}

    @cached_property
    def exposed(self) -> Mapping[str, tuple[Resource[Spec], ...]]:
        """Services that a gateway forwards to, by full name, with the routes that say so."""
        found: dict[str, list[Resource[Spec]]] = {}
        for resource in self.mesh.of(kinds.VIRTUAL_SERVICE):
            if any(gateway != "mesh" for gateway in as_strings((resource.view.spec or {}).get("gateways"))):
                for host in self._destinations(resource):
                    found.setdefault(host, []).append(resource)
        for kind in _ROUTES:
            for route in self.mesh.of(kind):
                parents = as_dicts((route.view.spec or {}).get("parentRefs"))
                if any(as_text(parent.get("kind")) in ("", "Gateway") for parent in parents):
                    for host in self._backends(route):
                        found.setdefault(host, []).append(route)
        return {host: tuple({route.id: route for route in routes}.values()) for host, routes in found.items()}

    @cached_property
    def extensions(self) -> Objects:
        """Wasm, Lua and EnvoyFilters without targetRefs, by namespace."""
        return self._by_namespace(_EXTENSIONS)

    @cached_property
    def sidecars(self) -> Objects:
        """Sidecar objects, by namespace."""
        return self._by_namespace((kinds.SIDECAR,))

    def _by_namespace(self, of: tuple[kinds.Kind[Spec], ...]) -> Objects:
        found: dict[str, list[Resource[Spec]]] = {}
        for kind in of:
            for resource in self.mesh.of(kind):
                if not as_dicts((resource.view.spec or {}).get("targetRefs")):
                    found.setdefault(resource.meta.namespace, []).append(resource)
        return {namespace: tuple(resources) for namespace, resources in found.items()}

    def _by_host(self, kind: kinds.Kind[Spec], hosts: Any, *, meshed: bool = False) -> Objects:
        found: dict[str, list[Resource[Spec]]] = {}
        for resource in self.mesh.of(kind):
            spec = resource.view.spec or {}
            gateways = as_strings(spec.get("gateways"))
            if meshed and gateways and "mesh" not in gateways:
                continue
            for written in hosts(spec):
                for host in self._full(written, resource.meta.namespace):
                    found.setdefault(host, []).append(resource)
        return {host: tuple(resources) for host, resources in found.items()}

    def _full(self, written: str, namespace: str) -> tuple[str, ...]:
        """The services that a host means: one, or all under a wildcard."""
        if "*" in written:
            suffix = written.lstrip("*")
            return tuple(host for host in self.index.services.by_host if host.endswith(suffix))
        service = self.index.services.named(written, namespace)
        return (service.host,) if service else ()

    def _parents(self, route: Resource[Spec]) -> Iterator[str]:
        for parent in as_dicts((route.view.spec or {}).get("parentRefs")):
            if as_text(parent.get("kind")) == "Service":
                namespace = as_text(parent.get("namespace")) or route.meta.namespace
                yield from self._full(as_text(parent.get("name")), namespace)

    def _destinations(self, resource: Resource[Spec]) -> Iterator[str]:
        spec = resource.view.spec or {}
        for section in ("http", "tcp", "tls"):
            for rule in as_dicts(spec.get(section)):
                for route in as_dicts(rule.get("route")):
                    host = as_text(as_dict(route.get("destination")).get("host"))
                    yield from self._full(host, resource.meta.namespace)

    def _backends(self, route: Resource[Spec]) -> Iterator[str]:
        for rule in as_dicts((route.view.spec or {}).get("rules")):
            for backend in as_dicts(rule.get("backendRefs")):
                namespace = as_text(backend.get("namespace")) or route.meta.namespace
                yield from self._full(as_text(backend.get("name")), namespace)


def is_dialled(service: Service) -> bool:
    """Whether clients dial an address of its own, so that a waypoint can be put before it."""
    return not service.headless and not service.external_name
