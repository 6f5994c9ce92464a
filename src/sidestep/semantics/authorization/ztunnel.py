"""What istiod sends to ztunnel of a policy, and what ztunnel makes of it.

Source: istio-semantics.md §3.5 and §3.6 (pilot/pkg/serviceregistry/ambient/authorization.go, ztunnel src/rbac.rs).
The conversion loses: an ALLOW rule with anything of layer 7 goes, a DENY rule keeps clauses that are empty, and since
ztunnel skips empty matches and ANDs clauses, one such clause makes the rule match nothing.
"""

from enum import StrEnum
from functools import cached_property, lru_cache
from ipaddress import ip_address, ip_interface

from msgspec import Struct

from sidestep.model.metadata import Labels
from sidestep.semantics.authorization.matchers import address_number, string_matcher
from sidestep.semantics.authorization.policy import (
    ZTUNNEL_CONDITIONS,
    ZTUNNEL_SOURCES,
    Action,
    Attribute,
    ClauseKind,
    Conjunction,
    Policy,
    Rule,
    Term,
)
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.three_valued import every, some
from sidestep.semantics.authorization.values import port_number
from sidestep.semantics.identity import Identity, parse_principal


class Scope(StrEnum):
    """To which workloads an authorization applies."""

    GLOBAL = "GLOBAL"
    NAMESPACE = "NAMESPACE"
    WORKLOAD_SELECTOR = "WORKLOAD_SELECTOR"


class Account(Struct, frozen=True):
    """A service account of a namespace."""

    namespace: str
    account: str


class Address(Struct, frozen=True):
    """An address and the length of its network, as sent: the host bits are kept."""

    ip: str
    length: int


class Side(Struct, frozen=True, dict=True):
    """What must match, or must not; strings are in the policy's own form (`*`, `*suffix`, `prefix*` or the value)."""

    namespaces: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    principals: tuple[str, ...] = ()
    source_ips: tuple[Address, ...] = ()
    destination_ips: tuple[Address, ...] = ()
    ports: tuple[int, ...] = ()

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """The kinds of field that it asks for."""
        return tuple(kind for kind in self.__struct_fields__ if getattr(self, kind))

    @property
    def empty(self) -> bool:
        """Whether it asks for nothing."""
        return not self.asked


class Match(Struct, frozen=True):
    """Fields that must all agree; an empty match is skipped, as if it were not there."""

    positive: Side = Side()
    negative: Side = Side()

    @property
    def empty(self) -> bool:
        """Whether ztunnel skips it."""
        return self.positive.empty and self.negative.empty


class Group(Struct, frozen=True):
    """One rule: every clause must have a match that matches; without clauses it matches everything."""

    clauses: tuple[tuple[Match, ...], ...]
    rule: int = 0

    @property
    def void(self) -> bool:
        """Whether it can match nothing, because a clause is left without a condition."""
        return any(all(match.empty for match in clause) for clause in self.clauses)


class Authorization(Struct, frozen=True):
    """A policy as ztunnel has it.

    Attributes:
        name: of the policy, or of what istiod derived from a PeerAuthentication.
        namespace: where it lives.
        scope: to which workloads it applies.
        action: ALLOW or DENY.
        groups: its rules.
        selector: labels by which istiod lists it on workloads, for WORKLOAD_SELECTOR.
        lost: fields that were not carried over, by the names that istiod uses in its warning.
        policy: what it was made from; None for a derived one.
    """

    name: str
    namespace: str
    scope: Scope
    action: Action
    groups: tuple[Group, ...]
    selector: Labels | None = None
    lost: tuple[str, ...] = ()
    policy: Policy | None = None


class Withheld(Struct, frozen=True):
    """Why a policy is not sent to ztunnel."""

    reason: str


ALLOWED_WAYPOINT = "istio_allow_waypoint_"
"""How names of derived policies begin that admit a waypoint."""
_ORDER = (ClauseKind.TO, ClauseKind.FROM, ClauseKind.WHEN)
_KINDS = Side.__struct_fields__


