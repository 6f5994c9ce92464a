"""All that ztunnel enforces on a workload, and its verdict on a connection: DENY, then ALLOW.

Source: istio-semantics.md §3.6 (ztunnel src/state.rs, `assert_rbac`). An ALLOW policy without any rule left is still
there, and refuses what no other admits.
"""

from functools import cached_property

from msgspec import Struct

from sidestep.semantics.authorization.policy import Policy
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import Authorization, Group, group_matches, group_may_match


class ZtunnelVerdict(Struct, frozen=True, gc=False):
    """What ztunnel says of one connection.

    Attributes:
        allowed: None where it cannot be told.
        authorization: what decided; for a refusal because nothing allows, the first ALLOW policy.
        group: the rule that matched.
        reason: why it cannot be told.
    """

    allowed: bool | None
    authorization: Authorization | None = None
    group: Group | None = None
    reason: str = ""


class _Found(Struct, frozen=True):
    """A rule that matches, or of which that cannot be told."""

    authorization: Authorization
    group: Group
    sure: bool


ADMITTED = ZtunnelVerdict(True)
_NOT_KNOWN = "it looks at an address that is not known"


class ZtunnelSet(Struct, frozen=True, dict=True):
    """Policies of one workload, as ztunnel has them; those that could not be read apart."""

    deny: tuple[Authorization, ...] = ()
    allow: tuple[Authorization, ...] = ()
    unreadable: tuple[Policy, ...] = ()

    @cached_property
    def powerless(self) -> tuple[Authorization, ...]:
        """DENY policies of which nothing is left that could refuse anybody (D06)."""
        return tuple(
            each for each in self.deny if each.lost and each.groups and all(group.void for group in each.groups)
        )

    def judge(self, seen: Seen) -> ZtunnelVerdict:
        """The verdict on one connection."""
        unknown = _unknown(seen)
        denied = _first(self.deny, seen, unknown)
        if denied is not None and denied.sure:
            return ZtunnelVerdict(False, denied.authorization, denied.group)
        if self.unreadable:
            policy = self.unreadable[0]
            return ZtunnelVerdict(None, reason=f"{policy.id} could not be read: {policy.invalid}")
        allowed = _first(self.allow, seen, unknown)
        if self.allow and allowed is None:
            return ZtunnelVerdict(False, self.allow[0])
        doubtful = next((found for found in (denied, allowed) if found is not None and not found.sure), None)
        if doubtful is not None:
            return ZtunnelVerdict(None, doubtful.authorization, doubtful.group, _NOT_KNOWN)
        return ZtunnelVerdict(True, allowed.authorization, allowed.group) if allowed is not None else ADMITTED


def _unknown(seen: Seen) -> frozenset[str]:
    """The kinds of fields that nobody can answer, because one of several pods sends or receives."""
    asked = (("source_ips", seen.source_ip), ("destination_ips", seen.destination_ip))
    return frozenset(kind for kind, address in asked if not address)


def _first(authorizations: tuple[Authorization, ...], seen: Seen, unknown: frozenset[str]) -> _Found | None:
    """The first rule that matches for sure, else the first that may."""
    perhaps = None
    for each in authorizations:
        for group in each.groups:
            matches = group_may_match(group, seen, unknown) if unknown else group_matches(group, seen)
            if matches:
                return _Found(each, group, sure=True)
            if matches is None and perhaps is None:
                perhaps = _Found(each, group, sure=False)
    return perhaps
