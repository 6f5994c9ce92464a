"""What of an AuthorizationPolicy nobody enforces any more, with what it did and what could be done.

Source: istio-semantics.md D01 to D20.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from sidestep.convert.objects import spec_of, with_spec
from sidestep.convert.policies.for_ztunnel import plain_rules
from sidestep.convert.policies.layers import lost_rules, stream_ports
from sidestep.convert.policies.ports import named_ports, service_ports_of
from sidestep.convert.policies.readers import Readers, names_of
from sidestep.convert.rewrite import Loss, Severity
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.semantics.authorization.parse import parse_policy
from sidestep.semantics.authorization.policy import Action, Attribute, Policy
from sidestep.semantics.authorization.values import port_number
from sidestep.semantics.loose import as_dicts

_WAYPOINT = "put a waypoint before their Service"


def losses(
    resource: Resource[Any], policy: Policy, found: Readers, expanded: tuple[str, ...], rule: str
) -> Iterator[Loss]:
    """All of one policy.

    Args:
        resource: the policy as it is.
        policy: the same, typed.
        found: who reads it.
        expanded: fields whose stars were expanded.
        rule: code of the rewrite.
    """
    of = _Told(resource.id, rule)
    if policy.invalid:
        why = f"it could not be read: {policy.invalid}"
        yield of.loss("spec", "it is left as it is", why, "correct it", Severity.SECURITY)
        return
    if found.bare:
        yield from _without_waypoint(resource, policy, found, of)
    yield from _partial(resource, policy, found, of)
    yield from _unreached(resource, policy, found, of)
    yield from _unseen(policy, found, of)
    for field in expanded:
        yield of.loss(
            field, "a star within a namespace's name took in namespaces that are still to be made",
            "ztunnel reads such a star as a letter: the namespaces of today are listed beside it (D11)",
            "add new namespaces to the list", _opens(policy),
        )  # fmt: skip


class _Told:
    """Losses of one object by one rewrite."""

    def __init__(self, identity: ObjectId, rule: str) -> None:
        self.loss = partial(_loss, identity, rule)


def _loss(identity: ObjectId, rule: str, field: str, did: str, why: str, instead: str, severity: Severity) -> Loss:  # noqa: PLR0913, PLR0917
    return Loss(identity, field, did, why, instead, severity, rule)


def _opens(policy: Policy) -> Severity:
    """A DENY that matches less lets in; an ALLOW that matches less keeps out."""
    return Severity.SECURITY if policy.action in (Action.DENY, Action.CUSTOM) else Severity.TRAFFIC


def _without_waypoint(resource: Resource[Any], policy: Policy, found: Readers, of: _Told) -> Iterator[Loss]:
    who = names_of(found.bare)
    if policy.dry_run or policy.action is Action.AUDIT:
        did = "it was evaluated without being enforced" if policy.dry_run else "it marked requests for audit"
        why = f"ztunnel is not sent it, and no waypoint is before {who} (D08, D13)"
        yield of.loss("spec.action", did, why, _WAYPOINT, Severity.OBSERVABILITY)
    elif policy.action is Action.CUSTOM:
        why = f"ztunnel asks no external authorizer, and no waypoint is before {who} (D08)"
        yield of.loss("spec.provider", f"it asked {policy.provider} about requests", why, _WAYPOINT, Severity.SECURITY)
    elif not _only_streams(found):
        rules = plain_rules(as_dicts(spec_of(resource).get("rules")), found.context, policy.namespace).rules
        read = parse_policy(with_spec(resource, {**spec_of(resource), "rules": rules}))
        for lost in lost_rules(read):
            fields = ", ".join(lost.fields)
            why = f"ztunnel sees no {fields}, and no waypoint is before {who}: {lost.outcome}"
            did = f"this {policy.action.value} asked for {fields}"
            severity = Severity.SECURITY if lost.opens else Severity.TRAFFIC
            yield of.loss(f"spec.rules[{lost.index}]", did, why, _WAYPOINT, severity)


def _only_streams(found: Readers) -> bool:
    """Whether sidecars read no HTTP on any port that a service in front of them has."""
    index = found.context.index
    services = {each.host: each for pods in found.bare for each in index.in_front_of(pods)}
    numbers = {host: service_ports_of(each, index.behind(each)) for host, each in services.items()}
    streams = stream_ports(services.values(), numbers)
    return bool(streams) and all(target in streams for table in numbers.values() for target in table)


def _partial(resource: Resource[Any], policy: Policy, found: Readers, of: _Told) -> Iterator[Loss]:
    for host in found.partial:
        closed = policy.action is Action.ALLOW and found.widens(resource, found.services[host])
        end = "other pods have other ALLOWs, and its twin admits nobody" if closed else "its twin holds for all of them"
        yield of.loss(
            "spec.selector", f"it was for some of the pods behind {host} only",
            f"a waypoint judges by Service and cannot tell its pods apart: {end} (D19, D20)",
            "give the pods that it is for a Service of their own", Severity.TRAFFIC,
        )  # fmt: skip


def _unreached(resource: Resource[Any], policy: Policy, found: Readers, of: _Told) -> Iterator[Loss]:
    """Ports of layer-7 rules that no service leads to, so that no waypoint asks about them."""
    if not found.services:
        return
    index = found.context.index
    led = {port for each in found.services.values() for port in service_ports_of(each, index.behind(each))}
    gone = {each.index for each in lost_rules(policy)}
    for place, rule in enumerate(as_dicts(spec_of(resource).get("rules"))):
        for field, port in named_ports(rule) if place in gone or policy.action is Action.CUSTOM else ():
            if port_number(port) not in led:
                yield of.loss(
                    f"spec.rules[{place}].{field}", f"it judged requests on port {port} of the pods",
                    "no Service behind a waypoint leads to that port, and past the waypoint all are refused (D01, D18)",
                    f"add port {port} to a Service", Severity.TRAFFIC,
                )  # fmt: skip


def _unseen(policy: Policy, found: Readers, of: _Told) -> Iterator[Loss]:
    """Conditions that mean something else at a waypoint."""
    if not found.services:
        return
    for rule in policy.rules:
        for clause in rule.clauses:
            for term in (term for part in clause.any_of for term in part.terms):
                if term.attribute is Attribute.DESTINATION_IP:
                    why = "a waypoint sees the Service's address, not the pod's: "
                    why += "an ALLOW goes without the rule, others without the condition"
                    did = "it asked for the address of a pod"
                    yield of.loss(f"spec.{term.field}", did, why, "select the pods by labels", Severity.TRAFFIC)
                if term.attribute is Attribute.SNI:
                    why = "a waypoint sees the SNI of the application's own TLS only"
                    did = "it asked for the SNI of the mesh's TLS"
                    yield of.loss(f"spec.{term.field}", did, why, "ask for ports instead", _opens(policy))
