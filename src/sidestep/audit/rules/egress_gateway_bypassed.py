"""SID204: a VirtualService of the mesh sends external hosts to an egress gateway; clients of ztunnel do not obey."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import members
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import VIRTUAL_SERVICE
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.core import Service
from sidestep.semantics.loose import as_strings
from sidestep.semantics.proxies import Role
from sidestep.semantics.services import entries_for, is_served, service_named, stands_behind
from sidestep.semantics.virtual_services import at_gateways, destinations, is_meshed

_IN_CLUSTER = ".svc.cluster.local"


def _check(facts: Facts) -> Iterator[Found]:
    gateways = _gateways(facts)
    for route in facts.mesh.of(VIRTUAL_SERVICE):
        passed = _gateway_passed(facts, route, gateways) if is_meshed(route.view.spec) else None
        concerned = members(facts, facts.workloads) if passed else None
        if passed and concerned and not _replaced(facts, route):
            hosts = ", ".join(as_strings((route.view.spec or {}).get("hosts")))
            when = "go there directly now" if concerned.ambient else "will go there directly"
            yield Found(
                of_resource(route),
                f"sends the mesh's traffic to {hosts} through gateway {passed}; ztunnel knows no VirtualService, and "
                f"clients in ambient {when}",
                "bind the ServiceEntry of the host to an egress waypoint, and forbid direct egress by NetworkPolicy",
                (Evidence("spec.hosts", hosts), Evidence("destination", passed), *concerned.evidence()),
                concerned.severity(Severity.ERROR, Severity.WARNING),
            )


def _gateways(facts: Facts) -> tuple[tuple[str, Labels], ...]:
    """Namespace and labels of everything that runs as a gateway."""
    return tuple(
        (group.shape.namespace, group.shape.labels)
        for _, group in facts.groups()
        if group.recognition.role is Role.GATEWAY
    )


def _gateway_passed(facts: Facts, route: Resource[Any], gateways: tuple[tuple[str, Labels], ...]) -> str | None:
    """The first destination that is a gateway's Service, where the hosts themselves are declared external.

    One that was not read, as where a chart brings the gateway, is taken for it where the route names a gateway too.
    """
    if not _entries(facts, route):
        return None
    for destination in destinations(route.view.spec):
        service = service_named(facts.mesh, destination, route.meta.namespace)
        if service is not None and _fronts(service, gateways):
            return f"{service.meta.namespace}/{service.meta.name}"
        unread = service is None and not entries_for(facts.mesh, destination)
        if unread and destination.endswith(_IN_CLUSTER) and at_gateways(route.view.spec):
            return destination
    return None


def _fronts(service: Resource[Service], gateways: tuple[tuple[str, Labels], ...]) -> bool:
    return any(space == service.meta.namespace and stands_behind(service, labels) for space, labels in gateways)


def _replaced(facts: Facts, route: Resource[Any]) -> bool:
    """Whether a waypoint stands where the gateway stood, for every host."""
    return all(is_served(facts.mesh, entry) for entry in _entries(facts, route))


def _entries(facts: Facts, route: Resource[Any]) -> list[Resource[Any]]:
    """The ServiceEntries of a route's hosts."""
    hosts = as_strings((route.view.spec or {}).get("hosts"))
    return [entry for host in hosts for entry in entries_for(facts.mesh, host)]


RULE = Rule("SID204", "egress-gateway-bypassed", "Egress gateway is passed by in ambient", Severity.ERROR, _check)
