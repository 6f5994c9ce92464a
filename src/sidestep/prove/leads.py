"""Namespaces to which destinations lead, and so in which a change may count for them."""

from collections.abc import Iterable, Iterator

from sidestep.prove.guards import Guards
from sidestep.semantics.routing.hosts import namespace_of
from sidestep.semantics.service_index import Service


class Leads:
    """What is known of destinations in the state that was looked at last."""

    def __init__(self) -> None:
        self._of: dict[str, frozenset[str]] = {}
        self._into: dict[str, set[str]] = {}

    def into(self, namespaces: Iterable[str]) -> set[str]:
        """Destinations that lead to some namespaces."""
        return set[str]().union(*(self._into.get(space, ()) for space in namespaces))

    def of(self, service: Service) -> frozenset[str]:
        """Namespaces to which a destination leads."""
        return self._of.get(service.host, frozenset())

    def leads_to(self, service: Service, namespaces: frozenset[str]) -> bool:
        """Whether a destination leads to one of some namespaces."""
        return not namespaces.isdisjoint(self.of(service))

    def find(self, service: Service, guards: tuple[Guards, ...]) -> None:
        """Where a destination leads in either mesh, its own namespace among them."""
        now = frozenset({each for side in guards for each in _led_to(side, service)} | {service.namespace})
        for space in self.of(service) - now:
            self._into[space].discard(service.host)
        for space in now:
            self._into.setdefault(space, set()).add(service.host)
        self._of[service.host] = now


def _led_to(guards: Guards, service: Service) -> Iterator[str]:
    """Namespaces of the waypoint of a service, of its endpoints, and of what routes for it name, there or not."""
    own = guards.index.services.by_host.get(service.host)
    bound = guards.index.waypoint_of(own) if own is not None else None
    if bound is not None:
        yield bound.namespace
    for pods in guards.index.behind(own) if own is not None else ():
        yield pods.namespace
    for host in guards.targets(service.host):
        found = guards.index.services.by_host.get(host)
        yield found.namespace if found is not None else namespace_of(host)
