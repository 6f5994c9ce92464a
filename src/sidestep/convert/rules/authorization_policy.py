"""SID301: AuthorizationPolicies on pods get a twin for each service's waypoint; ztunnel keeps what it can hold.

Source: istio-semantics.md §3.5, §3.10, D01 to D22.
"""

from collections.abc import Iterator
from typing import Any

from sidestep.convert.objects import added, is_made, marked, removed, replaced, spec_of, with_new_spec, with_spec
from sidestep.convert.policies.at_pods import exempted, unexempted
from sidestep.convert.policies.copies import untold
from sidestep.convert.policies.for_ztunnel import Plain, plain_rules
from sidestep.convert.policies.layers import lost_rules, on_streams, stream_ports
from sidestep.convert.policies.ports import service_ports_of
from sidestep.convert.policies.readers import Readers, readers
from sidestep.convert.policies.twins import Twin, closed_twin, twin, twin_name
from sidestep.convert.policies.unsaid import losses
from sidestep.convert.rewrite import Change, Context, Rewritten, Rule, Tree
from sidestep.model.resource import Resource
from sidestep.semantics.authorization.parse import parse_policy
from sidestep.semantics.authorization.policy import Action, Policy
from sidestep.semantics.loose import as_dicts

CODE = "SID301"
_AT_ZTUNNEL = (Action.ALLOW, Action.DENY)


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    """Of a DENY of which no rule is left at a service no twin is made: it never holds, and admission refuses it."""
    policy = parse_policy(resource)
    if policy.targets or is_made(resource):
        return Rewritten()
    found = readers(context, resource)
    if not found.ambient:
        return Rewritten()
    plain = _plain(resource, policy, context)
    lost = tuple(losses(resource, policy, found, plain.expanded, CODE))
    if policy.invalid:
        return Rewritten((), lost)
    now = _at_pods(resource, policy, found, plain)
    twins = (
        _twin(resource, policy, found, host, _at_waypoint(now, found)).manifest for host in untold(found, resource)
    )
    told = [each for each in twins if policy.action is Action.ALLOW or each["spec"].get("rules")]
    early = replaced(resource, now, CODE)
    return Rewritten((*added(context, told, resource.id, CODE), *early, *_late(resource, policy, found, now)), lost)


def _at_waypoint(now: Tree, found: Readers) -> Tree:
    """What stands at the pods, without what only keeps waypoints from being refused there."""
    spec: Tree = now.get("spec") or {}
    if spec.get("action") != Action.DENY:
        return spec
    return {**spec, "rules": unexempted(as_dicts(spec.get("rules")), found.waypoints)}


def _twin(resource: Resource[Any], policy: Policy, found: Readers, host: str, spec: Tree) -> Twin:
    """Of an ALLOW for some of the pods that would admit somebody to others, one that admits nobody."""
    service, mesh = found.services[host], found.context.index.mesh
    name = twin_name(mesh, resource, service)
    if policy.action is Action.ALLOW and not policy.dry_run and found.widens(resource, service):
        return closed_twin(resource, service, name=name, rule=CODE)
    return twin(resource, service, found.context.index.behind(service), spec=spec, name=name, rule=CODE)


def _plain(resource: Resource[Any], policy: Policy, context: Context) -> Plain:
    rules = as_dicts(spec_of(resource).get("rules"))
    if policy.invalid or policy.dry_run or policy.action not in _AT_ZTUNNEL:
        return Plain(rules)
    return plain_rules(rules, context, policy.namespace)


def _at_pods(resource: Resource[Any], policy: Policy, found: Readers, plain: Plain) -> Tree:
    """What stands at the pods from now on: sidecars read the same in it as before."""
    spec = spec_of(resource)
    if "rules" not in spec or policy.dry_run or policy.action not in _AT_ZTUNNEL:
        return resource.tree()
    rules = plain.rules
    if policy.action is Action.DENY:
        rules = [*rules, *(each for each in _streams(resource, found, rules) if each not in rules)]
        rules = exempted(rules, found.waypoints) if found.waypoints else rules
    return with_new_spec(resource, {**spec, "rules": rules})


def _streams(resource: Resource[Any], found: Readers, rules: list[Tree]) -> Iterator[Tree]:
    """On TCP ports a sidecar leaves HTTP out of a DENY; ztunnel is told so, where no waypoint judges."""
    if not found.bare or found.others:
        return
    index = found.context.index
    services = {each.host: each for pods in found.bare for each in index.in_front_of(pods)}
    numbers = {host: service_ports_of(each, index.behind(each)) for host, each in services.items()}
    ports = stream_ports(services.values(), numbers)
    parsed = parse_policy(with_spec(resource, {**spec_of(resource), "rules": rules}))
    for rule, read in zip(rules, parsed.rules, strict=False):
        made = on_streams(rule, read, ports)
        if made is not None:
            yield made


def _late(resource: Resource[Any], policy: Policy, found: Readers, now: Tree) -> tuple[Change, ...]:
    """What goes once waypoints judge for everybody who reads it."""
    if not found.covered:
        return ()
    if policy.dry_run or policy.action not in _AT_ZTUNNEL:
        return (removed(resource, CODE),)
    spec: Tree = now.get("spec") or {}
    read = policy if spec == spec_of(resource) else parse_policy(with_spec(resource, spec))
    gone = {each.index for each in lost_rules(read)}
    if not gone:
        return ()
    kept = [rule for index, rule in enumerate(as_dicts(spec.get("rules"))) if index not in gone]
    if not kept and (policy.selector is not None or policy.action is Action.DENY):
        return (removed(resource, CODE),)
    return replaced(resource, marked({**now, "spec": {**spec, "rules": kept}}, CODE), CODE, late=True)


RULE = Rule(
    CODE, "authorization-policy", "Policies on pods become policies of waypoints", ("AuthorizationPolicy",), _rewrite
)
