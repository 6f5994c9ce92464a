"""A mesh of which proxies do not know what is in an HTTP request: where that leaves the answer open, HTTP decides."""

from functools import cached_property
from typing import Any

from sidestep.semantics.authorization.attachment import GatewayTarget
from sidestep.semantics.authorization.evaluate import Ground, Outcome, PolicySet
from sidestep.semantics.authorization.policy import HTTP_ONLY, Attribute
from sidestep.semantics.authorization.seen import Chain, Seen
from sidestep.semantics.decisions import Decision
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.routing.routing import Routing
from sidestep.semantics.service_index import Service, ServiceIndex

_NOTHING: frozenset[Attribute] = frozenset()
_UNSURE = (Ground.NOT_KNOWN, Ground.PERHAPS_EXTERNAL)


class _BlindPolicies(PolicySet, frozen=True, dict=True):
    """Policies that are asked about any request at once."""

    def judge(self, seen: Seen, blind: frozenset[Attribute] = _NOTHING) -> Outcome:
        """The verdict where every request would get the same, else `NOT_KNOWN`."""
        return super().judge(seen, blind if seen.http is None else blind | HTTP_ONLY)


class BlindIndex(MeshIndex, frozen=True, dict=True):
    """The index of a mesh in which policies know nothing of HTTP; what is expensive is shared with the plain one."""

    plain: MeshIndex

    @classmethod
    def over(cls, plain: MeshIndex) -> "BlindIndex":
        """Of the same mesh."""
        return cls(plain.mesh, plain.settings, plain)

    @cached_property
    def workloads(self) -> Any:
        """The same."""
        return self.plain.workloads

    @cached_property
    def services(self) -> ServiceIndex:
        """The same."""
        return self.plain.services

    @cached_property
    def routing(self) -> Routing:
        """The same."""
        return self.plain.routing

    def sidecar_policies(self, instances: Instances, chain: Chain) -> PolicySet:
        """What a sidecar would enforce."""
        return self._blinded(self.plain.sidecar_policies(instances, chain))

    def waypoint_policies(self, gateway: GatewayTarget, service: Service | None, chain: Chain) -> PolicySet:
        """What a waypoint would enforce."""
        return self._blinded(self.plain.waypoint_policies(gateway, service, chain))

    def _blinded(self, found: PolicySet) -> PolicySet:
        known = self._known.get(id(found))
        if known is None:
            known = _BlindPolicies(found.custom, found.deny, found.allow, found.audit, found.shadow, found.unreadable)
            self._known[id(found)] = known
        return known

    @cached_property
    def _known(self) -> dict[int, PolicySet]:
        return {}


def http_decides(decision: Decision) -> bool:
    """Whether a decision by a blind index was left open by what is in the request."""
    outcomes = (branch.decider.outcome for branch in decision.branches if branch.decider is not None)
    return any(outcome is not None and outcome.ground in _UNSURE for outcome in outcomes)
