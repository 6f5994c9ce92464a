"""Policies in words: which rule matched and by what, or which came nearest and why it did not."""

from collections.abc import Iterator

from sidestep.semantics.authentication.peers_at_ztunnel import CONVERTED, STATIC_STRICT
from sidestep.semantics.authorization.evaluate import Ground, Outcome, term_holds, value_of
from sidestep.semantics.authorization.policy import Attribute, Policy, Rule, Term
from sidestep.semantics.authorization.reduce import effective_rules
from sidestep.semantics.authorization.seen import Chain, Seen
from sidestep.semantics.authorization.trust import Bundle
from sidestep.semantics.authorization.ztunnel import Authorization
from sidestep.semantics.identity import parse_principal

_MOST_VALUES = 4
_NAMES = {
    Attribute.PRINCIPAL: "principal",
    Attribute.NAMESPACE: "namespace",
    Attribute.SERVICE_ACCOUNT: "service account",
    Attribute.TRUST_DOMAIN: "trust domain",
    Attribute.SOURCE_IP: "source address",
    Attribute.REMOTE_IP: "client address",
    Attribute.REQUEST_PRINCIPAL: "request principal",
    Attribute.AUDIENCE: "audience",
    Attribute.PRESENTER: "presenter",
    Attribute.HOST: "host",
    Attribute.METHOD: "method",
    Attribute.PATH: "path",
    Attribute.PORT: "port",
    Attribute.DESTINATION_IP: "destination address",
    Attribute.SNI: "server name",
}
_IDENTITIES = (Attribute.PRINCIPAL, Attribute.SERVICE_ACCOUNT, Attribute.TRUST_DOMAIN)


def outcome_words(outcome: Outcome, seen: Seen | None, bundle: Bundle = Bundle()) -> str:  # noqa: B008
    """Why a set of policies decided as it did."""
    policy = outcome.policy
    if policy is None:
        return str(outcome.ground)
    match outcome.ground:
        case Ground.DENIED_BY if outcome.rule is not None:
            return f"rule {outcome.rule.index + 1} of {policy.id} matches{_by_what(outcome.rule, seen)}"
        case Ground.ALLOWED_BY if outcome.rule is not None:
            return f"rule {outcome.rule.index + 1} of {policy.id} admits it"
        case Ground.NOT_ALLOWED:
            return f"{policy.id} admits only what its rules say{_nearest(policy, seen, bundle)}"
        case _:
            return f"{outcome.ground} ({policy.id})"


def ztunnel_words(authorization: Authorization, seen: Seen | None, *, denied: bool) -> str:
    """Why ztunnel decided as it did."""
    if authorization.name == STATIC_STRICT:
        return "mTLS is STRICT, and the peer has no identity"
    if authorization.name.startswith(CONVERTED):
        name = f"{authorization.namespace}/{authorization.name.removeprefix(CONVERTED)}"
        return f"PeerAuthentication {name} asks for mTLS on this port, and the peer has no identity"
    policy = authorization.policy
    named = str(policy.id) if policy else f"{authorization.namespace}/{authorization.name}"
    lost = f"; of it ztunnel does not have {', '.join(authorization.lost)}" if authorization.lost else ""
    if not denied:
        return f"{named} admits it{lost}"
    if not authorization.groups:
        return f"no rule of {named} is left at ztunnel, and an ALLOW policy without rules refuses everybody{lost}"
    peer = seen.identity if seen and seen.identity else "a peer without identity"
    verb = "refuses" if authorization.action.value == "DENY" else "does not admit"
    return f"{named} {verb} {peer}{lost}"


def _by_what(rule: Rule, seen: Seen | None) -> str:
    if seen is None:
        return ""
    told = [_holding(term, seen) for clause in rule.clauses for part in clause.any_of for term in part.terms]
    found = [words for words in dict.fromkeys(told) if words]
    return f": {', '.join(found[:3])}" if found else ""


def _holding(term: Term, seen: Seen) -> str:
    if not term.one_of.written or not term_holds(term, seen):
        return ""
    return f"{_name(term)} {_value(term, seen)} is in {_listed(term.one_of.written)}"


def _nearest(policy: Policy, seen: Seen | None, bundle: Bundle) -> str:
    """The rule that fails by the fewest fields, and why."""
    if not policy.rules:
        return ", and it has none"
    if seen is None:
        return ""
    chain = Chain.HTTP if seen.http is not None else Chain.TCP
    rules = effective_rules(policy, chain, bundle)
    if not rules:
        return ", and none of them can be judged where no HTTP is read"
    failures = [(rule, list(_failing(rule, seen))) for rule in rules]
    rule, terms = min(failures, key=lambda each: len(each[1]))
    return f": rule {rule.index + 1} does not match because {' and '.join(_why(term, seen) for term in terms[:2])}"


def _failing(rule: Rule, seen: Seen) -> Iterator[Term]:
    """Of each clause that fails the terms that fail in its best alternative."""
    for clause in rule.clauses:
        alternatives = [[term for term in part.terms if not term_holds(term, seen)] for part in clause.any_of]
        yield from min(alternatives, key=len)


def _why(term: Term, seen: Seen) -> str:
    name, value = _name(term), _value(term, seen)
    if term.one_of.written and not _positive_holds(term, seen):
        if not value:
            return f"there is no {name}"
        return f"{name} {value} is not in {_listed(term.one_of.written)}"
    return f"{name} {value} is in the excluded {_listed(term.none_of.written)}"


def _positive_holds(term: Term, seen: Seen) -> bool:
    return term_holds(Term(term.attribute, term.one_of, type(term.none_of)(), term.field, term.key), seen)


def _name(term: Term) -> str:
    match term.attribute:
        case Attribute.HEADER:
            return f"header {term.key[0]}" if term.key else "header"
        case Attribute.CLAIM:
            return f"claim {'.'.join(term.key)}"
        case Attribute.METADATA:
            return f"metadata {'.'.join(term.key)}"
        case _:
            return _NAMES.get(term.attribute, term.attribute.value)


def _value(term: Term, seen: Seen) -> str:
    """What the request has there, for people."""
    if term.attribute in _IDENTITIES:
        return seen.identity or ""
    if term.attribute is Attribute.NAMESPACE:
        peer = parse_principal(seen.identity or "")
        return peer.namespace if peer else ""
    if term.attribute is Attribute.HOST:
        return seen.http.authority if seen.http else ""
    value = value_of(term, seen)
    if isinstance(value, tuple):
        return "/".join(value)
    return ", ".join(value) if isinstance(value, list) else str(value or "")


def _listed(values: tuple[str, ...]) -> str:
    more = len(values) - _MOST_VALUES
    return ", ".join(values[:_MOST_VALUES]) + (f" and {more} more" if more > 0 else "")
