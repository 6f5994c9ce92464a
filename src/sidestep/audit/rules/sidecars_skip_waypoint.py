"""SID226: sidecars never send to waypoints: what guards a Service there does not see them."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import has_sidecar, names
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import GATEWAY
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.attachment import Attached, guarded
from sidestep.semantics.proxies import Role
from sidestep.semantics.services import BoundService, bound_services


def _check(facts: Facts) -> Iterator[Found]:
    sidecars = [each for each in facts.workloads if each.role is Role.APPLICATION and has_sidecar(each) and each.pods]
    if not sidecars:
        return
    policies = guarded(facts.mesh)
    by_waypoint: dict[str, tuple[Resource[Spec], list[BoundService]]] = {}
    for bound in bound_services(facts.mesh):
        gateway = bound.binding.gateway
        if gateway is not None:
            by_waypoint.setdefault(str(gateway.id), (gateway, []))[1].append(bound)
    for gateway, services in by_waypoint.values():
        yield _found(gateway, services, sidecars, _guards(gateway, services, policies))


def _found(
    gateway: Resource[Spec], services: list[BoundService], sidecars: list[Workload], policies: list[str]
) -> Found:
    unseen = f"; {', '.join(policies[:3])} does not bind them" if policies else ""
    return Found(
        of_resource(gateway),
        f"serves {len(services)} Services, and {len(sidecars)} workloads still have sidecars, which never send to a "
        f"waypoint{unseen} (which of them call these Services cannot be seen)",
        "move clients before or together with the servers that they call, or admit at layer 4 only the waypoint and "
        "clients that need no layer 7",
        (
            Evidence("Services", ", ".join(str(each.resource.id) for each in services[:5])),
            Evidence("sidecar workloads", names(sidecars)),
            *(Evidence("policy", policy) for policy in policies[:5]),
        ),
        Severity.ERROR if policies else None,
    )


def _guards(gateway: Resource[Spec], services: list[BoundService], policies: Attached) -> list[str]:
    targets = [(gateway.meta.namespace, GATEWAY.name, gateway.meta.name)]
    targets += [(each.resource.meta.namespace, each.resource.kind, each.resource.meta.name) for each in services]
    return sorted({policies[target] for target in targets if target in policies})


RULE = Rule("SID226", "sidecars-skip-waypoint", "Sidecars pass a waypoint by", Severity.INFO, _check)
