"""How large a waypoint has to be: replicas, requests, limits, the autoscaler's targets, and what it then carries.

A replica grows with the load up to a limit, and from there the replicas grow in number: so more load never gives less
of anything. The autoscaler starts from what the peak needs and not from less, because a client's ztunnel keeps its few
long-lived connections: replicas added later stay idle until those are renewed (istio/istio#55271, #56864).
"""

from math import ceil

from sidestep.model.quantity import Resources
from sidestep.plan.waypoints import coefficients as known
from sidestep.plan.waypoints import policy as rules
from sidestep.plan.waypoints.coefficients import Coefficients
from sidestep.plan.waypoints.demand import MB, Demand, ServiceLoad, together
from sidestep.plan.waypoints.explain import Grounds, explain, remarks
from sidestep.plan.waypoints.policy import SizingPolicy
from sidestep.plan.waypoints.size import Autoscaling, WaypointSize

CPU_STEP = 10
MEMORY_STEP = 16 * 2**20
LIMIT_OVER_REQUEST = 2
_CORE = 1000


def size(loads: tuple[ServiceLoad, ...], coefficients: Coefficients, policy: SizingPolicy) -> WaypointSize:
    """The size of a waypoint that serves some services.

    Args:
        loads: the services.
        coefficients: what each unit of load takes.
        policy: what the caller decided.
    """
    known.check(coefficients)
    rules.check(policy)
    return _Sizing(together(loads, policy.assumption), coefficients, policy).result()


class _Sizing:
    """One waypoint being sized: figures that depend on each other."""

    def __init__(self, demand: Demand, coefficients: Coefficients, policy: SizingPolicy) -> None:
        self._demand, self._per, self._policy = demand, coefficients, policy
        self._least = policy.least_replicas
        self._cpu = self._peak_cpu()
        self._connections = min(ceil(demand.connections / self._least), policy.connections_per_replica)
        self._requests = Resources(self._replica_cpu(), self._replica_memory())
        self._wanted = max(self._least, self._for_cpu(), ceil(demand.connections / policy.connections_per_replica))
        self._replicas = min(self._wanted, policy.max_replicas)

    def result(self) -> WaypointSize:
        """Everything together."""
        limits, scaling = self._limits(), self._scaling()
        grounds = Grounds(
            self._demand,
            self._per,
            self._policy,
            self._cpu,
            self._replica_rps(),
            self._connections,
            self._wanted,
            self._replicas,
            self._requests,
            limits,
            scaling,
        )
        return WaypointSize(
            self._replicas,
            self._requests,
            limits,
            scaling,
            self._policy.connection_ceiling * self._replicas,
            self._policy.connection_ceiling * scaling.max_replicas,
            self._demand,
            self._demand.unmeasured > 0,
            explain(grounds),
            remarks(grounds),
        )

    def _peak_cpu(self) -> float:
        demand, per, policy = self._demand, self._per, self._policy
        requests = demand.requests_per_second / 1000 * per.millicores_per_1000_rps
        return requests + demand.bytes_per_second * policy.bytes_peak / MB * per.millicores_per_mb_s

    def _replica_cpu(self) -> int:
        share = _up(self._cpu / self._policy.cpu_target / self._least, CPU_STEP)
        return min(max(share, self._policy.floor.cpu_millis), self._policy.max_replica_millicores)

    def _for_cpu(self) -> int:
        return _up(self._cpu / self._policy.cpu_target / self._requests.cpu_millis, 1)

    def _replica_memory(self) -> int:
        return max(self._memory(self._connections), self._policy.floor.memory_bytes)

    def _memory(self, connections: int) -> int:
        """Of one replica: configuration is whole in each of them, load is shared."""
        demand, per = self._demand, self._per
        needed = (
            per.memory_base_bytes
            + demand.services * per.bytes_per_service
            + demand.endpoints * per.bytes_per_endpoint
            + self._replica_rps() / 1000 * per.bytes_per_1000_rps
            + connections * per.bytes_per_connection
        )
        return _up(needed, MEMORY_STEP)

    def _replica_rps(self) -> float:
        """Requests per second that come to one replica: its share, but no more than its CPU is planned for."""
        share = self._demand.requests_per_second / self._least
        if not self._per.millicores_per_1000_rps:
            return share
        room = self._policy.max_replica_millicores * self._policy.cpu_target
        return min(share, room / self._per.millicores_per_1000_rps * 1000)

    def _limits(self) -> Resources:
        """Twice the requests, so that what is left after a failure carries the peak; memory for all connections."""
        floor, twice = self._policy.limits_floor, self._requests.times(LIMIT_OVER_REQUEST)
        full = self._memory(self._policy.connection_ceiling)
        return Resources(
            _up(max(twice.cpu_millis, floor.cpu_millis), _CORE), max(twice.memory_bytes, full, floor.memory_bytes)
        )

    def _scaling(self) -> Autoscaling:
        policy = self._policy
        most = max(ceil(self._replicas * policy.burst), self._replicas + 1)
        return Autoscaling(
            self._replicas,
            max(min(most, policy.max_replicas), self._replicas),
            round(policy.cpu_target * 100),
            max(1, round(self._requests.cpu_millis * policy.cpu_target)),
            policy.connections_per_replica,
        )


def _up(value: float, step: int) -> int:
    """Up to the next step; what a division of floats adds in the tenth digit is no load."""
    return ceil(round(value / step, 9)) * step
