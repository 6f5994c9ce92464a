"""What ambient costs instead: a ztunnel and an istio-cni per node, waypoints where layer 7 is used.

Defaults are the charts' of Aug 2026: ztunnel 200m/512Mi, istio-cni 100m/100Mi, waypoint 100m/128Mi; what is installed
counts with its own requests.
"""

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from sidestep.audit.cost.rates import Rates, monthly
from sidestep.audit.facts import Facts, Group, Workload
from sidestep.audit.result import AmbientMonthly, AmbientReport, TransitionMonthly
from sidestep.model.kinds import NODE
from sidestep.model.prices import Rate
from sidestep.model.quantity import Resources
from sidestep.semantics.proxies import Role

ZTUNNEL = Resources(200, 512 * 2**20)
ISTIO_CNI = Resources(100, 100 * 2**20)
WAYPOINT = Resources(100, 128 * 2**20)
SIDECAR = Resources(100, 128 * 2**20)
AVAILABLE_REPLICAS = 2
_GIB = 2**30
_SECONDS_PER_MONTH = 730 * 3600


class Ambient(Struct, frozen=True):
    """What ambient needs of a cluster.

    Attributes:
        ztunnel: requests per node.
        istio_cni: requests per node.
        added_per_node: of both, what is not installed yet.
        nodes: nodes they run on.
        waypoint: requests of one replica.
        layer7_namespaces: namespaces with meshed pods that use layer 7.
        missing_replicas: waypoint replicas to add until each of them has two.
        installed_waypoints: what waypoints that run already request, per month.
        sidecar: average requests of a sidecar here, or the charts'.
        sidecars: how many.
    """

    ztunnel: Resources
    istio_cni: Resources
    added_per_node: Resources
    nodes: int
    waypoint: Resources
    layer7_namespaces: tuple[str, ...]
    missing_replicas: int
    installed_waypoints: float
    sidecar: Resources
    sidecars: int


def survey(facts: Facts, rates: Rates) -> Ambient:
    """What ambient needs here, and what of it is installed."""
    by_role = {role: list(_groups(facts, role)) for role in (Role.ZTUNNEL, Role.ISTIO_CNI, Role.WAYPOINT)}
    ztunnel, cni = _requests(by_role[Role.ZTUNNEL]), _container_requests(by_role[Role.ISTIO_CNI], "install-cni")
    spaces = tuple(sorted(_layer7_namespaces(facts)))
    replicas = Counter[str]()
    for workload, group in by_role[Role.WAYPOINT]:
        replicas[workload.ref.namespace] += group.count
    sidecars = [(group.requests, group.count) for _, group in facts.groups() if group.recognition.sidecar]
    count = sum(number for _, number in sidecars)
    added = Resources()
    if ztunnel is None:
        added += ZTUNNEL
    if cni is None:
        added += ISTIO_CNI
    return Ambient(
        ztunnel or ZTUNNEL,
        cni or ISTIO_CNI,
        added,
        len(facts.mesh.of(NODE)),
        WAYPOINT,
        spaces,
        sum(max(0, AVAILABLE_REPLICAS - replicas[space]) for space in spaces),
        sum(monthly(rates.average, group.requests.times(group.count)) for _, group in by_role[Role.WAYPOINT]),
        _mean(sidecars) if count else SIDECAR,
        count,
    )


def report(ambient: Ambient, rate: Rate, cross_zone: float | None) -> AmbientReport:
    """The figures of ambient, at an average rate."""
    if not ambient.nodes:
        return _without_nodes(ambient, rate, cross_zone)
    per_node = monthly(rate, ambient.ztunnel + ambient.istio_cni)
    floor = per_node * ambient.nodes + ambient.installed_waypoints
    waypoints = monthly(rate, ambient.waypoint) * ambient.missing_replicas
    added = monthly(rate, ambient.added_per_node) * ambient.nodes
    return AmbientReport(
        AmbientMonthly(floor, floor + waypoints + (cross_zone or 0)),
        break_even(ambient, rate),
        ambient.sidecars / ambient.nodes,
        TransitionMonthly(added, added + waypoints + (cross_zone or 0)),
        cross_zone,
        ambient.ztunnel,
        ambient.istio_cni,
        ambient.waypoint,
        len(ambient.layer7_namespaces),
    )


def _without_nodes(ambient: Ambient, rate: Rate, cross_zone: float | None) -> AmbientReport:
    """What can be said without knowing how many nodes there are."""
    return AmbientReport(
        AmbientMonthly(None, None),
        break_even(ambient, rate),
        None,
        TransitionMonthly(None, None),
        cross_zone,
        ambient.ztunnel,
        ambient.istio_cni,
        ambient.waypoint,
        len(ambient.layer7_namespaces),
    )


def break_even(ambient: Ambient, rate: Rate) -> float | None:
    """Sidecars per node from which ambient without waypoints is cheaper; what runs already is not counted again."""
    sidecar = monthly(rate, ambient.sidecar)
    return monthly(rate, ambient.added_per_node) / sidecar if sidecar else None


def cross_zone_monthly(facts: Facts, ambient: Ambient, price_per_gib: float, zones: int) -> float | None:
    """What the hop over a waypoint adds across zones; None where no traffic was measured.

    A waypoint adds a hop that leaves the zone with the probability of the other zones, on the way there and back.
    """
    measured = facts.telemetry.bytes_per_second
    if not measured or zones < 1:
        return None
    spaces = set(ambient.layer7_namespaces)
    rate = sum(value for ref, value in measured.items() if ref.namespace in spaces)
    return 2 * rate * _SECONDS_PER_MONTH / _GIB * (1 - 1 / zones) * price_per_gib


def _groups(facts: Facts, role: Role) -> Iterator[tuple[Workload, Group]]:
    return ((workload, group) for workload, group in facts.groups() if group.recognition.role is role and group.count)


def _requests(groups: list[tuple[Workload, Group]]) -> Resources | None:
    return groups[0][1].requests if groups else None


def _container_requests(groups: list[tuple[Workload, Group]], name: str) -> Resources | None:
    for _, group in groups:
        for container in group.shape.spec.containers or ():
            if container.name == name:
                return container.requests
    return None


def _layer7_namespaces(facts: Facts) -> Iterator[str]:
    for namespace, workloads in facts.by_namespace.items():
        meshed = any(w.sidecars or any(group.recognition.captured for group in w.groups) for w in workloads)
        if meshed and facts.layer7_uses(namespace):
            yield namespace


def _mean(weighted: list[tuple[Resources, int]]) -> Resources:
    count = sum(number for _, number in weighted)
    return Resources(
        sum(each.cpu_millis * number for each, number in weighted) // count,
        sum(each.memory_bytes * number for each, number in weighted) // count,
    )
