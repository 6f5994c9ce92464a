"""What stands before a destination and behind it in a mesh, by which one knows whether a change is about it."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from sidestep.prove.affected import Named
from sidestep.prove.guards import Guards
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.service_index import Service


class Reach(Struct, frozen=True):
    """All that a request for a destination may meet; it is the same in every mesh until something of it changes.

    Attributes:
        services: the destination, and what routes for it lead to.
        dialled: who has the addresses of its pods in the first mesh; None for nobody.
        named: those Services and all others before its pods, by namespace and name.
        waypoints: that any of them ask for, by namespace and name.
        labels: of the pods behind it, and of those waypoints.
    """

    services: tuple[Service, ...]
    dialled: Mapping[str, Instances | None]
    named: frozenset[tuple[str, str]]
    waypoints: frozenset[tuple[str, str]]
    labels: tuple[Mapping[str, str], ...]

    @classmethod
    def of(cls, before: MeshIndex, guards: Guards, service: Service) -> "Reach":
        """Of a destination of the first mesh in another one."""
        index = guards.index
        hosts = (service.host, *guards.targets(service.host))
        services = tuple(each for host in hosts if (each := index.services.by_host.get(host)) is not None)
        addresses = (address for pods in before.behind(service) for address in pods.every_address)
        dialled = {address: index.by_address.get(address) for address in addresses}
        pods = [*guards.behind(service.host), *(each for each in dialled.values() if each is not None)]
        named = [*services, *(each for one in pods for each in index.in_front_of(one))]
        asked = (*map(index.waypoint_of, named), *map(index.workload_waypoint, pods))
        waypoints = frozenset((each.namespace, each.name) for each in asked if each is not None)
        serving = [pod for each in waypoints for pod in index.gateway_pods(*each)]
        return cls(
            services,
            dialled,
            frozenset((each.namespace, each.name) for each in named),
            waypoints,
            tuple(each.labels for each in (*pods, *serving)),
        )

    def holds_in(self, index: MeshIndex) -> bool:
        """Whether the addresses of its pods are still those of the same ones."""
        return all(index.by_address.get(address) is pods for address, pods in self.dialled.items())

    def meets(self, changed: Named) -> bool:
        """Whether what has changed is about anything of it."""
        return (
            not self.named.isdisjoint(changed.services)
            or (bool(self.waypoints) and not self.named.isdisjoint(changed.targets))
            or not self.waypoints.isdisjoint(changed.waypoints)
            or any(wanted.items() <= labels.items() for wanted in changed.labels for labels in self.labels)
            or any(self._leads_to(pods) for pods in changed.pods)
        )

    def _leads_to(self, pods: Instances) -> bool:
        """Whether pods are, or were, behind it, or at an address of those behind it."""
        return any(address in self.dialled for address in pods.every_address) or any(self._behind(pods))

    def _behind(self, pods: Instances) -> Iterator[bool]:
        for service in self.services:
            if service.namespace == pods.namespace:
                yield (
                    not set(service.endpoints).isdisjoint(pods.every_address)
                    if service.selector is None
                    else service.selector.items() <= pods.labels.items()
                )
