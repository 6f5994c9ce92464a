"""SID310: NetworkPolicies of pods that move let HBONE and probes through; the ports they held are held elsewhere.

Source: istio-semantics.md §6.1 (l).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from msgspec import Struct

from sidestep.convert.network.hbone import EGRESS, HBONE, INGRESS, opened, with_probes
from sidestep.convert.network.peers import named, waypoints_before
from sidestep.convert.network.ports import Restriction, restriction
from sidestep.convert.objects import added, is_made, made, replaced, spec_of, with_new_spec
from sidestep.convert.policies.readers import everybody, is_ambient, names_of
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity, Tree, Waypoint
from sidestep.model.kinds import NETWORK_POLICY
from sidestep.model.resource import Resource
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dicts
from sidestep.semantics.network_policies import restricts_egress, restricts_ingress
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.selectors import selects

CODE = "SID310"


class _Sides(Struct, frozen=True):
    """Pods that a policy is for, who stands before them, and before those whom they may call."""

    pods: tuple[Instances, ...]
    before: tuple[Waypoint, ...]
    beyond: tuple[Waypoint, ...]


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    view = resource.view
    here = context.index.by_namespace.get(resource.meta.namespace, ())
    chosen = tuple(each for each in here if is_ambient(context, each) and selects(view.spec.pod_selector, each.labels))
    if not chosen or is_made(resource):
        return Rewritten()
    spec = spec_of(resource)
    sides = _Sides(chosen, waypoints_before(context, chosen), _beyond(resource, spec, context))
    now = dict(spec)
    held = Restriction()
    if restricts_ingress(view):
        now["ingress"] = with_probes(opened(as_dicts(spec.get("ingress")), INGRESS, sides.before))
        held = restriction(resource, chosen, context, CODE)
    if restricts_egress(view):
        now["egress"] = opened(as_dicts(spec.get("egress")), EGRESS, sides.beyond)
    guards = added(context, (*held.manifests, *_doors(resource, context)), resource.id, CODE)
    changes = replaced(resource, with_new_spec(resource, now), CODE)
    return Rewritten((*guards, *changes), tuple(_losses(resource, spec, sides, held)) if changes else ())


def _doors(resource: Resource[Any], context: Context) -> Iterator[Tree]:
    """For the waypoints that a policy selects too, what they need: HBONE in, and out whatever they forward."""
    space = resource.meta.namespace
    for waypoint in sorted(set(context.waypoints.values())):
        labels = {GATEWAY_NAME: waypoint.name}
        if waypoint.namespace == space and selects(resource.view.spec.pod_selector, labels):
            spec = {
                "podSelector": {"matchLabels": labels},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"ports": [HBONE]}],
                "egress": [{}],
            }
            of = (NETWORK_POLICY.api_version(), NETWORK_POLICY.name)
            yield made(of, (space, f"{waypoint.name}-hbone"), spec, str(resource.id), CODE)


def _beyond(resource: Resource[Any], spec: Tree, context: Context) -> tuple[Waypoint, ...]:
    """Waypoints before pods that the egress rules name."""
    rules = as_dicts(spec.get("egress"))
    space = resource.meta.namespace
    called = [each for each in everybody(context) if any(named(context, rule.get("to"), space, each) for rule in rules)]
    return waypoints_before(context, called)


def _losses(resource: Resource[Any], spec: Tree, sides: _Sides, held: Restriction) -> Iterator[Loss]:
    loss = partial(Loss, resource.id, severity=Severity.SECURITY, rule=CODE)
    if held.ports:
        yield loss(
            "spec.ingress", f"it let in on some ports of {names_of(sides.pods)} only",
            f"over HBONE all ports are TCP 15008, and no AuthorizationPolicy says the same: {held.ports}",
            "name ports and peers in AuthorizationPolicies",
        )  # fmt: skip
    if held.peers:
        names = ", ".join(f"{each.namespace}/{each.name}" for each in sides.before)
        yield loss(
            "spec.ingress", f"it said who may come to {names_of(sides.pods)}",
            f"through waypoint {names} it sees the waypoint's pods instead of its clients, and no AuthorizationPolicy "
            f"of the waypoint says the same: {held.peers}",
            "name the clients in an AuthorizationPolicy attached to the Service",
        )  # fmt: skip
    if held.by_account:
        yield Loss(
            resource.id, "spec.ingress", "it named its clients by labels",
            "ztunnel and waypoints know them by account and namespace: those of the pods of today are written",
            "name the account of a new client there too", Severity.TRAFFIC, CODE,
        )  # fmt: skip
    if restricts_egress(resource.view):
        yield from _of_egress(resource, spec, sides)


def _of_egress(resource: Resource[Any], spec: Tree, sides: _Sides) -> Iterator[Loss]:
    loss = partial(Loss, resource.id, severity=Severity.SECURITY, rule=CODE)
    rules = as_dicts(spec.get("egress"))
    if sides.beyond and not any(not rule.get("to") for rule in rules):
        names = ", ".join(f"{each.namespace}/{each.name}" for each in sides.beyond)
        yield loss(
            "spec.egress", "it said whom its pods may call", f"by waypoint {names} they reach all that is behind it",
            "name them in AuthorizationPolicies attached to the Services there",
        )  # fmt: skip
    if any(as_dicts(rule.get("ports")) for rule in rules):
        yield loss(
            "spec.egress", "it said which ports its pods may call", "over HBONE all ports are TCP 15008",
            "name the ports in AuthorizationPolicies of those who are called",
        )  # fmt: skip


RULE = Rule(CODE, "network-policy", "NetworkPolicies let HBONE through", ("NetworkPolicy",), _rewrite)
