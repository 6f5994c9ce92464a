"""Whether policies admit a request, as Envoy's RBAC filters decide: CUSTOM, then DENY, then ALLOW.

Source: istio-semantics.md §3.2. All policies of an action are one set; an ALLOW policy of which no rule is left still
counts as one, and denies what no other admits.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cached_property
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.semantics.authorization.matchers import IssuerSubject
from sidestep.semantics.authorization.policy import OF_TOKENS, Action, Attribute, Clause, Policy, Rule, Term, Values
from sidestep.semantics.authorization.reduce import effective_rules
from sidestep.semantics.authorization.seen import Chain, Seen
from sidestep.semantics.authorization.three_valued import every, some
from sidestep.semantics.authorization.trust import Bundle
from sidestep.semantics.identity import SPIFFE


class Ground(StrEnum):
    """Why a set of policies decided as it did."""

    NO_POLICY = "no policy applies"
    ALLOWED_BY = "a rule of an ALLOW policy matches"
    DENIED_BY = "a rule of a DENY policy matches"
    NOT_ALLOWED = "no rule of any ALLOW policy matches"
    NO_DENY_MATCHES = "no DENY policy matches, and there is no ALLOW policy"
    EXTERNAL = "an external authorizer decides"
    PERHAPS_EXTERNAL = "an external authorizer decides, if it is asked: that looks at something that is not known"
    UNREADABLE = "a policy could not be read"
    NOT_KNOWN = "a rule looks at something that is not known"


class Outcome(Struct, frozen=True, gc=False):
    """What a set of policies says of one request.

    Attributes:
        allowed: None when that cannot be told from configuration.
        ground: why.
        policy: the one that decided, where one did.
        rule: its rule, where one matched.
        audited: AUDIT policies that match.
        shadowed: dry-run policies that would have matched.
    """

    allowed: bool | None
    ground: Ground
    policy: Policy | None = None
    rule: Rule | None = None
    audited: tuple[Policy, ...] = ()
    shadowed: tuple[Policy, ...] = ()


class Compiled(Struct, frozen=True):
    """A policy and what a chain enforces of it."""

    policy: Policy
    rules: tuple[Rule, ...]


def _before_tokens(seen: Seen) -> Seen:
    """What the conditions of authorizers look at, which are asked before any token is: none counts there.

    Source: pilot/pkg/networking/core/listener_builder.go (CUSTOM's filters stand before those of tokens).
    """
    if seen.http is None or seen.http.claims is None:
        return seen
    return replace(seen, http=replace(seen.http, claims=None))


class PolicySet(Struct, frozen=True, dict=True):
    """All policies of one filter chain, by action; those that could not be read apart."""

    custom: tuple[Compiled, ...] = ()
    deny: tuple[Compiled, ...] = ()
    allow: tuple[Compiled, ...] = ()
    audit: tuple[Compiled, ...] = ()
    shadow: tuple[Compiled, ...] = ()
    unreadable: tuple[Policy, ...] = ()

    @cached_property
    def attributes(self) -> frozenset[Attribute]:
        """Everything that any enforced rule looks at."""
        enforced = (*self.custom, *self.deny, *self.allow)
        return frozenset(
            term.attribute
            for each in enforced
            for rule in each.rules
            for clause in rule.clauses
            for part in clause.any_of
            for term in part.terms
        )

    def judge(self, seen: Seen, blind: frozenset[Attribute] = frozenset()) -> Outcome:
        """The verdict on one request; `blind` names attributes whose value nobody knows."""
        if self.unreadable:
            return self._judge_unreadable(seen, blind)
        if blind and not blind.isdisjoint(self.attributes):
            return self._judge_partly(seen, blind)
        asked = _first(self.custom, _before_tokens(seen))
        denied = _first(self.deny, seen)
        if denied is not None:
            return self._told(False, Ground.DENIED_BY, denied, seen)
        if self.allow:
            found = _first(self.allow, seen)
            if found is None:
                return self._told(False, Ground.NOT_ALLOWED, (self.allow[0].policy, None), seen)
            return self._told(*self._passed(asked, Ground.ALLOWED_BY, found), seen)
        return self._told(*self._passed(asked, self._default, None), seen)

    def _judge_unreadable(self, seen: Seen, blind: frozenset[Attribute]) -> Outcome:
        """Where a policy could not be read, only a DENY that surely matches is certain."""
        denied = _first_partly(self.deny, seen, blind)
        if denied and denied[2]:
            return Outcome(False, Ground.DENIED_BY, denied[0], denied[1])
        return Outcome(None, Ground.UNREADABLE, self.unreadable[0])

    def _judge_partly(self, seen: Seen, blind: frozenset[Attribute]) -> Outcome:
        """Three-valued: certain only where no value of the unknown attributes could change the answer."""
        asked = _first_partly(self.custom, _before_tokens(seen), blind - OF_TOKENS)
        denied, allowed = (_first_partly(compiled, seen, blind) for compiled in (self.deny, self.allow))
        if denied and denied[2]:
            return Outcome(False, Ground.DENIED_BY, denied[0], denied[1])
        if self.allow and allowed is None:
            return Outcome(False, Ground.NOT_ALLOWED, self.allow[0].policy)
        unsure = next((found for found in (denied, allowed) if found and not found[2]), None)
        if unsure:
            return Outcome(None, Ground.NOT_KNOWN, unsure[0], unsure[1])
        if asked:
            return Outcome(None, Ground.EXTERNAL if asked[2] else Ground.PERHAPS_EXTERNAL, asked[0], asked[1])
        return Outcome(True, Ground.ALLOWED_BY, allowed[0], allowed[1]) if allowed else Outcome(True, self._default)

    @property
    def _default(self) -> Ground:
        return Ground.NO_DENY_MATCHES if self.deny else Ground.NO_POLICY

    @staticmethod
    def _passed(
        asked: "_Match | None", ground: Ground, found: "_Match | None"
    ) -> "tuple[bool | None, Ground, _Match | None]":
        """Admitted by what we know; the external authorizer, where one is asked, has the last word."""
        return (True, ground, found) if asked is None else (None, Ground.EXTERNAL, asked)

    def _told(self, allowed: bool | None, ground: Ground, found: "_Match | None", seen: Seen) -> Outcome:
        policy, rule = found or (None, None)
        if not self.audit and not self.shadow:
            return Outcome(allowed, ground, policy, rule)
        return Outcome(allowed, ground, policy, rule, _matching(self.audit, seen), _matching(self.shadow, seen))


_Match = tuple[Policy, Rule | None]


def judge(policies: Iterable[Policy], seen: Seen, chain: Chain, bundle: Bundle = Bundle()) -> Outcome:  # noqa: B008
    """What policies that all apply to a workload say of one request."""
    return policy_set(policies, chain, bundle).judge(seen)


def policy_set(policies: Iterable[Policy], chain: Chain, bundle: Bundle) -> PolicySet:
    """Policies made ready for a chain."""
    parts: dict[str, list[Compiled]] = {action.value: [] for action in Action}
    shadow, unreadable = [], []
    for policy in policies:
        compiled = Compiled(policy, effective_rules(policy, chain, bundle))
        if policy.invalid:
            unreadable.append(policy)
        elif policy.dry_run:
            shadow.append(compiled)
        else:
            parts[policy.action.value].append(compiled)
    custom, deny, allow, audit = (tuple(parts[name]) for name in ("CUSTOM", "DENY", "ALLOW", "AUDIT"))
    return PolicySet(custom, deny, allow, audit, tuple(shadow), tuple(unreadable))


def rule_matches(rule: Rule, seen: Seen) -> bool:
    """Whether all clauses of a rule hold."""
    return all(_clause_matches(clause, seen) for clause in rule.clauses)


def _clause_matches(clause: Clause, seen: Seen) -> bool:
    """Whether any of its conjunctions holds; a loop, because most of a decision's time would go into generators."""
    for part in clause.any_of:
        for term in part.terms:
            if not term_holds(term, seen):
                break
        else:
            return True
    return False


def term_holds(term: Term, seen: Seen) -> bool:
    """Whether one field holds."""
    value = value_of(term, seen)
    if term.one_of.matchers and (value is None or not _matches(term.one_of, value)):
        return False
    return not (term.none_of.matchers and value is not None and _matches(term.none_of, value))


def value_of(term: Term, seen: Seen) -> Any:
    """What a term compares: a string, several of which any may match, issuer and subject, or None for nothing."""
    read = _READERS.get(term.attribute)
    return read(seen, term.key) if read else None


def _matches(values: Values, value: Any) -> bool:
    if isinstance(value, str):
        return values.match(value)
    if isinstance(value, tuple):
        return any(_subject_matches(matcher, value) for matcher in values.matchers)
    return any(values.match(item) for item in value)


def _subject_matches(matcher: object, value: tuple[str, str]) -> bool:
    return isinstance(matcher, IssuerSubject) and matcher.issuer.matches(value[0]) and matcher.subject.matches(value[1])


def _first(compiled: tuple[Compiled, ...], seen: Seen) -> _Match | None:
    for each in compiled:
        for rule in each.rules:
            if rule_matches(rule, seen):
                return each.policy, rule
    return None


def _first_partly(
    compiled: tuple[Compiled, ...], seen: Seen, blind: frozenset[Attribute]
) -> tuple[Policy, Rule, bool] | None:
    """The first rule that matches for sure, else the first that may."""
    perhaps = None
    for each in compiled:
        for rule in each.rules:
            found = _rule_partly(rule, seen, blind)
            if found:
                return each.policy, rule, True
            if found is None and perhaps is None:
                perhaps = each.policy, rule, False
    return perhaps


def _rule_partly(rule: Rule, seen: Seen, blind: frozenset[Attribute]) -> bool | None:
    def term(each: Term) -> bool | None:
        return None if each.attribute in blind else term_holds(each, seen)

    return every(some(every(term(each) for each in part.terms) for part in clause.any_of) for clause in rule.clauses)


def _matching(compiled: tuple[Compiled, ...], seen: Seen) -> tuple[Policy, ...]:
    return tuple(each.policy for each in compiled if any(rule_matches(rule, seen) for rule in each.rules))


def _uri(seen: Seen) -> str | None:
    return None if seen.identity is None else SPIFFE + seen.identity


def _claim(seen: Seen, key: tuple[str, ...]) -> list[str] | None:
    """The strings of a claim, a list's or its own; None when it is absent or holds neither."""
    value: Any = seen.http.claims if seen.http else None
    for part in key:
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None


def _subject(seen: Seen) -> tuple[str, str] | None:
    claims = (seen.http.claims if seen.http else None) or {}
    issuer, subject = claims.get("iss"), claims.get("sub")
    return (issuer, subject) if isinstance(issuer, str) and isinstance(subject, str) else None


def _metadata(seen: Seen, key: tuple[str, ...]) -> Any:
    value = (seen.metadata or {}).get(key[0], {}).get(key[1])
    return value if isinstance(value, str | list) else None


_READERS: dict[Attribute, Callable[[Seen, tuple[str, ...]], Any]] = {
    Attribute.PRINCIPAL: lambda seen, _: seen.identity,
    Attribute.NAMESPACE: lambda seen, _: _uri(seen),
    Attribute.SERVICE_ACCOUNT: lambda seen, _: _uri(seen),
    Attribute.TRUST_DOMAIN: lambda seen, _: _uri(seen),
    Attribute.SOURCE_IP: lambda seen, _: seen.source_ip or None,
    Attribute.REMOTE_IP: lambda seen, _: seen.remote_ip or seen.source_ip or None,
    Attribute.DESTINATION_IP: lambda seen, _: seen.destination_ip or None,
    Attribute.PORT: lambda seen, _: str(seen.destination_port),
    Attribute.SNI: lambda seen, _: seen.sni.lower(),
    Attribute.METHOD: lambda seen, _: seen.http.method if seen.http else None,
    Attribute.HOST: lambda seen, _: seen.http.authority.lower() if seen.http else None,
    Attribute.PATH: lambda seen, _: seen.http.bare_path if seen.http else None,
    Attribute.HEADER: lambda seen, key: seen.http.values_of(key[0]) if seen.http and key else None,
    Attribute.REQUEST_PRINCIPAL: lambda seen, _: _subject(seen),
    Attribute.AUDIENCE: lambda seen, _: _claim(seen, ("aud",)),
    Attribute.PRESENTER: lambda seen, _: _claim(seen, ("azp",)),
    Attribute.CLAIM: _claim,
    Attribute.METADATA: _metadata,
}
