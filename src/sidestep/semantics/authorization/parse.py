"""Read an AuthorizationPolicy into its normal form.

Source: istio-semantics.md §3.3 (pilot/pkg/security/authz/model). Wrong types do not break anything: what cannot be
read makes the policy `invalid`, and a decision that needs it unknown.
"""

from collections.abc import Mapping
from typing import Any

from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.policy import (
    Action,
    Attribute,
    Clause,
    ClauseKind,
    Conjunction,
    Policy,
    Rule,
    TargetRef,
    Term,
    Values,
)
from sidestep.semantics.authorization.values import key_of, values_of
from sidestep.semantics.trees import MalformedError, go_bool, mapping, mappings, strings, text

DRY_RUN = "istio.io/dry-run"

_SOURCE = {
    "principals": Attribute.PRINCIPAL,
    "requestPrincipals": Attribute.REQUEST_PRINCIPAL,
    "serviceAccounts": Attribute.SERVICE_ACCOUNT,
    "trustDomains": Attribute.TRUST_DOMAIN,
    "namespaces": Attribute.NAMESPACE,
    "remoteIpBlocks": Attribute.REMOTE_IP,
    "ipBlocks": Attribute.SOURCE_IP,
}
_OPERATION = {
    "hosts": Attribute.HOST,
    "methods": Attribute.METHOD,
    "paths": Attribute.PATH,
    "ports": Attribute.PORT,
}
_KEYS = {
    attribute.value: attribute
    for attribute in (
        Attribute.DESTINATION_IP,
        Attribute.PORT,
        Attribute.SNI,
        Attribute.SOURCE_IP,
        Attribute.REMOTE_IP,
        Attribute.NAMESPACE,
        Attribute.TRUST_DOMAIN,
        Attribute.SERVICE_ACCOUNT,
        Attribute.PRINCIPAL,
        Attribute.REQUEST_PRINCIPAL,
        Attribute.AUDIENCE,
        Attribute.PRESENTER,
    )
}
_NEGATED = {name: f"not{name[0].upper()}{name[1:]}" for name in (*_SOURCE, *_OPERATION)}
_KEYED = (Attribute.HEADER, Attribute.CLAIM, Attribute.METADATA)


def parse_policy(resource: Resource[Spec]) -> Policy:
    """The normal form of one policy; where it applies is read apart, so that a broken one stands only in its place."""
    spec = resource.view.spec or {}
    try:
        selector, targets = match_labels(spec.get("selector")), target_refs(spec)
    except MalformedError as error:
        return unplaced_policy(resource.id, str(error))
    try:
        action = _action(spec.get("action"))
        return Policy(
            resource.id,
            action,
            _rules(spec.get("rules"), resource.meta.namespace),
            selector,
            targets,
            text(mapping(spec.get("provider"), "provider").get("name"), "provider.name"),
            action is not Action.CUSTOM and go_bool(resource.meta.annotations.get(DRY_RUN, "")) is True,
        )
    except MalformedError as error:
        return Policy(resource.id, Action.DENY, (), selector, targets, invalid=str(error))


def unplaced_policy(of: ObjectId, why: str) -> Policy:
    """A policy of which not even that could be read where it applies."""
    return Policy(of, Action.DENY, invalid=why, unplaced=True)


def target_refs(spec: Mapping[str, Any]) -> tuple[TargetRef, ...]:
    """What a policy is attached to: the list, or the older single reference.

    Raises:
        MalformedError: a reference is not an object.
    """
    listed = mappings(spec.get("targetRefs"), "targetRefs")
    single = mapping(spec.get("targetRef"), "targetRef")
    refs = listed or ([single] if single else [])
    return tuple(
        TargetRef(
            _group(text(ref.get("group"), "group")),
            text(ref.get("kind"), "kind"),
            text(ref.get("name"), "name"),
            text(ref.get("namespace"), "namespace"),
        )
        for ref in refs
    )


