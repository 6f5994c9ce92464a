"""SID228: a VirtualService for the mesh and a gateway, where the gateway sends on to a waypoint: it acts twice."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import VIRTUAL_SERVICE
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_strings
from sidestep.semantics.services import ingress_uses_waypoint, is_headless, is_served, service_named
from sidestep.semantics.virtual_services import acts_per_pass, at_gateways, destinations, is_meshed


def _check(facts: Facts) -> Iterator[Found]:
    for route in facts.mesh.of(VIRTUAL_SERVICE):
        spec = route.view.spec
        acts = acts_per_pass(spec)
        if not (acts and is_meshed(spec) and at_gateways(spec)):
            continue
        service = _passed_twice(facts, route)
        if service is not None:
            yield Found(
                of_resource(route),
                f"is applied by its gateway and again by the waypoint of Service {service.meta.namespace}/"
                f"{service.meta.name}: {', '.join(acts)} act twice",
                "split it: one for the gateway, without them, and one (or an HTTPRoute on the Service) for the mesh",
                (
                    Evidence("spec.gateways", ", ".join(("mesh", *at_gateways(spec)))),
                    Evidence("spec.http", ", ".join(acts)),
                ),
            )


def _passed_twice(facts: Facts, route: Resource[Any]) -> Resource[Any] | None:
    """A Service that the route both names as host and sends to, and that gateways reach through its waypoint."""
    spec = route.view.spec or {}
    space = route.meta.namespace
    hosts = {
        service.id for host in as_strings(spec.get("hosts")) if (service := service_named(facts.mesh, host, space))
    }
    for destination in destinations(spec):
        service = service_named(facts.mesh, destination, space)
        if service is None or service.id not in hosts or is_headless(service):
            continue
        if is_served(facts.mesh, service) and ingress_uses_waypoint(facts.mesh, service):
            return service
    return None


RULE = Rule("SID228", "route-applied-twice", "Route applied by gateway and waypoint", Severity.WARNING, _check)
