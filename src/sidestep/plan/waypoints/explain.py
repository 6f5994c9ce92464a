"""How each figure of a waypoint's size came about: formula, inputs, value; and what a reader should know of it."""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.audit.cost.explain import Inputs
from sidestep.audit.result import Formula
from sidestep.model.quantity import Resources
from sidestep.plan.waypoints.coefficients import Coefficients
from sidestep.plan.waypoints.demand import MB, Demand
from sidestep.plan.waypoints.policy import CONNECTION_CEILING, SizingPolicy
from sidestep.plan.waypoints.size import Autoscaling

_MEMORY_COEFFICIENTS = (
    "memory_base_bytes", "bytes_per_service", "bytes_per_endpoint", "bytes_per_1000_rps", "bytes_per_connection",
)  # fmt: skip


class Grounds(Struct, frozen=True):
    """Everything that a size was made of.

    Attributes:
        demand: of the services together.
        per: what each unit of load takes.
        policy: what the caller decided.
        cpu: thousandths of a core at the peak, of all replicas.
        replica_rps: requests per second that come to one replica.
        replica_connections: connections that one replica is planned with.
        wanted: replicas before the largest number is applied.
        replicas: those planned.
        requests: of one replica.
        limits: of one replica.
        scaling: the autoscaler's bounds and targets.
    """

    demand: Demand
    per: Coefficients
    policy: SizingPolicy
    cpu: float
    replica_rps: float
    replica_connections: int
    wanted: int
    replicas: int
    requests: Resources
    limits: Resources
    scaling: Autoscaling


def explain(grounds: Grounds) -> tuple[Formula, ...]:
    """The formula of every figure."""
    return (
        _replicas(grounds),
        _cpu_request(grounds),
        _memory_request(grounds),
        *_limits(grounds),
        *_scaling(grounds),
        _ceiling(grounds),
    )


def remarks(grounds: Grounds) -> tuple[str, ...]:
    """What weakens the size, or is not covered by it."""
    return tuple(_remarks(grounds))


def _replicas(grounds: Grounds) -> Formula:
    words = (
        "max(least replicas, ceil(CPU at the peak / CPU target / CPU request of a replica), "
        "ceil(connections / (ceiling of a replica * share planned with))), at most the largest number"
    )
    policy = grounds.policy
    inputs: Inputs = {
        "least replicas": policy.least_replicas,
        "zones": policy.zones,
        "replicas affordable for the spread over zones": policy.affordable_replicas,
        "millicores at the peak": round(grounds.cpu, 3),
        "CPU target": policy.cpu_target,
        "millicores requested by a replica": grounds.requests.cpu_millis,
        **_connections(grounds),
        "largest number": policy.max_replicas,
    }
    return Formula("waypoint.replicas", words, inputs, grounds.replicas)


def _cpu_request(grounds: Grounds) -> Formula:
    words = (
        "(requests/s at the peak / 1000 * millicores per 1,000 requests/s + MB/s * peak of bytes * millicores per "
        "MB/s) / CPU target / least replicas, in steps of 10, between the floor and the largest replica"
    )
    per, policy = grounds.per, grounds.policy
    inputs: Inputs = {
        **_load(grounds),
        "peak of bytes over their mean": policy.bytes_peak,
        "millicores per 1,000 requests/s": per.millicores_per_1000_rps,
        "source of millicores per 1,000 requests/s": per.source("millicores_per_1000_rps"),
        "millicores per MB/s": per.millicores_per_mb_s,
        "source of millicores per MB/s": per.source("millicores_per_mb_s"),
        "CPU target": policy.cpu_target,
        "least replicas": policy.least_replicas,
        "floor, millicores": policy.floor.cpu_millis,
        "largest replica, millicores": policy.max_replica_millicores,
    }
    return Formula("waypoint.requests.cpuMillis", words, inputs, grounds.requests.cpu_millis)


def _memory_request(grounds: Grounds) -> Formula:
    words = (
        "base + services * bytes per service + endpoints * bytes per endpoint + requests/s of a replica / 1000 * "
        "bytes per 1,000 requests/s + connections of a replica * bytes per connection, in steps of 16 MiB, not "
        "below the floor"
    )
    inputs: Inputs = {
        "services": grounds.demand.services,
        "endpoints": grounds.demand.endpoints,
        "requests/s of a replica": round(grounds.replica_rps, 3),
        "connections of a replica": grounds.replica_connections,
        "floor, bytes": grounds.policy.floor.memory_bytes,
    }
    for name in _MEMORY_COEFFICIENTS:
        spelled = name.replace("_", " ")
        inputs[spelled] = getattr(grounds.per, name)
        inputs[f"source of {spelled}"] = grounds.per.source(name)
    return Formula("waypoint.requests.memoryBytes", words, inputs, grounds.requests.memory_bytes)


