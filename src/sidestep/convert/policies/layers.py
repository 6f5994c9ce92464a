"""Which rules of a policy ztunnel can hold, and what of the others it would make.

Source: istio-semantics.md §3.4 and §3.5. istiod's own conversion is the judge: a rule of which it loses nothing is
layer 4.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.convert.rewrite import Tree
from sidestep.semantics.authorization.policy import HTTP_ONLY, Action, Attribute, Policy, Rule
from sidestep.semantics.authorization.ztunnel import Authorization, convert
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict, as_dicts, as_strings
from sidestep.semantics.protocols import Declared
from sidestep.semantics.proxies import PROXY
from sidestep.semantics.service_index import Service

_NOT_ROOT = ""
_SOURCES_OF_TOKENS = ("requestPrincipals", "notRequestPrincipals")
_OPERATIONS_OF_HTTP = ("hosts", "notHosts", "methods", "notMethods", "paths", "notPaths")


class Lost(Struct, frozen=True):
    """A rule that ztunnel cannot hold.

    Attributes:
        index: its place.
        fields: what of it is layer 7, by name.
        opens: what ztunnel makes of it lets in more than it should; else it keeps out more.
        outcome: what ztunnel makes of it, in words.
    """

    index: int
    fields: tuple[str, ...]
    opens: bool
    outcome: str


def lost_rules(policy: Policy) -> tuple[Lost, ...]:
    """The rules of an ALLOW or DENY that need layer 7."""
    found = []
    for place, rule in enumerate(policy.rules):
        single = convert(replace(policy, rules=(rule,), dry_run=False, targets=()), _NOT_ROOT)
        if isinstance(single, Authorization):
            lost = (*single.lost, *_unsent(rule))
            if lost:
                found.append(Lost(place, lost, *_outcome(policy.action, single)))
    return tuple(found)


def _outcome(action: Action, sent: Authorization) -> tuple[bool, str]:
    """Whether what is sent of a rule opens something, and what it does."""
    empty = [match.empty for group in sent.groups for clause in group.clauses for match in clause]
    if action is Action.ALLOW:
        if sent.groups and not any(empty):
            return True, "the rule admits without asking for it (D09)"
        return False, "the rule admits nobody by it (D05)"
    if any(group.void for group in sent.groups):
        return True, "the rule refuses nobody (D06)"
    if any(empty):
        return True, "the rule refuses by its other alternatives only (D06)"
    return False, "the rule refuses without asking for it (D07)"


def _unsent(rule: Rule) -> tuple[str, ...]:
    """Trust domains are neither sent nor named among what is lost (D09)."""
    terms = (term for clause in rule.clauses for part in clause.any_of for term in part.terms)
    return tuple(sorted({"trustDomains" for term in terms if term.attribute is Attribute.TRUST_DOMAIN}))


def stream_ports(services: Iterable[Service], numbers: Mapping[str, Mapping[int, tuple[int, ...]]]) -> frozenset[int]:
    """Target ports that every service in front declares to be TCP, so that no proxy reads HTTP there.

    Args:
        services: in front of the pods.
        numbers: of each by full name: service ports by target port.
    """
    told: dict[int, set[Declared]] = {}
    for service in services:
        for target, ports in numbers[service.host].items():
            kinds = {port.protocol for number in ports if (port := service.port(number))}
            told.setdefault(target, set()).update(kinds)
    return frozenset(target for target, kinds in told.items() if kinds == {Declared.TCP})


def on_streams(rule: Tree, policy_rule: Rule, ports: frozenset[int]) -> Tree | None:
    """A DENY rule on ports where sidecars see bytes: they leave its HTTP fields out already (§3.4).

    None where nothing is left to say in layer 4: the rule has no HTTP field, or others that ztunnel cannot hold.
    """
    terms = [term for clause in policy_rule.clauses for part in clause.any_of for term in part.terms]
    if not ports or not any(term.attribute in HTTP_ONLY for term in terms):
        return None
    found: Tree = {key: value for key, value in rule.items() if key not in ("from", "to", "when")}
    sources = [_without(as_dict(each.get("source")), _SOURCES_OF_TOKENS) for each in as_dicts(rule.get("from"))]
    if sources and all(sources):
        found["from"] = [{"source": each} for each in sources]
    operations = [
        operation
        for each in as_dicts(rule.get("to")) or [{}]
        if (operation := _on(_without(as_dict(each.get("operation")), _OPERATIONS_OF_HTTP), ports)) is not None
    ]
    when = [each for each in as_dicts(rule.get("when")) if not _of_http(str(each.get("key")))]
    found |= {"when": when} if when else {}
    return {**found, "to": [{"operation": each} for each in operations]} if operations else None


def _without(fields: Tree, names: tuple[str, ...]) -> Tree:
    return {key: value for key, value in fields.items() if key not in names}


def _on(operation: Tree, ports: frozenset[int]) -> dict[str, Any] | None:
    named = as_strings(operation.get("ports"))
    chosen = [str(port) for port in sorted(ports) if not named or str(port) in named]
    return {**operation, "ports": chosen} if chosen else None


def _of_http(key: str) -> bool:
    return key.startswith(tuple(each.value for each in HTTP_ONLY))


def reached(pods: Iterable[Instances]) -> frozenset[int]:
    """Ports that an application's own containers declare."""
    return frozenset(
        port.container_port
        for each in pods
        for container in each.shape.spec.all_containers
        if container.name != PROXY
        for port in container.ports or ()
    )
