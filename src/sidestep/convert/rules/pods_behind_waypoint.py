"""SID302: at the pods behind a waypoint, admit the waypoint and keep others from going past it.

Source: istio-semantics.md §3.10, §7.2 (3, 5), D02, D18.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from msgspec import Struct

from sidestep.convert.objects import added, is_made, spec_of, with_spec
from sidestep.convert.policies.at_pods import allow_waypoint, only_through_waypoint
from sidestep.convert.policies.copies import has_parent
from sidestep.convert.policies.for_ztunnel import plain_rules
from sidestep.convert.policies.layers import lost_rules, reached
from sidestep.convert.policies.ports import closed_ports, service_ports_of
from sidestep.convert.policies.readers import guarding, is_ambient, members, names_of, waypoint_principal
from sidestep.convert.policies.twins import CLOSE
from sidestep.convert.rewrite import Change, Context, Loss, Rewritten, Rule, Severity
from sidestep.model.kinds import AUTHORIZATION_POLICY, SERVICE_ENTRY
from sidestep.model.resource import Resource
from sidestep.semantics.authorization.attachment import GatewayTarget
from sidestep.semantics.authorization.parse import parse_policy
from sidestep.semantics.authorization.policy import Action, Policy
from sidestep.semantics.authorization.policy import Rule as PolicyRule
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dicts, as_strings
from sidestep.semantics.service_index import CLUSTER_DOMAIN, OWN_NODE, Service

CODE = "SID302"


class _Behind(Struct, frozen=True):
    """A service, who is behind it in the mesh, and what its pods are guarded by.

    Attributes:
        service: the service.
        pods: behind it.
        staying: those of them that keep what they have.
        applied: the policies of each.
        rules: that would refuse somebody, and of which ztunnel cannot hold all.
        tokens: whether tokens are asked for.
        admits: whether an ALLOW admits by layer 7, which ztunnel takes for nobody.
    """

    service: Service
    pods: tuple[Instances, ...]
    staying: tuple[Instances, ...]
    applied: tuple[tuple[Policy, ...], ...]
    rules: tuple[PolicyRule, ...]
    tokens: bool
    admits: bool

    @property
    def closes(self) -> bool:
        """Whether ztunnel would let in who goes past the waypoint; what no ALLOW admits it refuses anyway."""
        return bool(self.rules) or self.tokens

    @property
    def ports(self) -> tuple[int, ...]:
        """On which target ports the way past is closed; empty for all."""
        return closed_ports(self.rules, service_ports_of(self.service, self.pods), tokens=self.tokens)


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    changes: list[Change] = []
    lost: list[Loss] = []
    for service in _services(resource, context):
        behind = _behind(service, context)
        if has_parent(service, context) or not any(is_ambient(context, pods) for pods in behind.pods):
            continue
        if context.waypoint_of(service) is None:
            lost += _unguarded(behind, context)
            continue
        changes += _changes(behind, context)
        lost += _losses(behind)
    return Rewritten(tuple(changes), tuple(lost))


def _services(resource: Resource[Any], context: Context) -> list[Service]:
    """What the object stands for: one Service, or each host of a ServiceEntry."""
    by_host = context.index.services.by_host
    hosts = as_strings((resource.view.spec or {}).get("hosts")) if resource.kind == SERVICE_ENTRY.name else ()
    own = f"{resource.meta.name}.{resource.meta.namespace}.svc.{CLUSTER_DOMAIN}"
    found = (by_host.get(host) for host in hosts or (own,))
    return [each for each in found if each is not None and each.resource.id == resource.id]


def _behind(service: Service, context: Context) -> _Behind:
    pods = members(context, service)
    policies = [_policies(context, each) for each in pods]
    return _Behind(
        service,
        pods,
        tuple(each for each in pods if not is_ambient(context, each)),
        tuple(policies),
        tuple({rule: None for found in policies for policy in found for rule in _not_held(policy)}),
        any(context.index.sidecar_request_policies(each) for each in pods),
        any(policy.action is Action.ALLOW and lost_rules(policy) for found in policies for policy in found),
    )


def _policies(context: Context, pods: Instances) -> tuple[Policy, ...]:
    """Enforced ones that people wrote, in the words that stand at the pods in the end."""
    found = (each for each in context.index.applied_policies(pods) if not each.dry_run)
    return tuple(_plain(context, each) for each in found if not _ours(context, each))


def _plain(context: Context, policy: Policy) -> Policy:
    resource = context.index.mesh.find(AUTHORIZATION_POLICY, policy.namespace, policy.id.name)
    if resource is None or policy.invalid or policy.action is not Action.DENY:
        return policy
    spec = spec_of(resource)
    rules = plain_rules(as_dicts(spec.get("rules")), context, policy.namespace).rules
    return parse_policy(with_spec(resource, {**spec, "rules": rules}))


def _ours(context: Context, policy: Policy) -> bool:
    found = context.index.mesh.find(AUTHORIZATION_POLICY, policy.namespace, policy.id.name)
    return found is not None and is_made(found)


def _not_held(policy: Policy) -> tuple[PolicyRule, ...]:
    """The rules that would refuse somebody, and of which ztunnel cannot hold all."""
    if policy.action is Action.CUSTOM:
        return policy.rules
    gone = lost_rules(policy) if policy.action is Action.DENY else ()
    return tuple(policy.rules[each.index] for each in gone)


def _changes(behind: _Behind, context: Context) -> Iterator[Change]:
    service = behind.service
    put = partial(added, context, origin=service.resource.id, rule=CODE)
    waypoint = context.waypoint_of(service)
    if waypoint:
        yield from put(allow_waypoint(service, waypoint_principal(context, waypoint), behind.applied, rule=CODE))
    if behind.closes and not behind.staying and not _is_closed(behind, context):
        tree = only_through_waypoint(service, _waypoints(behind, context), behind.ports, rule=CODE)
        yield from put([tree], late=True)


def _is_closed(behind: _Behind, context: Context) -> bool:
    """Whether every port was closed before, by policies of which some are gone since, into the waypoint."""
    name = f"{behind.service.name}-{CLOSE}"
    standing = context.index.mesh.find(AUTHORIZATION_POLICY, behind.service.namespace, name)
    rules = as_dicts(spec_of(standing).get("rules")) if standing is not None and is_made(standing) else []
    told = only_through_waypoint(behind.service, _waypoints(behind, context), (), rule=CODE)["spec"]["rules"]
    return bool(rules == told)


def _waypoints(behind: _Behind, context: Context) -> tuple[str, ...]:
    """Those of every service in front of the same pods."""
    services = {each.host: each for pods in behind.pods for each in guarding(context, pods)}
    found = (context.waypoint_of(each) for each in services.values())
    return tuple(sorted({waypoint_principal(context, each) for each in found if each}))


def _losses(behind: _Behind) -> Iterator[Loss]:
    loss = partial(Loss, behind.service.resource.id, rule=CODE)
    if behind.service.headless:
        yield loss(
            "spec.clusterIP", "clients dial its pods", "a waypoint stands before addresses of Services only (D18)",
            "give clients a Service with an address of its own", Severity.TRAFFIC,
        )  # fmt: skip
    if OWN_NODE in behind.service.chosen:
        yield loss(
            "spec.internalTrafficPolicy", "requests stayed on the node of their client",
            "the waypoint sends to the pods of its own node, and to none where there are none",
            "take it out, or prefer the same node by trafficDistribution", Severity.TRAFFIC,
        )  # fmt: skip
    if behind.closes and behind.staying:
        yield loss(
            "spec.selector", f"its policies were enforced at the pods, and {names_of(behind.staying)} keep sidecars",
            "the way past the waypoint cannot be closed for some of its pods only (D51)",
            "move all pods behind one Service together", Severity.SECURITY,
        )  # fmt: skip
    elif behind.closes or behind.admits:
        yield from _of_closing(behind)


def _of_closing(behind: _Behind) -> Iterator[Loss]:
    loss = partial(Loss, behind.service.resource.id, severity=Severity.TRAFFIC, rule=CODE)
    yield loss(
        "spec.selector", "clients could dial its pods, or come by sidecars, gateways or from outside of the mesh",
        "only the waypoint reads layer 7, and who comes past it is refused (D18, D30, D51, D52)",
        "let them dial the Service from ambient, and gateways ask its waypoint (istio.io/ingress-use-waypoint)",
    )  # fmt: skip
    others = sorted(reached(behind.pods) - set(service_ports_of(behind.service, behind.pods)))
    if others and behind.closes and not behind.ports:
        ports = ", ".join(map(str, others))
        yield loss(
            "spec.ports", f"port {ports} of its pods answered whomever policies let in",
            "policies of layer 7 hold there too, and by no port of the Service can a waypoint judge them (D18)",
            "add the port to the Service, or name the ports that each policy is for",
        )  # fmt: skip


def _unguarded(behind: _Behind, context: Context) -> Iterator[Loss]:
    """A service past a waypoint that others in front of the same pods have, and where somebody is judged."""
    guarded = {each.host: each for pods in behind.pods for each in guarding(context, pods)}
    others = sorted(guarded)
    judged = behind.closes or behind.admits or any(_judges(each, context) for each in guarded.values())
    if others and judged:
        yield Loss(
            behind.service.resource.id, "spec.selector", "clients reached its pods by it",
            f"it has no waypoint, and {', '.join(others)} with the same pods has one: what its policies say of "
            "layer 7 is not asked here, or refuses (D19)",
            "put it behind the waypoint too", Severity.TRAFFIC, CODE,
        )  # fmt: skip


def _judges(service: Service, context: Context) -> bool:
    """Whether policies stand at the waypoint of a service already, by its own name or the waypoint's."""
    waypoint = context.waypoint_of(service)
    if waypoint is None:
        return False
    target, index = GatewayTarget(waypoint.namespace, waypoint.name), context.index
    asked = index.waypoint_policies(target, service, Chain.HTTP)
    enforced = asked.custom or asked.deny or asked.allow or asked.unreadable
    return bool(enforced or index.waypoint_request_policies(target, service))


RULE = Rule(CODE, "pods-behind-waypoint", "The waypoint admitted, others not past it", ("Service", "ServiceEntry"),
            _rewrite)  # fmt: skip
