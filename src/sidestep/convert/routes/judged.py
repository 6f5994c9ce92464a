"""Where routes lead past what judges requests: policies of other Services, and policies that see what routes change.

A client's sidecar changes a request before the server's own sidecar judges it. A waypoint judges it as it came, by the
policies of the Service that was dialled, and asks nobody else wherever its route leads (D54).
Source: istio-semantics.md §3.7, §5.2, D54.
"""

from collections.abc import Iterable, Iterator

from sidestep.convert.policies.layers import lost_rules
from sidestep.convert.rewrite import Severity
from sidestep.convert.routes.ledger import Trouble
from sidestep.convert.routes.survey import Survey
from sidestep.semantics.authorization.policy import Action, Attribute, Policy
from sidestep.semantics.protocols import Declared
from sidestep.semantics.routing.rule import Bound, HttpRule, StreamEntry, Target
from sidestep.semantics.service_index import Service


def unjudged(found: Survey, bound: Bound, service: Service) -> Iterator[Trouble]:
    """What a route of a service lets past policies that judge today."""
    for at, rule in enumerate(_rules(bound)):
        field = f"spec.http[{at}]" if rule.place != f"http[{at}]" else f"spec.{rule.place}"
        yield from _elsewhere(found, rule.targets, service, f"{field}.route")
        yield from _changed(found, rule, service, field)
    for entry in (*bound.tcp, *bound.tls):
        yield from _elsewhere(found, entry.targets, service, f"spec.{entry.place}.route")
        yield from _bytes(found, entry, service)


def _rules(bound: Bound) -> list[HttpRule]:
    """Each rule once, in order: one stands before each of its matches."""
    return list({id(entry.rule): entry.rule for entry in bound.http or ()}.values())


def _elsewhere(found: Survey, targets: Iterable[Target], service: Service, field: str) -> Iterator[Trouble]:
    """Destinations whose own policies look at layer 7."""
    for target in targets:
        other = found.index.services.by_host.get(target.host)
        if other is None or other.host == service.host or found.waypoint(other) is None:
            continue
        own = {policy.id for policy in _policies(found, service)}
        names = [str(policy.id) for policy in _policies(found, other) if _reads_http(policy) and policy.id not in own]
        if names:
            yield Trouble(
                field, f"sends requests for {service.host} to {other.host}, where {', '.join(names)} judged them",
                f"the waypoint of {service.host} sends them on by itself, and nobody asks the policies of {other.name} "
                "(D54): what they refuse gets in",
                f"attach the same policies to {service.resource.id} too, or admit only its own waypoint at "
                f"{other.resource.id}", Severity.SECURITY,
            )  # fmt: skip


def _changed(found: Survey, rule: HttpRule, service: Service, field: str) -> Iterator[Trouble]:
    """Policies that look at what the rule changes before the server's sidecar judges."""
    for name, attribute in _edited(rule):
        judges = [str(policy.id) for policy in _at(found, rule.targets or (), service) if _asks(policy, attribute)]
        if judges:
            yield Trouble(
                f"{field}.{name}", f"changes what {', '.join(dict.fromkeys(judges))} judged behind it",
                f"the waypoint of {service.host} judges {attribute.value} as the client sent it, and routes then",
                "write the policies for what clients send", Severity.SECURITY,
            )  # fmt: skip


def _edited(rule: HttpRule) -> Iterator[tuple[str, Attribute]]:
    if rule.rewrite is not None:
        yield "rewrite", Attribute.PATH
    if rule.authority or any(target.authority for target in rule.targets):
        yield "rewrite.authority", Attribute.HOST
    if rule.request_edits or any(target.request_edits for target in rule.targets):
        yield "headers.request", Attribute.HEADER


def _bytes(found: Survey, entry: StreamEntry, service: Service) -> Iterator[Trouble]:
    """Bytes sent to a port that declares HTTP: a sidecar there refuses what is none."""
    dialled = [
        port.number for port in service.ports if entry.port in (0, port.number) and port.protocol is not Declared.HTTP
    ]
    for target in entry.targets:
        other = found.index.services.by_host.get(target.host)
        if other is not None and any(_takes_http(other, target, number) for number in dialled):
            yield Trouble(
                f"spec.{entry.place}.route", f"sends bytes to {target.host}, whose sidecars take nothing but HTTP",
                f"the waypoint of {service.host} hands them on, and ztunnel reads no HTTP: any bytes get in",
                "declare the port as what it speaks, or route to one that is declared TCP", Severity.SECURITY,
            )  # fmt: skip


def _takes_http(other: Service, target: Target, dialled: int) -> bool:
    """Whether the port that a destination means declares HTTP: its own, the only one, or the one that was dialled."""
    only = other.ports[0].number if len(other.ports) == 1 else dialled
    port = other.port(target.port or only)
    return port is not None and port.protocol is Declared.HTTP


def _at(found: Survey, targets: Iterable[Target], service: Service) -> Iterator[Policy]:
    for host in dict.fromkeys((*(target.host for target in targets), service.host)):
        other = found.index.services.by_host.get(host)
        if other is not None:
            yield from _policies(found, other)


def _policies(found: Survey, service: Service) -> list[Policy]:
    """Policies of the pods behind a service, each once."""
    index = found.index
    return list({each.id: each for pods in index.behind(service) for each in index.applied_policies(pods)}.values())


def _reads_http(policy: Policy) -> bool:
    enforced = not policy.dry_run and policy.action is not Action.AUDIT
    return enforced and (policy.action is Action.CUSTOM or bool(lost_rules(policy)))


def _asks(policy: Policy, attribute: Attribute) -> bool:
    terms = (term for rule in policy.rules for clause in rule.clauses for part in clause.any_of for term in part.terms)
    return not policy.dry_run and any(term.attribute is attribute for term in terms)
