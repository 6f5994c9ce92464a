"""Conditions that Envoy is given mean what `semantics` says ztunnel decides, for any policy and connection."""

import re
from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from sidestep.controlplane.generators.node.authorization import Rules, rules
from sidestep.controlplane.generators.node.conditions import Condition, Every, Field, Not, Some, Test
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import (
    Account,
    Address,
    Authorization,
    Group,
    Match,
    Scope,
    Side,
    matching_group,
)

NAMESPACES = ("a", "ab", "b.c")
ACCOUNTS = ("x", "x-y")
ADDRESSES = ("10.0.0.1", "10.0.1.1", "fd00::1")

texts = st.one_of(
    st.sampled_from(
        (
            "*",
            "a*",
            "*b",
            "a",
            "b.c",
            "cluster.local/ns/a/sa/x",
            "*/sa/x",
            "cluster.local/*",
            "*/ns/ab/*",
            "td/ns/b.c/sa/x-y",
        )
    )
)
networks = st.sampled_from(
    (Address("10.0.0.0", 24), Address("10.0.0.1", 32), Address("fd00::", 64), Address("0.0.0.0", 0))  # noqa: S104
)


def many(values):
    return st.lists(values, max_size=2).map(tuple)


sides = st.builds(
    Side,
    many(texts),
    many(st.builds(Account, st.sampled_from(NAMESPACES), st.sampled_from(ACCOUNTS))),
    many(texts),
    many(networks),
    many(networks),
    many(st.sampled_from((80, 8080))),
)
groups = st.lists(many(st.builds(Match, sides, sides)), max_size=2).map(lambda clauses: Group(tuple(clauses)))
authorizations = st.builds(
    Authorization,
    st.just("p"),
    st.just("a"),
    st.just(Scope.NAMESPACE),
    st.sampled_from((Action.ALLOW, Action.DENY)),
    many(groups),
)
identities = st.builds(
    "{}/ns/{}/sa/{}".format,
    st.sampled_from(("cluster.local", "td")),
    st.sampled_from(NAMESPACES),
    st.sampled_from(ACCOUNTS),
)
connections = st.builds(
    Seen,
    identity=st.none() | identities,
    source_ip=st.sampled_from(ADDRESSES),
    destination_ip=st.sampled_from(ADDRESSES),
    destination_port=st.sampled_from((80, 8080)),
)


def holds(condition: Condition, seen: Seen) -> bool:
    """The condition, read as Envoy reads it."""
    match condition:
        case bool():
            return condition
        case Not(part):
            return not holds(part, seen)
        case Every(parts):
            return all(holds(part, seen) for part in parts)
        case Some(parts):
            return any(holds(part, seen) for part in parts)
        case Test(Field.PEER, values):
            return re.fullmatch("|".join(values), f"spiffe://{seen.identity}") is not None
        case Test(Field.PORT, values):
            return str(seen.destination_port) in values
        case Test(field, values):
            address = seen.source_ip if field is Field.SOURCE_IP else seen.destination_ip
            return any(ip_address(address) in ip_network(value, strict=False) for value in values)


def admitted(found: Rules, seen: Seen) -> bool:
    return not holds(found.refused, seen) and holds(found.admitted, seen)


def ztunnel(policies: list[Authorization], seen: Seen) -> bool:
    """ztunnel.md §6.6."""
    deny = [each for each in policies if each.action is Action.DENY]
    allow = [each for each in policies if each.action is Action.ALLOW]
    if any(matching_group(each, seen) for each in deny):
        return False
    return not allow or any(matching_group(each, seen) for each in allow)


@settings(max_examples=600)
@given(st.lists(authorizations, max_size=3), connections)
def test_conditions_decide_as_semantics_does(policies, seen):
    found = rules(policies, identified=seen.identity is not None)
    assert admitted(found, seen) == ztunnel(policies, seen)


def test_without_policies_everybody_is_let_in():
    assert rules([], identified=True).open
    assert rules([], identified=False).open


def test_a_plaintext_peer_is_never_asked_for_an_identity():
    strict = Authorization("s", "a", Scope.GLOBAL, Action.DENY, (Group(((Match(negative=Side(principals=("*",))),),)),))
    assert rules([strict], identified=False) == Rules(refused=True, admitted=True)
    assert rules([strict], identified=True) == Rules(Not(Test(Field.PEER, ("spiffe://.+",))), admitted=True)
