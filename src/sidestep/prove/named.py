"""Whom policies name: for each condition on a peer's identity the identities that it takes, as each proxy reads it."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct

from sidestep.prove.residual import each_term
from sidestep.prove.strangers import Patterns, Stranger, strangers
from sidestep.semantics.authorization.evaluate import PolicySet, term_holds
from sidestep.semantics.authorization.policy import Attribute, Term, Values
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import Group, Match, Side, group_matches
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.identity import parse_principal, principal_of

IDENTITY = frozenset({Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.TRUST_DOMAIN})
_NOTHING = Values()
Taken = frozenset[str]


class AtEnvoy(Struct, frozen=True):
    """One side of an Envoy condition on identities."""

    attribute: Attribute
    side: Values

    def takes(self, principal: str) -> bool:
        """Whether it takes an identity."""
        return bool(term_holds(Term(self.attribute, self.side, _NOTHING, ""), Seen(identity=principal)))

    @property
    def patterns(self) -> Patterns:
        """What it is written with."""
        match self.attribute:
            case Attribute.PRINCIPAL:
                return Patterns(principals=self.side.written)
            case Attribute.NAMESPACE:
                return Patterns(namespaces=self.side.written)
            case Attribute.SERVICE_ACCOUNT:
                return Patterns(accounts=self.side.written)
            case _:
                return Patterns()


class AtZtunnel(Struct, frozen=True):
    """One kind of identities in a match of ztunnel's."""

    side: Side

    def takes(self, principal: str) -> bool:
        """Whether it takes an identity."""
        return bool(group_matches(Group(((Match(self.side),),)), Seen(identity=principal)))

    @property
    def patterns(self) -> Patterns:
        """What it is written with."""
        accounts = tuple(f"{each.namespace}/{each.account}" for each in self.side.accounts)
        return Patterns(self.side.principals, self.side.namespaces, accounts)


Condition = AtEnvoy | AtZtunnel


class Identities(Struct, frozen=True, dict=True):
    """All identities of a mesh.

    Attributes:
        principals: of everybody who was read.
        trust_domain: of whoever may come.
        of_proxies: those of gateways and waypoints, under which nobody else is taken to come.
    """

    principals: tuple[str, ...]
    trust_domain: str
    of_proxies: frozenset[str]

    def taken(self, condition: Condition) -> Taken:
        """Whom of those that were read a condition takes."""
        found = self._taken.get(condition)
        if found is None:
            near = self._near(condition.patterns)
            found = self._taken[condition] = frozenset(each for each in near if condition.takes(each))
        return found

    def strangers(self, conditions: frozenset[Condition], spaces: frozenset[str]) -> tuple[Stranger, ...]:
        """Accounts that nobody who was read has, some for each class that conditions can tell apart.

        Args:
            conditions: on identities.
            spaces: namespaces that are told apart beside.
        """
        key = (conditions, spaces)
        found = self._strange.get(key)
        if found is None:
            possible = strangers((each.patterns for each in conditions), spaces)
            found = tuple(each for each in possible if not self._is_known(self.principal(each)))
            self._strange[key] = found
        return found

    def _is_known(self, principal: str) -> bool:
        return principal in self.known or principal in self.of_proxies

    def beside(self, of_proxies: frozenset[str]) -> "Identities":
        """The same with other proxies; whom conditions take hangs on none of them."""
        made = Identities(self.principals, self.trust_domain, of_proxies)
        vars(made).update(vars(self), _strange={}, _with_strangers={})
        return made

    def principal(self, stranger: Stranger) -> str:
        """Who somebody is that may come."""
        return principal_of(self.trust_domain, *stranger)

    def with_strangers(self, conditions: frozenset[Condition], of: tuple[Stranger, ...]) -> frozenset[Taken]:
        """Whom each condition takes, those among them that may come."""
        key = (conditions, of)
        found = self._with_strangers.get(key)
        if found is None:
            names = [self.principal(each) for each in of]
            found = frozenset(
                self.taken(condition) | {name for name in names if condition.takes(name)} for condition in conditions
            )
            self._with_strangers[key] = found
        return found

    def _near(self, patterns: Patterns) -> Iterable[str]:
        """Those that may be taken at all, without looking at everybody where names are exact."""
        written = (*patterns.principals, *patterns.namespaces)
        if not (written or patterns.accounts) or any("*" in value for value in written):
            return self.principals
        if patterns.principals:
            return [value for value in patterns.principals if value in self.known]
        if patterns.namespaces:
            return [each for value in patterns.namespaces for each in self._by_namespace.get(value, ())]
        return [each for value in patterns.accounts for each in self._by_account.get(value.rpartition("/")[2], ())]

    @cached_property
    def known(self) -> frozenset[str]:
        """Those who were read."""
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
    def _taken(self) -> dict[Condition, Taken]:
        return {}

    @cached_property
    def _strange(self) -> dict[object, tuple[Stranger, ...]]:
        return {}

    @cached_property
    def _with_strangers(self) -> dict[object, frozenset[Taken]]:
        return {}


def of_policies(policies: PolicySet) -> set[Condition]:
    """Each condition of policies on identities."""
    found: set[Condition] = set()
    if not policies.attributes.isdisjoint(IDENTITY) or policies.audit or policies.shadow:
        each_term(policies, lambda term: found.update(_of_term(term)) if term.attribute in IDENTITY else None)
    return found


def _of_term(term: Term) -> Iterator[Condition]:
    for side in (term.one_of, term.none_of):
        if side.matchers:
            yield AtEnvoy(term.attribute, side)


def of_ztunnel(policies: ZtunnelSet) -> set[Condition]:
    """Each match of ztunnel's policies; matches without identities take nobody apart."""
    found: set[Condition] = set()
    for each in (*policies.deny, *policies.allow):
        for group in each.groups:
            for clause in group.clauses:
                for match in clause:
                    for side in (match.positive, match.negative):
                        found.update(AtZtunnel(part) for part in _apart(side))
    return found


def _apart(side: Side) -> Iterator[Side]:
    """One side for each kind of field, because each kind must agree by itself."""
    if side.namespaces:
        yield Side(namespaces=side.namespaces)
    if side.accounts:
        yield Side(accounts=side.accounts)
    if side.principals:
        yield Side(principals=side.principals)
