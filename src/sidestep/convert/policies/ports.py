"""Target ports turned into service ports: a waypoint judges by the port that was dialled (D01).

Source: istio-semantics.md §3.3 (`operation.ports`), §3.7.
"""

from collections.abc import Iterable, Iterator, Mapping

from sidestep.convert.rewrite import Tree
from sidestep.semantics.authorization.policy import Attribute, Rule
from sidestep.semantics.authorization.values import port_number
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.service_index import Service

PORT = "destination.port"
_ADDRESS = "destination.ip"


def service_ports_of(service: Service, pods: Iterable[Instances]) -> Mapping[int, tuple[int, ...]]:
    """Service ports by the target port that they lead to."""
    found: dict[int, set[int]] = {}
    for each in pods:
        for port in service.ports:
            target = port.target if isinstance(port.target, int) else each.container_ports.get(port.target)
            if target is not None:
                found.setdefault(target, set()).add(port.number)
    return {target: tuple(sorted(numbers)) for target, numbers in found.items()}


def named_ports(rule: Tree) -> Iterator[tuple[str, str]]:
    """The ports that a rule asks for, each with its field within the rule."""
    for number, each in enumerate(as_dicts(rule.get("to"))):
        for port in as_strings(as_dict(each.get("operation")).get("ports")):
            yield f"to[{number}].operation.ports", port
    for number, when in enumerate(as_dicts(rule.get("when"))):
        if when.get("key") == PORT:
            for port in as_strings(when.get("values")):
                yield f"when[{number}].values", port


def closed_ports(rules: Iterable[Rule], known: Iterable[int], *, tokens: bool) -> tuple[int, ...]:
    """On which target ports the way past a waypoint is to be closed; empty for all.

    Args:
        rules: of the policies that ztunnel cannot hold.
        known: the ports that the service leads to: enough where every rule names only those.
        tokens: whether tokens are asked for, which is on every port.
    """
    own = tuple(sorted(known))
    named = [_only_ports(rule) for rule in rules]
    everywhere = tokens or any(not ports or not ports <= {str(port) for port in own} for ports in named)
    return () if everywhere else own


def _only_ports(rule: Rule) -> frozenset[str]:
    """The only ports that a rule can match; empty where it may match on any."""
    for clause in rule.clauses:
        alternatives = [
            {text for term in part.terms if term.attribute is Attribute.PORT for text in term.one_of.written}
            for part in clause.any_of
        ]
        if all(alternatives):
            return frozenset[str]().union(*alternatives)
    return frozenset()


def in_service_ports(spec: Tree, numbers: Mapping[int, tuple[int, ...]]) -> tuple[Tree, tuple[int, ...]]:
    """A policy's spec as a waypoint reads it, and the places of rules that it cannot hold: these are left out."""
    narrow = as_text(spec.get("action")) in ("", "ALLOW")
    rules, lost = [], []
    for index, rule in enumerate(as_dicts(spec.get("rules"))):
        changed = _rule(rule, numbers, narrow=narrow)
        if changed is None:
            lost.append(index)
        else:
            rules.append(changed)
    return ({**spec, "rules": rules} if "rules" in spec else spec), tuple(lost)


def _rule(rule: Tree, numbers: Mapping[int, tuple[int, ...]], *, narrow: bool) -> Tree | None:
    """A rule in service ports; None where it names only ports that the service does not lead to."""
    found = dict(rule)
    if as_dicts(rule.get("to")):
        operations = [_ports_in(as_dict(each.get("operation")), ("ports", "notPorts"), numbers) for each in rule["to"]]
        kept = [{"operation": each} for each in operations if each is not None]
        if not kept:
            return None
        found["to"] = kept
        if any(not each["operation"] for each in kept):
            del found["to"]
    return _with_conditions(found, numbers, narrow=narrow) if "when" in rule else found


def _with_conditions(rule: Tree, numbers: Mapping[int, tuple[int, ...]], *, narrow: bool) -> Tree | None:
    """A pod's own address is not what a waypoint sees: an ALLOW that asks for it goes, others do without."""
    kept = []
    for when in as_dicts(rule.get("when")):
        if when.get("key") == _ADDRESS:
            if narrow:
                return None
            continue
        changed = _ports_in(when, ("values", "notValues"), numbers) if when.get("key") == PORT else when
        if changed is None:
            return None
        if when.get("key") != PORT or changed.get("values") or changed.get("notValues"):
            kept.append(changed)
    return {**rule, "when": kept} if kept else {key: value for key, value in rule.items() if key != "when"}


def _ports_in(fields: Tree, names: tuple[str, str], numbers: Mapping[int, tuple[int, ...]]) -> Tree | None:
    """Fields with their ports translated; None where none is left of those that are asked for."""
    positive, negative = names
    found = dict(fields)
    wanted = as_strings(fields.get(positive))
    if wanted:
        found[positive] = list(_translated(wanted, numbers))
        if not found[positive]:
            return None
    excluded = as_strings(fields.get(negative))
    if excluded:
        found[negative] = list(_translated(excluded, numbers))
        if not found[negative]:
            del found[negative]
    return found


def _translated(ports: tuple[str, ...], numbers: Mapping[int, tuple[int, ...]]) -> Iterator[str]:
    for port in ports:
        target = port_number(port)
        yield from map(str, numbers.get(target, ()) if target is not None else ())