def _action(value: object) -> Action:
    if value is None:
        return Action.ALLOW
    try:
        return Action(str(value))
    except ValueError:
        raise MalformedError(f"action: {value!r} is none of ALLOW, DENY, AUDIT, CUSTOM") from None


def match_labels(value: object) -> dict[str, str] | None:
    """Labels that a policy's `selector` asks for; None where it has no selector.

    Raises:
        MalformedError: it has another form.
    """
    if value is None:
        return None
    labels = mapping(mapping(value, "selector").get("matchLabels"), "selector.matchLabels")
    return {str(name): text(label, f"selector.matchLabels.{name}") for name, label in labels.items()}


def _rules(value: object, namespace: str) -> tuple[Rule, ...]:
    return tuple(_rule(index, rule, namespace) for index, rule in enumerate(mappings(value, "rules")))


def _rule(index: int, rule: Mapping[str, Any], namespace: str) -> Rule:
    at = f"rules[{index}]"
    conditions = mappings(rule.get("when"), f"{at}.when")
    unknown = [key for when in conditions if _attribute(key := text(when.get("key"), f"{at}.when")) is None]
    unreadable = f"{at}.when: {unknown[0]!r} is no attribute that Istio knows" if unknown else ""
    clauses = (
        _clause(rule, ClauseKind.FROM, at, namespace),
        _clause(rule, ClauseKind.TO, at, namespace),
        *(_condition(when, f"{at}.when[{i}]", namespace) for i, when in enumerate(conditions)),
    )
    return Rule(index, tuple(clause for clause in clauses if clause is not None), unreadable)


def _clause(rule: Mapping[str, Any], kind: ClauseKind, at: str, namespace: str) -> Clause | None:
    """The `from` or the `to` of a rule; None when it has none, which is true of every request."""
    part, table = ("source", _SOURCE) if kind is ClauseKind.FROM else ("operation", _OPERATION)
    conjunctions = []
    for number, item in enumerate(mappings(rule.get(kind.value), f"{at}.{kind.value}")):
        where = f"{at}.{kind.value}[{number}].{part}"
        fields = mapping(item.get(part), where)
        terms = (_term(fields, name, attribute, where, namespace) for name, attribute in table.items())
        conjunctions.append(Conjunction(tuple(term for term in terms if term is not None)))
    return Clause(kind, tuple(conjunctions)) if conjunctions else None


def _term(fields: Mapping[str, Any], name: str, attribute: Attribute, at: str, namespace: str) -> Term | None:
    negated = _NEGATED[name]
    if name not in fields and negated not in fields:
        return None
    field = f"{at}.{name}"
    one_of, none_of = strings(fields.get(name), field), strings(fields.get(negated), f"{at}.{negated}")
    if not one_of and not none_of:
        return None
    return Term(attribute, values_of(attribute, one_of, namespace), values_of(attribute, none_of, namespace), field)


def _condition(when: Mapping[str, Any], field: str, namespace: str) -> Clause | None:
    """One `when`; without values on either side it is true, as in Istio's generator."""
    written = text(when.get("key"), f"{field}.key")
    attribute = _attribute(written) or Attribute.UNKNOWN
    one_of, none_of = strings(when.get("values"), field), strings(when.get("notValues"), field)
    key = key_of(attribute, written)
    if key is None:
        sides = Values(one_of, broken=bool(one_of)), Values(none_of, broken=bool(none_of))
    else:
        sides = values_of(attribute, one_of, namespace), values_of(attribute, none_of, namespace)
    return Clause(ClauseKind.WHEN, (Conjunction((Term(attribute, *sides, f"{field} ({written})", key or ()),)),))


def _attribute(key: str) -> Attribute | None:
    return _KEYS.get(key) or next((attribute for attribute in _KEYED if key.startswith(attribute.value)), None)


def _group(written: str) -> str:
    return "" if written == "core" else written
