"""Which pods stand behind a service, and which services in front of pods."""

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

from sidestep.semantics.by_selector import ByLabel, BySelector, grouped
from sidestep.semantics.instances import Instances
from sidestep.semantics.service_index import Service

_NO_SERVICES = BySelector[Service]((), lambda service: service.selector)


class Endpoints(Struct, frozen=True, dict=True):
    """Services and pods of a mesh, found from each other by labels and addresses.

    Attributes:
        services: the oldest first.
        by_namespace: pods that are alike.
        by_address: likewise.
    """

    services: tuple[Service, ...]
    by_namespace: Mapping[str, tuple[Instances, ...]]
    by_address: Mapping[str, Instances]

    def behind(self, service: Service) -> tuple[Instances, ...]:
        """The pods that a service selects; those that a ServiceEntry names by address where it selects none."""
        wanted = service.selector
        if wanted is None:
            return tuple({id(each): each for ip in service.endpoints if (each := self.by_address.get(ip))}.values())
        return tuple(self._pods(service.namespace).taken(wanted.items()))

    def in_front_of(self, instances: Instances) -> tuple[Service, ...]:
        """The services of the same namespace that select pods, the oldest first."""
        near = self._services.get(instances.namespace, _NO_SERVICES).taking(instances.labels)
        return tuple(each for each in near if each.selector is not None or instances in self.behind(each))

    def _pods(self, namespace: str) -> ByLabel[Instances]:
        found = self._known.get(namespace)
        if found is None:
            own = self.by_namespace.get(namespace, ())
            found = self._known[namespace] = ByLabel(own, lambda each: each.labels)
        return found

    @cached_property
    def _known(self) -> dict[str, ByLabel[Instances]]:
        return {}

    @cached_property
    def _services(self) -> dict[str, BySelector[Service]]:
        found = grouped(self.services, lambda service: service.namespace)
        return {name: BySelector(own, lambda service: service.selector) for name, own in found.items()}
