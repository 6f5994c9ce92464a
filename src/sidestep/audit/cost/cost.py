"""All of the money: requested, used, realisable, and what ambient would cost instead."""

from collections import Counter
from collections.abc import Collection, Mapping

from msgspec import Struct

from sidestep.audit.cost.ambient import Ambient, cross_zone_monthly, report, survey
from sidestep.audit.cost.explain import Grounds, explain
from sidestep.audit.cost.rates import Rates, monthly, rates
from sidestep.audit.cost.realisable import Drained, drained
from sidestep.audit.facts import Facts, Group, Workload
from sidestep.audit.result import AmbientReport, Formula, Monthly, PriceReport, TotalMonthly, Used
from sidestep.model.kinds import NODE
from sidestep.model.metadata import WorkloadRef
from sidestep.model.prices import HOURS_PER_MONTH, PriceBook, Rate
from sidestep.model.quantity import Resources


class Costs(Struct, frozen=True):
    """Every figure, by what it is the price of."""

    workloads: Mapping[WorkloadRef, Monthly]
    namespaces: Mapping[str, Monthly]
    totals: TotalMonthly
    drained_nodes: tuple[str, ...] | None
    ambient: AmbientReport
    prices: PriceReport
    formulas: tuple[Formula, ...]


def cost(facts: Facts, book: PriceBook, use: Mapping[WorkloadRef, Used]) -> Costs:
    """Price everything.

    Args:
        facts: the mesh.
        book: prices.
        use: what was measured, by workload.
    """
    known = rates(facts.mesh, book)
    per_workload = {
        workload.ref: Monthly(_requested(workload, known), _used(workload, use.get(workload.ref), known))
        for workload in facts.workloads
    }
    ambient = survey(facts, known)
    freed = drained(facts.mesh, _sidecar_shapes(facts), ambient.added_per_node)
    cross_zone = _cross_zone(facts, ambient, known, book)
    totals = _totals(per_workload, freed, known)
    instead = report(ambient, known.average, cross_zone)
    return Costs(
        per_workload,
        _by_namespace(per_workload),
        totals,
        freed.then if freed else None,
        instead,
        PriceReport(book.currency, book.source, book.date, known.fallbacks),
        explain(Grounds(facts, ambient, known, freed, totals, instead)),
    )


def _requested(workload: Workload, known: Rates) -> float:
    return sum(_group_cost(group, known) for group in workload.groups if group.recognition.sidecar)


def _group_cost(group: Group, known: Rates) -> float:
    """Pods of a group ask for the same, each at the rate of its node."""
    if not group.pods:
        return monthly(known.average, group.requests.times(group.count))
    rate = _mean_rate(group, known)
    return monthly(rate, group.requests.times(group.count))


def _mean_rate(group: Group, known: Rates) -> Rate:
    """The mean over the nodes that the pods run on; nodes are few, so their pods are counted first."""
    counts = Counter([pod.node for pod in group.pods])
    rates = [(known.of(node), count) for node, count in counts.items()]
    total = len(group.pods)
    return Rate(
        sum(rate.vcpu_hour * count for rate, count in rates) / total,
        sum(rate.gib_hour * count for rate, count in rates) / total,
    )


def _used(workload: Workload, used: Used | None, known: Rates) -> float | None:
    if used is None:
        return None
    largest = next((group for group in workload.groups if group.recognition.sidecar and group.pods), None)
    rate = _mean_rate(largest, known) if largest else known.average
    return monthly(rate, Resources(round(used.cpu_millis), round(used.memory_bytes)))


def _sidecar_shapes(facts: Facts) -> dict[int, Resources]:
    return {id(group.shape): group.requests for _, group in facts.groups() if group.recognition.sidecar}


def _cross_zone(facts: Facts, ambient: Ambient, known: Rates, book: PriceBook) -> float | None:
    zones = {node.meta.labels.get("topology.kubernetes.io/zone") for node in facts.mesh.of(NODE)}
    clouds = {node.cloud for node in known.nodes.values()}
    price = max((book.cross_zone_gib.get(cloud, 0.0) for cloud in clouds), default=0.0)
    return cross_zone_monthly(facts, ambient, price, len(zones))


def _totals(per_workload: Mapping[WorkloadRef, Monthly], freed: Drained | None, known: Rates) -> TotalMonthly:
    whole = _sum(per_workload.values())
    realisable = None
    if freed is not None:
        realisable = sum(known.nodes[name].hourly for name in freed.then) * HOURS_PER_MONTH
    return TotalMonthly(whole.requested, whole.used, realisable)


def _by_namespace(per_workload: Mapping[WorkloadRef, Monthly]) -> dict[str, Monthly]:
    found: dict[str, list[Monthly]] = {}
    for ref, price in per_workload.items():
        found.setdefault(ref.namespace, []).append(price)
    return {namespace: _sum(prices) for namespace, prices in found.items()}


def _sum(prices: Collection[Monthly]) -> Monthly:
    measured = [price.used for price in prices if price.used is not None]
    return Monthly(sum(price.requested for price in prices), sum(measured) if measured else None)
