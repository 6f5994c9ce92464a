"""The size of a waypoint, as a value."""

from msgspec import Struct

from sidestep.audit.result import Formula
from sidestep.model.quantity import Resources
from sidestep.plan.waypoints.demand import Demand


class Autoscaling(Struct, frozen=True, rename="camel"):
    """What the HorizontalPodAutoscaler is told.

    Attributes:
        min_replicas: what the peak needs.
        max_replicas: the most.
        cpu_percent: of the requests, mean over the pods.
        cpu_millis: the same in thousandths of a core, for a waypoint whose requests cannot be set.
        connections: `envoy_http_downstream_cx_active` of a pod.
    """

    min_replicas: int
    max_replicas: int
    cpu_percent: int
    cpu_millis: int
    connections: int


class WaypointSize(Struct, frozen=True, rename="camel"):
    """A waypoint's size, and how it came about.

    Attributes:
        replicas: what the peak needs; never less than two.
        requests: of one replica.
        limits: of one replica; CPU in whole cores, since Envoy starts one worker for each.
        autoscaling: bounds and targets.
        connection_ceiling: open connections that all planned replicas carry.
        connection_ceiling_at_most: the same when the autoscaler has added all it may.
        demand: what it was sized for.
        assumed: some service was not measured, and counts with what is assumed.
        formulas: of each figure.
        remarks: what a reader should know of this size.
    """

    replicas: int
    requests: Resources
    limits: Resources
    autoscaling: Autoscaling
    connection_ceiling: int
    connection_ceiling_at_most: int
    demand: Demand
    assumed: bool
    formulas: tuple[Formula, ...]
    remarks: tuple[str, ...]

    @property
    def total_requests(self) -> Resources:
        """What the planned replicas reserve."""
        return self.requests.times(self.replicas)
