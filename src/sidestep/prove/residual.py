"""What is left of policies once everything but HTTP is known of a request: the same for many clients and many meshes.

Names of policies, the order of rules and what cannot hold any more are gone, so that two sets that judge every request
alike are equal in most cases; where they are equal, nobody needs to ask.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from sidestep.semantics.authorization.evaluate import Compiled, PolicySet, term_holds
from sidestep.semantics.authorization.matchers import Cidr
from sidestep.semantics.authorization.policy import HTTP_ONLY, Attribute, Rule, Term
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.hops.seeing import blind_spots

_LATER = frozenset({*HTTP_ONLY, Attribute.REMOTE_IP, Attribute.METADATA})


class Atom(Struct, frozen=True):
    """One condition on a request.

    Attributes:
        attribute: what it looks at.
        key: name of a header, path of a claim.
        one_of: matchers of which one must take it; empty for any.
        none_of: matchers of which none may.
        told: of an address, whether it holds for the peer's own; of what nobody knows, None.
        unknown: who sends it, where the condition is about an address that is not known.
    """

    attribute: Attribute
    key: tuple[str, ...] = ()
    one_of: frozenset[object] = frozenset()
    none_of: frozenset[object] = frozenset()
    told: bool | None = None
    unknown: str = ""


Conjunction = frozenset[Atom]
Clause = frozenset[Conjunction]
Clauses = frozenset[Clause]
ALWAYS: Clauses = frozenset()


class Residual(Struct, frozen=True):
    """What a set of policies asks of HTTP.

    Attributes:
        custom: rules by provider that hand over to an authorizer.
        deny: rules that refuse.
        allow: rules that admit; None where no ALLOW policy applies, and everything is admitted.
        noted: rules of AUDIT and of dry runs.
        unreadable: why it cannot be told.
    """

    custom: frozenset[tuple[str, Clauses]] = frozenset()
    deny: frozenset[Clauses] = frozenset()
    allow: frozenset[Clauses] | None = None
    noted: frozenset[tuple[str, Clauses]] = frozenset()
    unreadable: str = ""

    @property
    def refuses_all(self) -> bool:
        """Whether nothing gets through."""
        return ALWAYS in self.deny or (self.allow == frozenset() and not self.unreadable)

    @property
    def admits_all(self) -> bool:
        """Whether it has nothing to say."""
        return not (self.custom or self.deny or self.noted or self.unreadable) and self.allow is None

    def rules(self) -> tuple[Clauses, ...]:
        """All that looks at a request."""
        asked = [rule for _, rule in (*self.custom, *self.noted)]
        return (*asked, *self.deny, *(self.allow or ()))


def residual(policies: PolicySet, seen: Seen, sender: str, unsure: frozenset[Attribute]) -> Residual:
    """What is left of policies.

    Args:
        policies: all of a filter chain.
        seen: what is known of a request.
        sender: who it comes from, by which unknown addresses are told apart.
        unsure: what is not known beside.
    """
    reduce = _Reduction(seen, sender, unsure)
    deny = reduce.rules(policies.deny)
    allow = reduce.rules(policies.allow) if policies.allow else None
    custom = frozenset((each.policy.provider, rule) for each in policies.custom for rule in reduce.rules((each,)))
    marked = (("audit", policies.audit), ("shadow", policies.shadow))
    noted = frozenset((name, rule) for name, of in marked for rule in reduce.rules(of))
    unreadable = str(policies.unreadable[0].id) if policies.unreadable else ""
    if ALWAYS in deny:
        return Residual(deny=frozenset({ALWAYS}), noted=noted)
    if allow is not None and ALWAYS in allow:
        allow = None
    return Residual(custom, deny, allow, noted, unreadable)


def given(residual: Residual, attribute: Attribute, value: str) -> Residual:
    """What is left once a method or a path is known.

    Args:
        residual: before.
        attribute: METHOD or PATH.
        value: of a request; of a path without its query.
    """
    deny = _known(residual.deny, attribute, value)
    allow = _known(residual.allow, attribute, value) if residual.allow is not None else None
    custom = frozenset((name, told) for name, rule in residual.custom for told in _known({rule}, attribute, value))
    noted = frozenset((name, told) for name, rule in residual.noted for told in _known({rule}, attribute, value))
    if ALWAYS in deny:
        return Residual(deny=frozenset({ALWAYS}), noted=noted)
    return Residual(custom, deny, None if allow is not None and ALWAYS in allow else allow, noted, residual.unreadable)


def _known(rules: Iterable[Clauses], attribute: Attribute, value: str) -> frozenset[Clauses]:
    found = (_rule_given(rule, attribute, value) for rule in rules)
    return frozenset(rule for rule in found if rule is not None)


def _rule_given(rule: Clauses, attribute: Attribute, value: str) -> Clauses | None:
    clauses = []
    for clause in rule:
        parts = [part for each in clause if (part := _part_given(each, attribute, value)) is not None]
        if not parts:
            return None
        if frozenset() not in parts:
            clauses.append(frozenset(parts))
    return frozenset(clauses)


def _part_given(part: Conjunction, attribute: Attribute, value: str) -> Conjunction | None:
    """None for what cannot hold any more."""
    left = []
    for atom in part:
        if atom.attribute is not attribute:
            left.append(atom)
        elif not _holds(atom, value):
            return None
    return part if len(left) == len(part) else frozenset(left)


def _holds(atom: Atom, value: str) -> bool:
    one: Iterable[Any] = atom.one_of
    none: Iterable[Any] = atom.none_of
    if atom.one_of and not any(matcher.matches(value) for matcher in one):
        return False
    return not any(matcher.matches(value) for matcher in none)


def whole(policies: PolicySet) -> Residual:
    """All that policies look at in HTTP, whoever sends it; of use for its conditions alone."""
    found: set[Atom] = set()
    each_term(policies, lambda term: found.add(_made(term)) if term.attribute in _LATER else None)
    custom = frozenset((each.policy.provider, ALWAYS) for each in policies.custom)
    return Residual(custom, frozenset({frozenset({frozenset({frozenset({atom}) for atom in found})})}))


class _Reduction:
    """What is known of one request."""

    def __init__(self, seen: Seen, sender: str, unsure: frozenset[Attribute]) -> None:
        self._seen, self._sender = seen, sender
        self._blind = (blind_spots(seen) | unsure) - HTTP_ONLY

    def rules(self, compiled: tuple[Compiled, ...]) -> frozenset[Clauses]:
        found = (self._rule(rule) for each in compiled for rule in each.rules)
        return frozenset(rule for rule in found if rule is not None)

    def _rule(self, rule: Rule) -> Clauses | None:
        """None for a rule that cannot match any more."""
        clauses = []
        for clause in rule.clauses:
            parts = [part for each in clause.any_of if (part := self._conjunction(each.terms)) is not None]
            if not parts:
                return None
            if frozenset() not in parts:
                clauses.append(frozenset(parts))
        return frozenset(clauses)

    def _conjunction(self, terms: tuple[Term, ...]) -> Conjunction | None:
        found = []
        for term in terms:
            atom = self._atom(term)
            if atom is False:
                return None
            if isinstance(atom, Atom):
                found.append(atom)
        return frozenset(found)

    def _atom(self, term: Term) -> Atom | bool:
        """Whether a term holds, or what it still asks for."""
        if term.attribute in self._blind:
            return _made(term, unknown=self._sender)
        if term.attribute is Attribute.REMOTE_IP and self._seen.http is not None:
            return _made(term, told=term_holds(term, self._seen))
        if term.attribute in _LATER and (self._seen.http is not None or term.attribute is Attribute.METADATA):
            return _made(term)
        return term_holds(term, self._seen)


def _made(term: Term, told: bool | None = None, unknown: str = "") -> Atom:
    one, none = frozenset(term.one_of.matchers), frozenset(term.none_of.matchers)
    return Atom(term.attribute, term.key, one, none, told, unknown)


def blocks(policies: PolicySet, attributes: frozenset[Attribute]) -> frozenset[str]:
    """Ranges of addresses that policies tell apart."""
    found: set[str] = set()
    if attributes.isdisjoint(policies.attributes):
        return frozenset()
    each_term(policies, lambda term: found.update(_ranges(term) if term.attribute in attributes else ()))
    return frozenset(found)


def _ranges(term: Term) -> set[str]:
    return {each.text for side in (term.one_of, term.none_of) for each in side.matchers if isinstance(each, Cidr)}


def each_term(policies: PolicySet, see: Callable[[Term], object]) -> None:
    """Show every term that any rule of a set looks at."""
    kinds = (policies.custom, policies.deny, policies.allow, policies.audit, policies.shadow)
    for compiled in kinds:
        for each in compiled:
            for rule in each.rules:
                for clause in rule.clauses:
                    for part in clause.any_of:
                        for term in part.terms:
                            see(term)