def convert(policy: Policy, root_namespace: str, *, dry_run: bool = False) -> Authorization | Withheld:
    """What istiod sends of a policy.

    Args:
        policy: in its normal form.
        root_namespace: of the mesh; a policy there without selector applies everywhere.
        dry_run: whether istiod sends dry-run policies (1.29, behind a flag).
    """
    if policy.dry_run and not dry_run:
        return Withheld("it is a dry run, which ztunnel is not sent")
    if policy.targets:
        return Withheld("it is attached by targetRefs, which is for waypoints and gateways")
    if policy.action not in (Action.ALLOW, Action.DENY):
        return Withheld(f"ztunnel does not support the {policy.action} action")
    groups: list[Group] = []
    lost: set[str] = set()
    for rule in policy.rules:
        fields = _layer7(rule)
        lost.update(fields)
        if not (policy.action is Action.ALLOW and fields):
            groups.append(_group(rule, policy.namespace))
    return Authorization(
        policy.id.name,
        policy.namespace,
        _scope(policy, root_namespace),
        policy.action,
        tuple(groups),
        policy.selector,
        tuple(sorted(lost)),
        policy,
    )


def allowed_waypoint(namespace: str, name: str, principal: str) -> Authorization:
    """The policy that istiod derives to admit a waypoint, where PILOT_AUTO_ALLOW_WAYPOINT_POLICY is set."""
    groups = (Group(((Match(Side(principals=(principal,))),),)),)
    return Authorization(
        f"{ALLOWED_WAYPOINT}{namespace}_{name}", namespace, Scope.WORKLOAD_SELECTOR, Action.ALLOW, groups
    )


def matching_group(authorization: Authorization, seen: Seen) -> Group | None:
    """The first rule that matches a connection; None when none does."""
    return next((group for group in authorization.groups if group_matches(group, seen)), None)


def group_matches(group: Group, seen: Seen) -> bool:
    """Whether every clause has a match that is not empty and matches."""
    return all(any(not match.empty and _match_holds(match, seen) for match in clause) for clause in group.clauses)


def group_may_match(group: Group, seen: Seen, unknown: frozenset[str]) -> bool | None:
    """The same where some kinds of fields (by the names of `Side`) are not known; None where they decide."""
    return every(
        some(not match.empty and _match_may_hold(match, seen, unknown) for match in clause) for clause in group.clauses
    )


def _scope(policy: Policy, root_namespace: str) -> Scope:
    if policy.selector is not None:
        return Scope.WORKLOAD_SELECTOR
    return Scope.GLOBAL if policy.namespace == root_namespace else Scope.NAMESPACE


def _layer7(rule: Rule) -> set[str]:
    """The fields that count as layer 7, by name."""
    found: set[str] = set()
    for clause in rule.clauses:
        for part in clause.any_of:
            found.update(_shown(term) for term in part.terms if not _kept(term, clause.kind))
    return found


def _kept(term: Term, kind: ClauseKind) -> bool:
    match kind:
        case ClauseKind.FROM:
            return term.attribute in ZTUNNEL_SOURCES
        case ClauseKind.TO:
            return term.attribute is Attribute.PORT
        case ClauseKind.WHEN:
            return term.attribute in ZTUNNEL_CONDITIONS


def _shown(term: Term) -> str:
    """The name by which istiod's warning calls a field: of an operation or source its own, of a condition its key."""
    if term.field.endswith(")"):
        return term.field.partition("(")[2].rstrip(")")
    return term.field.rpartition(".")[2]


def _group(rule: Rule, namespace: str) -> Group:
    """Operations first, then sources, then each condition, as istiod sends them."""
    clauses = sorted(rule.clauses, key=lambda clause: _ORDER.index(clause.kind))
    return Group(
        tuple(tuple(_match(part, clause.kind, namespace) for part in clause.any_of) for clause in clauses), rule.index
    )


