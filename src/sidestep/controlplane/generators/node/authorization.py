"""Whom a workload's authorizations let in, as conditions on a connection.

Source: ztunnel.md §6.6 (src/rbac.rs). The same as `semantics.authorization.ztunnel` decides for one connection; a test
holds the two together. A peer without a certificate has no identity, so what asks for one is decided here already.
"""

import re
from collections.abc import Callable, Iterable

from msgspec import Struct

from sidestep.controlplane.generators.node.conditions import Condition, Field, Test, every, negated, some
from sidestep.semantics.authorization.matchers import Exact, Prefix, Present, Suffix, string_matcher
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.ztunnel import Authorization, Group, Match, Side
from sidestep.semantics.identity import SPIFFE

_SEGMENT = "[^/]*"


class Rules(Struct, frozen=True):
    """Who is refused, and of the others who is let in."""

    refused: Condition
    admitted: Condition

    @property
    def open(self) -> bool:
        """Whether everybody is let in."""
        return self.refused is False and self.admitted is True


def rules(authorizations: Iterable[Authorization], *, identified: bool) -> Rules:
    """What is enforced.

    Args:
        authorizations: those that apply to the workload.
        identified: whether peers show a certificate; otherwise they come in plaintext.
    """
    found = list(authorizations)
    deny = [each for each in found if each.action is Action.DENY]
    allow = [each for each in found if each.action is Action.ALLOW]
    return Rules(
        some(_matches(each, identified=identified) for each in deny),
        some(_matches(each, identified=identified) for each in allow) if allow else True,
    )


def _matches(authorization: Authorization, *, identified: bool) -> Condition:
    return some(_group(group, identified=identified) for group in authorization.groups)


def _group(group: Group, *, identified: bool) -> Condition:
    return every(
        some(_match(match, identified=identified) for match in clause if not match.empty) for clause in group.clauses
    )


def _match(match: Match, *, identified: bool) -> Condition:
    asked = [_agrees(kind, match.positive, identified=identified) for kind in match.positive.asked]
    excluded = [negated(_agrees(kind, match.negative, identified=identified)) for kind in match.negative.asked]
    return every([*asked, *excluded])


def _agrees(kind: str, side: Side, *, identified: bool) -> Condition:
    match kind:
        case "source_ips":
            return Test(Field.SOURCE_IP, tuple(f"{each.ip}/{each.length}" for each in side.source_ips))
        case "destination_ips":
            return Test(Field.DESTINATION_IP, tuple(f"{each.ip}/{each.length}" for each in side.destination_ips))
        case "ports":
            return Test(Field.PORT, tuple(str(port) for port in side.ports))
        case _:
            return Test(Field.PEER, tuple(_PEERS[kind](side))) if identified else False


def _principals(side: Side) -> Iterable[str]:
    return (f"{SPIFFE}{_expression(text, '.*')}" for text in side.principals)


def _namespaces(side: Side) -> Iterable[str]:
    return (f"{SPIFFE}{_SEGMENT}/ns/{_expression(text, _SEGMENT)}/sa/{_SEGMENT}" for text in side.namespaces)


def _accounts(side: Side) -> Iterable[str]:
    return (f"{SPIFFE}{_SEGMENT}/ns/{re.escape(each.namespace)}/sa/{re.escape(each.account)}" for each in side.accounts)


_PEERS: dict[str, Callable[[Side], Iterable[str]]] = {
    "principals": _principals,
    "namespaces": _namespaces,
    "accounts": _accounts,
}


def _expression(text: str, anything: str) -> str:
    """A policy's string as a regular expression for the whole value; `anything` is what a star stands for."""
    match string_matcher(text):
        case Exact(value):
            return re.escape(value)
        case Prefix(value):
            return re.escape(value) + anything
        case Suffix(value):
            return anything + re.escape(value)
        case Present():
            return anything.replace("*", "+")
        case other:
            raise AssertionError(other)
