"""Whom policies name: for each condition on a peer's identity the identities that it takes, as each proxy reads it."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct

from sidestep.prove.residual import each_term
from sidestep.semantics.authorization.evaluate import PolicySet, term_holds
from sidestep.semantics.authorization.policy import Attribute, Term, Values
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import Group, Match, Side, group_matches
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.identity import parse_principal

IDENTITY = frozenset({Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.TRUST_DOMAIN})
_NOTHING = Values()
Taken = frozenset[str]


class Identities(Struct, frozen=True, dict=True):
    """All identities of a mesh."""

    principals: tuple[str, ...]

    def taken_by_term(self, term: Term) -> Iterator[Taken]:
        """Whom the sides of an Envoy condition take."""
        for side in (term.one_of, term.none_of):
            if side.matchers:
                yield self._of_envoy(term.attribute, side)

    def taken_by_side(self, side: Side) -> Taken:
        """Whom the identities of a match of ztunnel's take."""
        key = (side.namespaces, side.accounts, side.principals)
        found = self._known.get(key)
        if found is None:
            asked = Group(((Match(Side(*key)),),))
            near = self._near_ztunnel(side)
            found = frozenset(each for each in near if group_matches(asked, Seen(identity=each)))
            self._known[key] = found
        return found

    def _of_envoy(self, attribute: Attribute, side: Values) -> Taken:
        key = (attribute, side.matchers)
        found = self._known.get(key)
        if found is None:
            asked = Term(attribute, side, _NOTHING, "")
            near = self._near(attribute, side.written)
            found = self._known[key] = frozenset(each for each in near if term_holds(asked, Seen(identity=each)))
        return found

    def _near(self, attribute: Attribute, written: tuple[str, ...]) -> Iterable[str]:
        """Those that may be taken at all, without looking at everybody where names are exact."""
        if any("*" in value for value in written) or attribute is Attribute.TRUST_DOMAIN:
            return self.principals
        if attribute is Attribute.PRINCIPAL:
            return [value for value in written if value in self._all]
        if attribute is Attribute.NAMESPACE:
            return [each for value in written for each in self._by_namespace.get(value, ())]
        return [each for value in written for each in self._by_account.get(value.rpartition("/")[2], ())]

    def _near_ztunnel(self, side: Side) -> Iterable[str]:
        if any("*" in value for value in (*side.namespaces, *side.principals)):
            return self.principals
        if side.principals:
            return [value for value in side.principals if value in self._all]
        if side.namespaces:
            return [each for value in side.namespaces for each in self._by_namespace.get(value, ())]
        return [each for account in side.accounts for each in self._by_account.get(account.account, ())]

    @cached_property
    def _all(self) -> frozenset[str]:
        return frozenset(self.principals)

    @cached_property
    def _by_namespace(self) -> Mapping[str, list[str]]:
        return self._grouped(0)

    @cached_property
    def _by_account(self) -> Mapping[str, list[str]]:
        return self._grouped(1)

    def _grouped(self, part: int) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for each in self.principals:
            told = parse_principal(each)
            if told is not None:
                found.setdefault((told.namespace, told.account)[part], []).append(each)
        return found

    @cached_property
    def _known(self) -> dict[object, Taken]:
        return {}


def of_policies(identities: Identities, policies: PolicySet) -> set[Taken]:
    """Whom each condition of policies takes."""
    found: set[Taken] = set()
    if not policies.attributes.isdisjoint(IDENTITY) or policies.audit or policies.shadow:
        each_term(
            policies,
            lambda term: found.update(identities.taken_by_term(term)) if term.attribute in IDENTITY else None,
        )
    return found


def of_ztunnel(identities: Identities, policies: ZtunnelSet) -> set[Taken]:
    """Whom each match of ztunnel's policies takes; matches without identities take nobody apart."""
    found: set[Taken] = set()
    for each in (*policies.deny, *policies.allow):
        for group in each.groups:
            for clause in group.clauses:
                for match in clause:
                    for side in (match.positive, match.negative):
                        if side.namespaces or side.accounts or side.principals:
                            found |= {identities.taken_by_side(part) for part in _apart(side)}
    return found


def _apart(side: Side) -> Iterator[Side]:
    """One side for each kind of field, because each kind must agree by itself."""
    if side.namespaces:
        yield Side(namespaces=side.namespaces)
    if side.accounts:
        yield Side(accounts=side.accounts)
    if side.principals:
        yield Side(principals=side.principals)
