"""What puts each service behind its waypoint before its pods lose their sidecars."""

from collections.abc import Mapping

from sidestep.convert.policies.alike import narrowest, saying_of
from sidestep.convert.policies.at_pods import allow_waypoint, only_through_waypoint
from sidestep.convert.policies.ports import closed_ports, service_ports_of
from sidestep.convert.policies.twins import Twin, closed_twin, twin, twin_name
from sidestep.model.kinds import AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.plan.choreography import Guard
from sidestep.plan.document import Fate
from sidestep.plan.verdicts.configuration import Configuration
from sidestep.plan.verdicts.judge import Judged
from sidestep.plan.verdicts.server_side import layer7_reason
from sidestep.plan.waypoint_choice import Choice
from sidestep.plan.waypoints.placement import PlacedWaypoint
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.identity import principal_of
from sidestep.semantics.instances import Instances
from sidestep.semantics.service_index import Service
from sidestep.semantics.waypoints import BindingState


def guards(configuration: Configuration, judged: tuple[Judged, ...], choice: Choice) -> Mapping[str, Guard]:
    """For each service behind a waypoint, by its full name."""
    members: dict[str, list[Judged]] = {}
    for each in judged:
        if each.plan.fate is Fate.WAYPOINT and each.pods:
            for service in configuration.in_front_of(each.pods):
                if service.host in choice.of_service:
                    members.setdefault(service.host, []).append(each)
    by_host = configuration.index.services.by_host
    return {
        host: _guard(configuration, by_host[host], choice.of_service[host], found) for host, found in members.items()
    }


def waypoint_principal(configuration: Configuration, placed: PlacedWaypoint) -> str:
    """Who a waypoint is: its service account is called like its Gateway."""
    return principal_of(configuration.index.settings.trust_domain, placed.namespace, placed.name)


def _guard(configuration: Configuration, service: Service, placed: PlacedWaypoint, members: list[Judged]) -> Guard:
    """Policies of layer 4 come along wherever a waypoint stands, for the pods see it in its clients' place (D02); the
    way past it is closed only where it judges what ztunnel cannot.
    """
    index = configuration.index
    binding = index.waypoint_of(service)
    here = binding is not None and (binding.namespace, binding.name) == (placed.namespace, placed.name)
    bound = here and binding is not None and binding.state is BindingState.ACCEPTED
    enforced = service.selector is not None and any(each.needs.enforced for each in members)
    behind = [pods for each in members for pods in each.pods if service in index.in_front_of(pods)]
    pods = behind if service.selector is not None else []
    applied = [[p for p in index.applied_policies(each) if not p.dry_run and not p.invalid] for each in pods]
    policies = tuple({policy.id: policy for found in applied for policy in found}.values())
    tokens = {policy.id: policy for each in pods for policy in index.sidecar_request_policies(each)}
    found = [resource for each in (*(p.id for p in policies), *tokens) if (resource := _resource(configuration, each))]
    mesh = configuration.index.mesh
    narrow = narrowest(mesh, applied)
    closed = {each.id for each in policies if each.action is Action.ALLOW and saying_of(mesh, each) not in narrow}
    staged = [_twin(configuration, each, service, pods, closed=each.id in closed) for each in found]
    principal = waypoint_principal(configuration, placed)
    rules = [rule for policy in policies if layer7_reason(policy) is not None for rule in policy.rules]
    ports = closed_ports(rules, service_ports_of(service, pods), tokens=bool(tokens))
    return Guard(
        service,
        (placed.namespace, placed.name),
        bound,
        enforced and service.host in configuration.exposed,
        tuple(each.manifest for each in staged),
        tuple(allow_waypoint(service, principal, applied)),
        only_through_waypoint(service, (principal,), ports) if enforced else None,
        ports,
        tuple(each.origin for each in staged),
    )


def _twin(
    configuration: Configuration, resource: Resource[Spec], service: Service, pods: list[Instances], *, closed: bool
) -> Twin:
    """An ALLOW that would admit somebody to other pods admits nobody at the waypoint, which cannot tell pods apart."""
    name = twin_name(configuration.index.mesh, resource, service)
    if closed:
        return closed_twin(resource, service, name=name, rule="")
    return twin(resource, service, pods, name=name)


def _resource(configuration: Configuration, origin: ObjectId) -> Resource[Spec] | None:
    kind = AUTHORIZATION_POLICY if origin.kind == AUTHORIZATION_POLICY.name else REQUEST_AUTHENTICATION
    return configuration.mesh.find(kind, origin.namespace, origin.name)