def _limits(grounds: Grounds) -> tuple[Formula, ...]:
    floor = grounds.policy.limits_floor
    cpu: Inputs = {"millicores requested": grounds.requests.cpu_millis, "floor, millicores": floor.cpu_millis}
    memory: Inputs = {
        "bytes requested": grounds.requests.memory_bytes,
        "ceiling of connections": grounds.policy.connection_ceiling,
        "bytes per connection": grounds.per.bytes_per_connection,
        "floor, bytes": floor.memory_bytes,
    }
    words = "max(2 * request, the request's formula with the ceiling of connections, floor)"
    return (
        Formula("waypoint.limits.cpuMillis", "max(2 * request, floor), in whole cores", cpu, grounds.limits.cpu_millis),
        Formula("waypoint.limits.memoryBytes", words, memory, grounds.limits.memory_bytes),
    )


def _scaling(grounds: Grounds) -> tuple[Formula, ...]:
    policy, scaling = grounds.policy, grounds.scaling
    bounds: Inputs = {
        "replicas": grounds.replicas,
        "burst": policy.burst,
        "largest number": policy.max_replicas,
    }
    target: Inputs = {"CPU target": policy.cpu_target}
    request: Inputs = {**target, "millicores requested": grounds.requests.cpu_millis}
    most = "min(max(ceil(replicas * burst), replicas + 1), largest number)"
    share = "ceiling of a replica * share planned with"
    return (
        Formula("waypoint.autoscaling.minReplicas", "replicas", bounds, scaling.min_replicas),
        Formula("waypoint.autoscaling.maxReplicas", most, bounds, scaling.max_replicas),
        Formula("waypoint.autoscaling.cpuPercent", "CPU target * 100", target, scaling.cpu_percent),
        Formula("waypoint.autoscaling.cpuMillis", "CPU request * CPU target", request, scaling.cpu_millis),
        Formula("waypoint.autoscaling.connections", share, _connections(grounds), scaling.connections),
    )


def _ceiling(grounds: Grounds) -> Formula:
    ceiling = grounds.policy.connection_ceiling
    reported = "2,000 concurrent TCP connections were reported of one waypoint (istio/istio#55076)"
    inputs: Inputs = {
        "replicas": grounds.replicas,
        "replicas at most": grounds.scaling.max_replicas,
        "ceiling of a replica": ceiling,
        "source of the ceiling": reported if ceiling == CONNECTION_CEILING else "given by the caller",
    }
    words = "replicas * ceiling of a replica"
    return Formula("waypoint.connectionCeiling", words, inputs, ceiling * grounds.replicas)


def _load(grounds: Grounds) -> Inputs:
    demand, assumption = grounds.demand, grounds.policy.assumption
    inputs: Inputs = {
        "requests/s at the peak": round(demand.requests_per_second, 3),
        "MB/s": round(demand.bytes_per_second / MB, 6),
        "services": demand.services,
    }
    if demand.unmeasured:
        inputs["services not measured"] = demand.unmeasured
        inputs["assumed requests/s of such a service"] = assumption.requests_per_second
        inputs["assumed MB/s of such a service"] = assumption.bytes_per_second / MB
    return inputs


def _connections(grounds: Grounds) -> Inputs:
    inputs: Inputs = {
        "connections": grounds.demand.connections,
        "ceiling of a replica": grounds.policy.connection_ceiling,
        "share planned with": grounds.policy.connection_target,
    }
    if grounds.demand.unmeasured:
        inputs["assumed connections of a service not measured"] = grounds.policy.assumption.connections
    return inputs


def _remarks(grounds: Grounds) -> Iterator[str]:
    demand, policy = grounds.demand, grounds.policy
    if demand.unmeasured:
        yield (
            f"{demand.unmeasured} of {demand.services} services were not measured: their load is assumed "
            f"({policy.assumption.requests_per_second:g} requests/s each)"
        )
    if demand.services and not demand.connections:
        yield "connections were not counted: the autoscaler's target on them is the only guard"
    if not policy.zones:
        yield "zones are not known: no replica was added for one of them"
    if policy.zones > grounds.replicas:
        yield f"{policy.zones - grounds.replicas} of {policy.zones} zones have no replica: clients there cross zones"
    if grounds.wanted > policy.max_replicas:
        yield (
            f"the load asks for {grounds.wanted} replicas and {policy.max_replicas} are the most: give services "
            "waypoints of their own, or raise the limit"
        )
