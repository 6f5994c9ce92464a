"""How each figure came about: formula, inputs, value."""

from msgspec import Struct

from sidestep.audit.cost.ambient import AVAILABLE_REPLICAS, Ambient
from sidestep.audit.cost.rates import GIB, Rates
from sidestep.audit.cost.realisable import GROUP_MINIMUM, Drained
from sidestep.audit.facts import Facts
from sidestep.audit.result import AmbientReport, Formula, TotalMonthly
from sidestep.model.quantity import Resources

Inputs = dict[str, float | str]


class Grounds(Struct, frozen=True):
    """Everything that the figures were made of."""

    facts: Facts
    ambient: Ambient
    rates: Rates
    drained: Drained | None
    totals: TotalMonthly
    instead: AmbientReport


def explain(grounds: Grounds) -> tuple[Formula, ...]:
    """The formula of every figure; one for all workloads and namespaces, whose inputs stand in their rows."""
    return (*_sidecars(grounds), _realisable(grounds), *_ambient(grounds), _break_even(grounds))


def _sidecars(grounds: Grounds) -> tuple[Formula, ...]:
    rate = _rate(grounds.rates)
    measured = len(grounds.facts.telemetry.proxies)
    requested = "(vCPU requested * vCPU-hour + GiB requested * GiB-hour) * 730 h, each pod at the rate of its node"
    used = "as requested, with the 95th percentile of use over the window in place of requests"
    inputs: Inputs = {
        **rate,
        "sidecars": grounds.ambient.sidecars,
        **_resources("average sidecar", grounds.ambient.sidecar),
    }
    window: Inputs = {
        **rate,
        "window seconds": grounds.facts.telemetry.window_seconds,
        "workloads measured": measured,
        "telemetry": grounds.facts.telemetry.kind.value,
    }
    return (
        Formula("totals.monthly.requested", f"sum over workloads of {requested}", inputs, grounds.totals.requested),
        Formula("workloads[].monthly.requested", requested, rate, None),
        Formula("totals.monthly.used", f"sum over measured workloads: {used}", window, grounds.totals.used),
        Formula("workloads[].monthly.used", used, window, None),
    )


def _realisable(grounds: Grounds) -> Formula:
    found = grounds.drained
    inputs: Inputs = {
        "nodes": len(grounds.rates.nodes),
        "nodes that would drain today already": len(found.today) if found else "unknown",
        "nodes that would drain in addition": len(found.then) if found else "unknown",
        "minimum nodes kept per node group": GROUP_MINIMUM,
        **_resources("added per node", grounds.ambient.added_per_node),
    }
    words = (
        "price per hour of the nodes that drain once sidecars' requests vanish and ztunnel and istio-cni are added, "
        "less those that would drain today, * 730 h; a packing found greedily, so a lower bound"
    )
    return Formula("totals.monthly.realisable", words, inputs, grounds.totals.realisable)


def _ambient(grounds: Grounds) -> tuple[Formula, ...]:
    ambient, instead = grounds.ambient, grounds.instead
    per_node: Inputs = {
        **_rate(grounds.rates),
        "nodes": ambient.nodes,
        **_resources("ztunnel", ambient.ztunnel),
        **_resources("istio-cni", ambient.istio_cni),
        "installed waypoints per month": ambient.installed_waypoints,
    }
    waypoints: Inputs = {
        **per_node,
        "namespaces that use layer 7": len(ambient.layer7_namespaces),
        "replicas for each": AVAILABLE_REPLICAS,
        "replicas to add": ambient.missing_replicas,
        **_resources("waypoint", ambient.waypoint),
        "cross-zone traffic per month": "not measured"
        if instead.cross_zone_monthly is None
        else instead.cross_zone_monthly,
    }
    floor = "nodes * (ztunnel + istio-cni) * rate * 730 h + waypoints that run already"
    transition = instead.transition
    return (
        Formula("ambient.monthly.floor", floor, per_node, instead.monthly.floor),
        Formula(
            "ambient.monthly.highlyAvailable",
            "floor + replicas to add * waypoint * rate * 730 h + cross-zone traffic of the waypoint hop",
            waypoints,
            instead.monthly.highly_available,
        ),
        Formula(
            "ambient.transition.floor",
            "on top of today while both data planes run: what is not installed yet, per node",
            {**per_node, **_resources("added per node", ambient.added_per_node)},
            transition.floor if transition else None,
        ),
        Formula(
            "ambient.transition.highlyAvailable",
            "the same with highly available waypoints",
            waypoints,
            transition.highly_available if transition else None,
        ),
    )


def _break_even(grounds: Grounds) -> Formula:
    ambient = grounds.ambient
    inputs: Inputs = {
        **_rate(grounds.rates),
        **_resources("added per node", ambient.added_per_node),
        **_resources("average sidecar", ambient.sidecar),
        "sidecars per node here": "unknown" if (here := grounds.instead.sidecars_per_node) is None else here,
    }
    words = "price of what ambient adds to a node / price of an average sidecar"
    return Formula("ambient.breakEvenSidecarsPerNode", words, inputs, grounds.instead.break_even_sidecars_per_node)


def _rate(rates: Rates) -> Inputs:
    return {"vCPU-hour (average)": rates.average.vcpu_hour, "GiB-hour (average)": rates.average.gib_hour}


def _resources(what: str, resources: Resources) -> Inputs:
    return {f"{what} vCPU": resources.cpu_millis / 1000, f"{what} GiB": round(resources.memory_bytes / GIB, 4)}
