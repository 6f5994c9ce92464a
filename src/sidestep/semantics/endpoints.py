"""Which pods stand behind a service, and which services in front of pods."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct

from sidestep.model.overlaid import Overlaid
from sidestep.semantics.by_selector import ByLabel, BySelector
from sidestep.semantics.instances import Instances
from sidestep.semantics.service_index import Service, ServiceIndex


class Endpoints(Struct, frozen=True, dict=True):
    """Services and pods of a mesh, found from each other by labels and addresses.

    Attributes:
        services: by namespace, the oldest first.
        by_namespace: pods that are alike.
        by_address: likewise.
    """

    services: ServiceIndex
    by_namespace: Mapping[str, tuple[Instances, ...]]
    by_address: Mapping[str, Instances]

    def beside(
        self,
        services: ServiceIndex,
        by_namespace: Mapping[str, tuple[Instances, ...]],
        by_address: Mapping[str, Instances],
        namespaces: Iterable[str],
    ) -> "Endpoints":
        """The same of other Services and pods, which differ in some namespaces alone."""
        made = Endpoints(services, by_namespace, by_address)
        vars(made)["_known"] = self._known.otherwise({}, namespaces)
        vars(made)["_selecting"] = self._selecting.otherwise({}, namespaces)
        return made

    def behind(self, service: Service) -> tuple[Instances, ...]:
        """The pods that a service selects; those that a ServiceEntry names by address where it selects none."""
        wanted = service.selector
        if wanted is None:
            return tuple({id(each): each for ip in service.endpoints if (each := self.by_address.get(ip))}.values())
        return tuple(self._pods(service.namespace).taken(wanted.items()))

    def in_front_of(self, instances: Instances) -> tuple[Service, ...]:
        """The services of the same namespace that select pods or have them written down, the oldest first."""
        near = self._services(instances.namespace).taking(instances.labels)
        own = {*instances.addresses, *instances.twins}
        return tuple(each for each in near if each.selector is not None or not own.isdisjoint(each.endpoints))

    def _pods(self, namespace: str) -> ByLabel[Instances]:
        found = self._known.get(namespace)
        if found is None:
            own = self.by_namespace.get(namespace, ())
            found = self._known[namespace] = ByLabel(own, lambda each: each.labels)
        return found

    @cached_property
    def _known(self) -> Overlaid[str, ByLabel[Instances]]:
        return Overlaid()

    def _services(self, namespace: str) -> BySelector[Service]:
        found = self._selecting.get(namespace)
        if found is None:
            own = self.services.in_namespace(namespace)
            found = self._selecting[namespace] = BySelector(own, lambda service: service.selector)
        return found

    @cached_property
    def _selecting(self) -> Overlaid[str, BySelector[Service]]:
        return Overlaid()
