"""What a caller may decide about the size of waypoints."""

from msgspec import Struct

from sidestep.audit.cost.ambient import WAYPOINT
from sidestep.errors import UsageError
from sidestep.model.quantity import Resources
from sidestep.plan.waypoints.demand import Assumption
from sidestep.semantics.proxy_resources import CHART_LIMITS

LEAST_REPLICAS = 2
CONNECTION_CEILING = 2000
"""Concurrent TCP connections that one waypoint was reported to carry (istio/istio#55076)."""


class SizingPolicy(Struct, frozen=True, rename="camel"):
    """How waypoints are sized.

    Attributes:
        zones: how many zones the nodes are in; 0 where nobody knows.
        affordable_replicas: as many replicas may be asked for only in order to have one in each zone.
        min_replicas: fewest replicas whatever the load; never less than two.
        max_replicas: most replicas of one waypoint.
        max_replica_millicores: largest CPU request of a replica. More load makes more replicas, not larger ones: all
            connections of a client's address go to one worker thread (istio/istio#55463).
        cpu_target: share of the request that the peak may use, and the autoscaler's target.
        connection_ceiling: open connections that one replica carries.
        connection_target: share of the ceiling that is planned with, and the autoscaler's target.
        bytes_peak: how much higher than their mean the bytes are at the peak.
        burst: the autoscaler's maximum over the replicas planned.
        floor: least requests of a replica. Istio's chart: below that, a push of configuration alone looks like load.
        limits_floor: least limits of a replica.
        assumption: what a service that nobody measured is taken to bring.
    """

    zones: int = 0
    affordable_replicas: int = 3
    min_replicas: int = LEAST_REPLICAS
    max_replicas: int = 50
    max_replica_millicores: int = 1000
    cpu_target: float = 0.7
    connection_ceiling: int = CONNECTION_CEILING
    connection_target: float = 0.5
    bytes_peak: float = 2.0
    burst: float = 2.0
    floor: Resources = WAYPOINT
    limits_floor: Resources = CHART_LIMITS
    assumption: Assumption = Assumption()

    @property
    def least_replicas(self) -> int:
        """Two, or one in each zone as far as that is affordable."""
        spread = min(self.zones, self.affordable_replicas)
        return max(LEAST_REPLICAS, self.min_replicas, spread)

    @property
    def connections_per_replica(self) -> int:
        """Connections that a replica is planned with."""
        return max(1, int(self.connection_ceiling * self.connection_target))


def check(policy: SizingPolicy) -> None:
    """Refuse a policy that cannot be followed."""
    wrong = [words for words, right in _rules(policy) if not right]
    if wrong:
        raise UsageError(
            "; ".join(wrong), where="sizing policy of waypoints", remedy="correct the value, or leave the default"
        )


def _rules(policy: SizingPolicy) -> tuple[tuple[str, bool], ...]:
    return (
        ("cpu_target must be above 0 and at most 1", 0 < policy.cpu_target <= 1),
        ("connection_target must be above 0 and at most 1", 0 < policy.connection_target <= 1),
        ("connection_ceiling must be at least 1", policy.connection_ceiling >= 1),
        ("bytes_peak must be between 1 and 1000", 1 <= policy.bytes_peak <= 1000),
        ("burst must be between 1 and 1000", 1 <= policy.burst <= 1000),
        ("the floor must be above zero", min(policy.floor.cpu_millis, policy.floor.memory_bytes) > 0),
        (
            "max_replica_millicores must not be below the floor",
            policy.max_replica_millicores >= policy.floor.cpu_millis,
        ),
        ("max_replicas must not be below the fewest", policy.max_replicas >= policy.least_replicas),
    )
