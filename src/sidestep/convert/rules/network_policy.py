"""SID310: NetworkPolicies of pods that move let HBONE and probes through; the ports they held are held elsewhere.

Source: istio-semantics.md §6.1 (l).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from msgspec import Struct

from sidestep.convert.network.admissions import told_rules
from sidestep.convert.network.hbone import EGRESS, HBONE, INGRESS, is_of_tcp, opened, with_probes
from sidestep.convert.network.lasting import lasting
from sidestep.convert.network.meant import meant
from sidestep.convert.network.peers import waypoints_before, waypoints_outward
from sidestep.convert.network.ports import Restriction, restriction
from sidestep.convert.network.tunnelled import may_be_tunnelled
from sidestep.convert.objects import added, is_made, made, replaced, spec_of, with_new_spec
from sidestep.convert.policies.readers import everybody, is_ambient, names_of, sends_hbone
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity, Tree, Waypoint
from sidestep.model.kinds import NETWORK_POLICY
from sidestep.model.resource import Resource
from sidestep.semantics.foreign_policies import UNJUDGED, foreign_policies
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.loose import as_dicts
from sidestep.semantics.network_policies import restricts_egress, restricts_ingress
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.selectors import selects

CODE = "SID310"


class _Sides(Struct, frozen=True):
    """Who speaks HBONE of those that a policy is for.

    Attributes:
        taking: pods that take it.
        sending: pods that send it: gateways too.
        before: the waypoints before them.
        beyond: the waypoints before those whom they may call.
    """

    taking: tuple[Instances, ...]
    sending: tuple[Instances, ...]
    before: tuple[Waypoint, ...]
    beyond: tuple[Waypoint, ...]


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    if is_made(resource):
        return Rewritten()
    doors = added(context, _doors(resource, context), resource.id, CODE)
    sides = _sides(resource, context)
    view, spec = resource.view, spec_of(resource)
    named = lasting(spec, context)
    if not sides.sending:
        return Rewritten((*doors, *replaced(resource, with_new_spec(resource, named), CODE)))
    now = dict(named)
    held = Restriction()
    if restricts_ingress(view) and sides.taking:
        now["ingress"] = _opened_ingress(named, sides, context)
        held = restriction(resource, sides.taking, context, CODE)
    if restricts_egress(view):
        now["egress"] = opened(as_dicts(named.get("egress")), EGRESS, sides.beyond)
    guards = added(context, held.manifests, resource.id, CODE)
    changes = replaced(resource, with_new_spec(resource, now), CODE)
    lost = tuple(_losses(resource, context, sides, held)) if changes else ()
    return Rewritten((*guards, *doors, *changes), lost)


def _sides(resource: Resource[Any], context: Context) -> _Sides:
    here = context.index.by_namespace.get(resource.meta.namespace, ())
    chosen = [each for each in here if selects(resource.view.spec.pod_selector, each.labels)]
    sending = tuple(each for each in chosen if sends_hbone(context, each))
    taking = tuple(each for each in sending if each.mode is not Mode.GATEWAY)
    asking = any(each.mode is Mode.GATEWAY or is_ambient(context, each) for each in sending)
    beyond = _beyond(resource, context) if asking and restricts_egress(resource.view) else ()
    return _Sides(taking, sending, waypoints_before(context, taking), beyond)


def _opened_ingress(spec: Tree, sides: _Sides, context: Context) -> list[Tree]:
    found = opened(as_dicts(spec.get("ingress")), INGRESS, sides.before)
    return with_probes(found) if any(is_ambient(context, each) for each in sides.taking) else found


def _doors(resource: Resource[Any], context: Context) -> Iterator[Tree]:
    """For the waypoints that a policy selects too, what they need: HBONE in, and out whatever they forward."""
    space = resource.meta.namespace
    for waypoint in context.waypoints_in.get(space, ()):
        labels = {GATEWAY_NAME: waypoint.name}
        if selects(resource.view.spec.pod_selector, labels):
            spec = {
                "podSelector": {"matchLabels": labels},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"ports": [HBONE]}],
                "egress": [{}],
            }
            of = (NETWORK_POLICY.api_version(), NETWORK_POLICY.name)
            yield made(of, (space, f"{waypoint.name}-hbone"), spec, str(resource.id), CODE)


def _beyond(resource: Resource[Any], context: Context) -> tuple[Waypoint, ...]:
    """Waypoints before pods that the egress rules name, and before hosts outside; none where they let out to all."""
    rules = _of_tcp(spec_of(resource))
    if not all(rule.get("to") for rule in rules):
        return ()
    space, known = resource.meta.namespace, meant(context)
    called = [pods for rule in rules for peer in as_dicts(rule["to"]) for pods in known.by(peer, space)]
    outward = (waypoint for rule in rules for waypoint in waypoints_outward(context, rule["to"]))
    return tuple(sorted({*waypoints_before(context, called), *outward}))


def _of_tcp(spec: Tree) -> list[Tree]:
    """Egress rules that let TCP out: HBONE carries nothing else."""
    return [rule for rule in as_dicts(spec.get("egress")) if is_of_tcp(rule)]


def _losses(resource: Resource[Any], context: Context, sides: _Sides, held: Restriction) -> Iterator[Loss]:
    loss = partial(Loss, resource.id, severity=Severity.SECURITY, rule=CODE)
    if held.ports:
        yield loss(
            "spec.ingress", f"it let in on some ports of {names_of(sides.taking)} only",
            f"over HBONE all ports are TCP 15008, and no AuthorizationPolicy says the same: {held.ports}",
            "name ports and peers in AuthorizationPolicies",
        )  # fmt: skip
    if held.peers:
        names = ", ".join(f"{each.namespace}/{each.name}" for each in sides.before)
        yield loss(
            "spec.ingress", f"it said who may come to {names_of(sides.taking)}",
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
    if held.by_pods:
        yield loss(
            "spec.podSelector", "it holds for pods that come later too",
            f"{names_of(sides.taking)} do not take the same, so that each has an AuthorizationPolicy of its own",
            "convert again when pods are added that it selects",
        )  # fmt: skip
    if restricts_egress(resource.view):
        yield from _of_egress(resource, context, sides)


def _of_egress(resource: Resource[Any], context: Context, sides: _Sides) -> Iterator[Loss]:
    loss = partial(Loss, resource.id, severity=Severity.SECURITY, rule=CODE)
    rules, space = _of_tcp(spec_of(resource)), resource.meta.namespace
    if sides.beyond:
        names = ", ".join(f"{each.namespace}/{each.name}" for each in sides.beyond)
        yield loss(
            "spec.egress", "it said whom its pods may call", f"by waypoint {names} they reach all that is behind it",
            "name them in AuthorizationPolicies attached to the Services there",
        )  # fmt: skip
    if any(as_dicts(rule.get("ports")) and may_be_tunnelled(context, rule, space) for rule in told_rules(rules)):
        yield loss(
            "spec.egress", "it said which ports its pods may call", "over HBONE all ports are TCP 15008",
            "name the ports in AuthorizationPolicies of those who are called",
        )  # fmt: skip


def unread_policies(context: Context) -> Iterator[Loss]:
    """Policies of other kinds about the wire, before pods of ambient: Cilium's, Calico's, administrators' …"""
    spaces = {each.namespace for each in everybody(context) if is_ambient(context, each)}
    for each in foreign_policies(context.index.mesh):
        if each.meta.namespace in spaces or (spaces and not each.meta.namespace):
            yield Loss(
                each.id, "spec", "it says who may come, or be called, on which port",
                f"nothing is known of how a {each.kind} of {each.api_version.partition('/')[0]} does: {UNJUDGED}",
                "let TCP 15008 through for the same peers, for waypoints, and probes from 169.254.7.127; hold ports by "
                "AuthorizationPolicies", Severity.SECURITY, CODE,
            )  # fmt: skip


RULE = Rule(CODE, "network-policy", "NetworkPolicies let HBONE through", ("NetworkPolicy",), _rewrite)
