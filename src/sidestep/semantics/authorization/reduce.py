"""What is left of a policy's rules in a filter chain.

Source: istio-semantics.md §3.4 (pilot/pkg/security/authz/model, `checkError`): a value that the chain cannot judge
makes an ALLOW rule disappear, and is left out of a DENY, AUDIT or CUSTOM rule, which gets wider.
"""

from collections.abc import Callable

from msgspec.structs import replace

from sidestep.semantics.authorization.policy import (
    HTTP_ONLY,
    Action,
    Attribute,
    Clause,
    Conjunction,
    Policy,
    Rule,
    Term,
    Values,
)
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.authorization.trust import Bundle
from sidestep.semantics.authorization.values import values_of

_NONE = Values()


def effective_rules(policy: Policy, chain: Chain, bundle: Bundle) -> tuple[Rule, ...]:
    """The rules that a chain enforces, fewer or wider than those written."""
    narrow = policy.action is Action.ALLOW
    rules = []
    for rule in policy.rules:
        if rule.unreadable or (narrow and _any_term(rule, lambda term: _lost(term, chain))):
            continue
        rules.append(_reduced(rule, chain, bundle))
    return tuple(rules)


def _lost(term: Term, chain: Chain) -> bool:
    """Whether a chain cannot be given a term whole."""
    return term.one_of.broken or term.none_of.broken or (chain is Chain.TCP and _is_http(term))


def _is_http(term: Term) -> bool:
    return term.attribute in HTTP_ONLY and bool(term.one_of.written or term.none_of.written)


def _any_term(rule: Rule, condition: Callable[[Term], bool]) -> bool:
    return any(condition(term) for clause in rule.clauses for part in clause.any_of for term in part.terms)


def _reduced(rule: Rule, chain: Chain, bundle: Bundle) -> Rule:
    clauses = (_clause(clause, chain, bundle) for clause in rule.clauses)
    return replace(rule, clauses=tuple(clause for clause in clauses if clause is not None))


def _clause(clause: Clause, chain: Chain, bundle: Bundle) -> Clause | None:
    """A clause without what the chain cannot judge; None when one of its conjunctions became true of everything."""
    parts = tuple(_conjunction(part, chain, bundle) for part in clause.any_of)
    return None if any(not part.terms for part in parts) else replace(clause, any_of=parts)


def _conjunction(part: Conjunction, chain: Chain, bundle: Bundle) -> Conjunction:
    kept = (_expanded(term, bundle) for term in part.terms if not (chain is Chain.TCP and _is_http(term)))
    return Conjunction(tuple(term for term in kept if term.one_of.matchers or term.none_of.matchers))


def _expanded(term: Term, bundle: Bundle) -> Term:
    """With a variant for each trust domain that counts as the mesh's own."""
    match term.attribute:
        case Attribute.PRINCIPAL:
            expand = bundle.principals
        case Attribute.TRUST_DOMAIN:
            expand = bundle.trust_domains
        case _:
            return term

    def side(values: Values) -> Values:
        return values_of(term.attribute, expand(values.written), "") if values.written else _NONE

    return replace(term, one_of=side(term.one_of), none_of=side(term.none_of))
