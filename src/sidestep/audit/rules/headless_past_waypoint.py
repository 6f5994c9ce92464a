"""SID214: a headless Service with a waypoint or with policies on it: clients dial its pods, past both."""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import GRPC_ROUTE, HTTP_ROUTE, SERVICE
from sidestep.model.resource import Resource
from sidestep.model.views.core import Service
from sidestep.semantics.attachment import Attached, guarded
from sidestep.semantics.loose import as_dicts, as_text
from sidestep.semantics.services import is_headless
from sidestep.semantics.waypoints import USE_WAYPOINT

_Routes = Mapping[tuple[str, str], str]


def _check(facts: Facts) -> Iterator[Found]:
    headless = [service for service in facts.mesh.of(SERVICE) if is_headless(service)]
    policies = guarded(facts.mesh) if headless else {}
    routes = _routes(facts) if headless else {}
    for service in headless:
        evidence = tuple(_evidence(service, policies, routes))
        if evidence:
            guarding = any(each.field == "policy" for each in evidence)
            yield Found(
                of_resource(service),
                "has no virtual address, so that clients dial its pods and pass the waypoint: "
                f"{', '.join(f'{each.field} {each.value}' for each in evidence)} act on nothing",
                "give clients a Service with an address in front of the same pods, or bind the pods themselves to a "
                "waypoint with istio.io/waypoint-for: workload and attach policies to its Gateway",
                evidence,
                Severity.ERROR if guarding else None,
            )


def _evidence(service: Resource[Service], policies: Attached, routes: _Routes) -> Iterator[Evidence]:
    """What was meant for a waypoint; a label inherited from the namespace is meant for the others."""
    name = service.meta.labels.get(USE_WAYPOINT, "none")
    if name != "none":
        yield Evidence(f"label {USE_WAYPOINT}", name)
    policy = policies.get((service.meta.namespace, SERVICE.name, service.meta.name))
    if policy:
        yield Evidence("policy", policy)
    route = routes.get((service.meta.namespace, service.meta.name))
    if route:
        yield Evidence("route", route)


def _routes(facts: Facts) -> _Routes:
    """One route by the Service that it hangs on."""
    found: dict[tuple[str, str], str] = {}
    for kind in (HTTP_ROUTE, GRPC_ROUTE):
        for route in facts.mesh.of(kind):
            for parent in as_dicts((route.view.spec or {}).get("parentRefs")):
                found.setdefault(_parent(route, parent), str(route.id))
    return found


def _parent(route: Resource[Any], parent: dict[str, Any]) -> tuple[str, str]:
    if parent.get("kind") != SERVICE.name:
        return "", ""
    return as_text(parent.get("namespace")) or route.meta.namespace, as_text(parent.get("name"))


RULE = Rule("SID214", "headless-past-waypoint", "Headless Service passes its waypoint by", Severity.WARNING, _check)
