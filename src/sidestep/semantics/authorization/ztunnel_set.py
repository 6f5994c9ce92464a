"""All that ztunnel enforces on a workload, and its verdict on a connection: DENY, then ALLOW.

Source: istio-semantics.md §3.6 (ztunnel src/state.rs, `assert_rbac`). An ALLOW policy without any rule left is still
there, and refuses what no other admits.
"""

from functools import cached_property

from msgspec import Struct

from sidestep.semantics.authorization.policy import Policy
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import Authorization, Group, Side, matching_group


class ZtunnelVerdict(Struct, frozen=True):
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


ADMITTED = ZtunnelVerdict(True)


class ZtunnelSet(Struct, frozen=True, dict=True):
    """Policies of one workload, as ztunnel has them; those that could not be read apart."""

    deny: tuple[Authorization, ...] = ()
    allow: tuple[Authorization, ...] = ()
    unreadable: tuple[Policy, ...] = ()

    @cached_property
    def _asks_source_address(self) -> tuple[Authorization, ...]:
        return tuple(each for each in (*self.deny, *self.allow) if _uses(each, "source_ips"))

    @cached_property
    def _asks_destination_address(self) -> tuple[Authorization, ...]:
        return tuple(each for each in (*self.deny, *self.allow) if _uses(each, "destination_ips"))

    @cached_property
    def powerless(self) -> tuple[Authorization, ...]:
        """DENY policies of which nothing is left that could refuse anybody (D06)."""
        return tuple(
            each for each in self.deny if each.lost and each.groups and all(group.void for group in each.groups)
        )

    def judge(self, seen: Seen) -> ZtunnelVerdict:
        """The verdict on one connection."""
        if self.unreadable:
            return ZtunnelVerdict(None, reason=f"{self.unreadable[0].id} could not be read")
        for authorization in self.deny:
            group = matching_group(authorization, seen)
            if group is not None:
                return ZtunnelVerdict(False, authorization, group)
        blind = self._blind(seen)
        if blind is not None:
            return ZtunnelVerdict(None, blind, reason="it looks at an address that is not known")
        if not self.allow:
            return ADMITTED
        for authorization in self.allow:
            group = matching_group(authorization, seen)
            if group is not None:
                return ZtunnelVerdict(True, authorization, group)
        return ZtunnelVerdict(False, self.allow[0])

    def _blind(self, seen: Seen) -> Authorization | None:
        """A policy that looks at an address which is not known; None where all that is asked can be answered."""
        if not seen.source_ip and self._asks_source_address:
            return self._asks_source_address[0]
        if not seen.destination_ip and self._asks_destination_address:
            return self._asks_destination_address[0]
        return None


def _uses(authorization: Authorization, field: str) -> bool:
    sides: list[Side] = [
        side
        for group in authorization.groups
        for clause in group.clauses
        for match in clause
        for side in (match.positive, match.negative)
    ]
    return any(getattr(side, field) for side in sides)
