"""Why ztunnel reads a policy differently than a sidecar: by the fields of its rules."""

from collections.abc import Iterator

from sidestep.explain.difference_facts import attributes
from sidestep.semantics.authorization.policy import Action, Attribute, ClauseKind, Policy, Rule, Term
from sidestep.semantics.authorization.ztunnel import Authorization, Withheld, convert
from sidestep.semantics.identity import parse_principal

_CONNECTION = frozenset({"source.serviceAccount", "remote.ip", "connection.sni", "source.trustDomain"})
"""`when` keys that sidecars judge without HTTP, and ztunnel does not."""


def void_at_ztunnel(policy: Policy, rule: int | None, identity: str | None) -> Iterator[str]:
    """Why a refusal by a sidecar's policy is none at ztunnel."""
    sent = convert(policy, "")
    if isinstance(sent, Withheld):
        return
    decided = [each for each in policy.rules if rule in (None, each.index)]
    asked = frozenset(attribute for each in decided for attribute in attributes(each))
    if policy.action is Action.DENY and any(group.void for group in sent.groups if rule in (None, group.rule)):
        yield "D12" if sent.lost and _CONNECTION.issuperset(sent.lost) else "D06"
    if _sources(decided, Attribute.TRUST_DOMAIN):
        yield "D09"
    if policy.action is Action.DENY and Attribute.PRINCIPAL in asked:
        yield from _aliased(decided, identity)
    if _has_inner_star(decided):
        yield "D11"


def refused_at_ztunnel(authorization: Authorization, identity: str | None) -> Iterator[str]:
    """Why ztunnel refuses by a policy that a sidecar reads otherwise."""
    policy, lost = authorization.policy, frozenset(authorization.lost)
    if policy is None:
        return
    if lost:
        told = "D07" if authorization.action is Action.DENY else "D05"
        yield told
        if lost & _CONNECTION:
            yield "D12"
    if _sources(policy.rules, Attribute.TRUST_DOMAIN):
        yield "D09"
    yield from _aliased(policy.rules, identity)
    if _has_inner_star(policy.rules):
        yield "D11"


def _aliased(rules: tuple[Rule, ...] | list[Rule], identity: str | None) -> Iterator[str]:
    """Principals of another trust domain than the peer's, or of more than one."""
    written = (value for term in _terms(rules, Attribute.PRINCIPAL) for value in term.one_of.written)
    domains = {found.trust_domain for value in written if (found := parse_principal(value)) is not None}
    own = parse_principal(identity or "")
    if domains and (own is None or domains != {own.trust_domain}):
        yield "D10"


def _sources(rules: tuple[Rule, ...] | list[Rule], attribute: Attribute) -> bool:
    return any(
        term.attribute is attribute
        for rule in rules
        for clause in rule.clauses
        if clause.kind is ClauseKind.FROM
        for part in clause.any_of
        for term in part.terms
    )


def _has_inner_star(rules: tuple[Rule, ...] | list[Rule]) -> bool:
    """Whether a namespace has a star between its first and last character, or at both ends."""
    written = (
        value for term in _terms(rules, Attribute.NAMESPACE) for value in (*term.one_of.written, *term.none_of.written)
    )
    return any("*" in value[1:-1] or (len(value) > 1 and value[0] == value[-1] == "*") for value in written)


def _terms(rules: tuple[Rule, ...] | list[Rule], attribute: Attribute) -> Iterator[Term]:
    for rule in rules:
        for clause in rule.clauses:
            for part in clause.any_of:
                yield from (term for term in part.terms if term.attribute is attribute)