def _match(part: Conjunction, kind: ClauseKind, namespace: str) -> Match:
    kept = [term for term in part.terms if _kept(term, kind)]
    return Match(
        _side({term.attribute: term.one_of.written for term in kept}, namespace),
        _side({term.attribute: term.none_of.written for term in kept}, namespace),
    )


def _side(written: dict[Attribute, tuple[str, ...]], namespace: str) -> Side:
    return Side(
        written.get(Attribute.NAMESPACE, ()),
        tuple(_account(value, namespace) for value in written.get(Attribute.SERVICE_ACCOUNT, ())),
        written.get(Attribute.PRINCIPAL, ()),
        _addresses(written.get(Attribute.SOURCE_IP, ())),
        _addresses(written.get(Attribute.DESTINATION_IP, ())),
        tuple(number for number in map(port_number, written.get(Attribute.PORT, ())) if number is not None),
    )


def _account(value: str, namespace: str) -> Account:
    space, slash, account = value.partition("/")
    return Account(space, account) if slash else Account(namespace, value)


def _addresses(written: tuple[str, ...]) -> tuple[Address, ...]:
    """Those that can be read; the others are skipped in silence."""
    return tuple(address for address in map(_address, written) if address is not None)


def _address(value: str) -> Address | None:
    try:
        if "/" in value:
            interface = ip_interface(value)
            return Address(str(interface.ip), interface.network.prefixlen)
        single = ip_address(value)
    except ValueError:
        return None
    return Address(str(single), single.max_prefixlen)


def _match_holds(match: Match, seen: Seen) -> bool:
    """Every kind of field that is asked for agrees, and none that is excluded does."""
    peer = _peer(seen.identity)
    positive, negative = match.positive, match.negative
    return all(_agrees(kind, positive, seen, peer) for kind in positive.asked) and not any(
        _agrees(kind, negative, seen, peer) for kind in negative.asked
    )


def _match_may_hold(match: Match, seen: Seen, unknown: frozenset[str]) -> bool | None:
    known, doubtful = _split(match, unknown)
    if not _match_holds(known, seen):
        return False
    return True if doubtful.empty else None


def _split(match: Match, unknown: frozenset[str]) -> tuple[Match, Match]:
    """What of a match can be judged, and what cannot."""

    def part(side: Side, *, doubtful: bool) -> Side:
        return Side(**{kind: getattr(side, kind) for kind in _KINDS if (kind in unknown) is doubtful})

    return (
        Match(part(match.positive, doubtful=False), part(match.negative, doubtful=False)),
        Match(part(match.positive, doubtful=True), part(match.negative, doubtful=True)),
    )


def _agrees(kind: str, side: Side, seen: Seen, peer: Identity | None) -> bool:
    """Whether one kind of field matches; without an identity none that asks for one does."""
    match kind:
        case "principals":
            return seen.identity is not None and any(_text(value, seen.identity) for value in side.principals)
        case "namespaces":
            return peer is not None and any(_text(value, peer.namespace) for value in side.namespaces)
        case "accounts":
            return peer is not None and Account(peer.namespace, peer.account) in side.accounts
        case "source_ips":
            return any(_within(seen.source_ip, address) for address in side.source_ips)
        case "destination_ips":
            return any(_within(seen.destination_ip, address) for address in side.destination_ips)
        case _:
            return seen.destination_port in side.ports


@lru_cache(maxsize=65536)
def _peer(principal: str | None) -> Identity | None:
    return parse_principal(principal) if principal is not None else None


def _text(pattern: str, value: str) -> bool:
    return string_matcher(pattern).matches(value)


def _within(value: str, address: Address) -> bool:
    version, number = address_number(value)
    own, first = address_number(address.ip)
    shift = (32 if own == 4 else 128) - address.length
    return version == own != 0 and number >> shift == first >> shift
