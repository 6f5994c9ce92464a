"""DestinationRules before and after: who hears them today, and whether a waypoint does.

Source: istio-semantics.md D38, D44, §4.4: the waypoint's namespace, then the service's, then the root namespace.
"""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.convert.rewrite import Waypoint
from sidestep.convert.routes.survey import Survey
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.routing.destination_rules import MergedRule
from sidestep.semantics.routing.hosts import full_name, within
from sidestep.semantics.service_index import Service
from sidestep.semantics.trees import MalformedError, text

_OWN = "."


class Hearing(Struct, frozen=True):
    """Who hears a DestinationRule about a service.

    Attributes:
        service: it.
        waypoint: of it; None for none.
        clients: namespaces of clients that hear it.
        everybody: all of them do, and hear the same.
        at_waypoint: the waypoint hears it.
    """

    service: Service
    waypoint: Waypoint | None
    clients: tuple[str, ...]
    everybody: bool
    at_waypoint: bool


def hearings(found: Survey, resource: Resource[Spec]) -> Iterator[Hearing]:
    """Of every service that the rule is about.

    Raises:
        MalformedError: its host is no text.
    """
    space = resource.meta.namespace
    written = text((resource.view.spec or {}).get("host"), "host")
    name = full_name(written, space, found.defaults.domain)
    services = found.covered(name) if written else ()
    for service in services:
        if within(service.host, name):
            yield _hearing(found, resource, service)


def _hearing(found: Survey, resource: Resource[Spec], service: Service) -> Hearing:
    kinds = found.kinds_of_clients(service)
    heard_by = [each for each in kinds if _is_heard(found, resource, service, each)]
    clients = tuple(sorted(name for each in heard_by for name in kinds[each]))
    waypoint = found.waypoint(service)
    heard = found.rule_at(waypoint, service) if waypoint else None
    try:
        found.rule_for(service)
        alike = True
    except MalformedError:
        alike = False
    return Hearing(service, waypoint, clients, alike and len(heard_by) == len(kinds), _from(heard, resource))


def _is_heard(found: Survey, resource: Resource[Spec], service: Service, namespace: str) -> bool:
    """Whether clients of a namespace hear what an object adds to."""
    return any(_from(rule, resource) for rule in found.rules.speaking(namespace, found.host(service)))


def _from(rule: MergedRule | None, resource: Resource[Spec]) -> bool:
    """Whether a rule in force is of the namespace and kind of clients that an object adds to."""
    return rule is not None and rule.namespace == resource.meta.namespace


def is_selective(resource: Resource[Spec]) -> bool:
    """Whether it counts for clients with certain labels only."""
    return (resource.view.spec or {}).get("workloadSelector") is not None
