"""SID225: a Service with a waypoint that a gateway exposes: gateways go past the waypoint unless labelled."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import GATEWAY, SERVICE
from sidestep.semantics.attachment import Attached, guarded
from sidestep.semantics.exposure import exposed
from sidestep.semantics.services import INGRESS_USE_WAYPOINT, BoundService, bound_services, ingress_uses_waypoint


def _check(facts: Facts) -> Iterator[Found]:
    bound = [each for each in bound_services(facts.mesh) if each.resource.kind == SERVICE.name]
    if not bound:
        return
    routes, policies = exposed(facts.mesh), guarded(facts.mesh)
    for each in bound:
        service = each.resource
        route = routes.get((service.meta.namespace, service.meta.name))
        if route is not None and not ingress_uses_waypoint(facts.mesh, service):
            yield _found(each, route, _policy(each, policies))


def _found(bound: BoundService, route: str, policy: str | None) -> Found:
    unless = f", and {policy} does not guard what comes in there" if policy else ""
    return Found(
        of_resource(bound.resource),
        f"{route} sends to it from a gateway, and gateways pass waypoint {bound.binding.namespace}/"
        f"{bound.binding.name} by{unless}",
        f"label the Service {INGRESS_USE_WAYPOINT}=true after removing from the gateway what the waypoint does too",
        (
            Evidence("route", route),
            Evidence(f"metadata.labels[{INGRESS_USE_WAYPOINT}]", "absent or not true"),
            *((Evidence("policy", policy),) if policy else ()),
        ),
        Severity.ERROR if policy else None,
    )


def _policy(bound: BoundService, policies: Attached) -> str | None:
    """A policy on the Service or on its waypoint."""
    meta, waypoint = bound.resource.meta, bound.binding
    on_service = policies.get((meta.namespace, SERVICE.name, meta.name))
    return on_service or policies.get((waypoint.namespace, GATEWAY.name, waypoint.name))


RULE = Rule("SID225", "ingress-skips-waypoint", "Gateway passes a waypoint by", Severity.WARNING, _check)
