"""What a waypoint costs in a month: its requests, and the traffic that its hop adds across zones."""

from collections.abc import Mapping

from msgspec import Struct

from sidestep.audit.cost.explain import Inputs
from sidestep.audit.cost.rates import GIB, Rates, monthly
from sidestep.audit.result import Formula
from sidestep.model.prices import HOURS_PER_MONTH, PriceBook, Rate
from sidestep.plan.waypoints.size import WaypointSize

ASSUMED_CROSS_ZONE_GIB = 0.01
"""OpenCost's default for traffic between zones (configs/default.json), USD: for nodes of no cloud that is known."""
_EVEN = "clients, endpoints and traffic are taken to be spread evenly over zones"
_UNKNOWN = "zones are not known: all traffic is taken to stay in one"
_SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600


class WaypointPrice(Struct, frozen=True, rename="camel"):
    """What a waypoint's requests cost per month of 730 hours.

    Attributes:
        monthly: with the replicas planned.
        at_most: with all that the autoscaler may add, all month.
        formulas: of both.
    """

    monthly: float
    at_most: float
    formulas: tuple[Formula, ...]


class CrossZonePrice(Struct, frozen=True, rename="camel"):
    """The price of a GiB that crosses zones; `assumed` says what was assumed for want of one."""

    per_gib: float
    assumed: str = ""


class CrossZone(Struct, frozen=True, rename="camel"):
    """What the hop over a waypoint adds to the traffic that crosses zones.

    Attributes:
        direct_share: of the bytes that cross without a waypoint, once.
        waypoint_share: crossings per byte with it: on the way to the waypoint, and on from there.
        gib_per_month: that the waypoint adds.
        monthly: what they cost.
        assumptions: what the shares and the price rest on.
        formulas: of shares and money.
    """

    direct_share: float
    waypoint_share: float
    gib_per_month: float
    monthly: float
    assumptions: tuple[str, ...]
    formulas: tuple[Formula, ...]


class Hop(Struct, frozen=True, rename="camel"):
    """Where a waypoint's replicas are, and how clients choose among them.

    Attributes:
        zones: of the nodes; 0 where nobody knows: then nothing is said to cross.
        replicas: of the waypoint, one in each zone as far as they go.
        near: clients prefer a replica in their zone: istiod writes PreferClose on the Service since 1.24.
        services_near: the services behind it prefer their zone too (`spec.trafficDistribution`).
    """

    zones: int
    replicas: int
    near: bool = True
    services_near: bool = False


def price(size: WaypointSize, rate: Rate) -> WaypointPrice:
    """The monthly price of a size."""
    one = monthly(rate, size.requests)
    inputs: Inputs = {
        "vCPU-hour": rate.vcpu_hour,
        "GiB-hour": rate.gib_hour,
        "vCPU of a replica": size.requests.cpu_millis / 1000,
        "GiB of a replica": round(size.requests.memory_bytes / GIB, 4),
        "replicas": size.replicas,
        "replicas at most": size.autoscaling.max_replicas,
    }
    planned, most = one * size.replicas, one * size.autoscaling.max_replicas
    words = "(vCPU * vCPU-hour + GiB * GiB-hour) * 730 h"
    formulas = (
        Formula("waypoint.monthly", f"replicas * {words}", inputs, planned),
        Formula("waypoint.monthlyAtMost", f"replicas at most * {words}", inputs, most),
    )
    return WaypointPrice(planned, most, formulas)


def cross_zone_price(book: PriceBook, rates: Rates) -> CrossZonePrice:
    """What a GiB across zones costs here: the dearest of the clouds of the nodes, or one price for all clouds."""
    clouds = sorted({node.cloud for node in rates.nodes.values()})
    known = [book.cross_zone_gib[cloud] for cloud in clouds if cloud in book.cross_zone_gib]
    everywhere = set(book.cross_zone_gib.values())
    if known or len(everywhere) == 1:
        return CrossZonePrice(max(known or everywhere))
    named = ", ".join(cloud for cloud in clouds if cloud) or "an unknown cloud"
    assumed = f"a GiB across zones of {named} is taken to cost {ASSUMED_CROSS_ZONE_GIB}, OpenCost's default"
    return CrossZonePrice(ASSUMED_CROSS_ZONE_GIB, assumed)


def cross_zone(bytes_per_second: float, hop: Hop, per_gib: CrossZonePrice) -> CrossZone:
    """What a waypoint's hop adds across zones.

    Args:
        bytes_per_second: of its services, both ways together.
        hop: where its replicas are.
        per_gib: the price.
    """
    elsewhere = _elsewhere(hop.zones)
    direct = 0.0 if hop.services_near else elsewhere
    through = _to_waypoint(hop, elsewhere) + direct
    gib = bytes_per_second * _SECONDS_PER_MONTH / GIB * (through - direct)
    inputs: Inputs = {
        "zones": hop.zones,
        "replicas": hop.replicas,
        "clients prefer their zone's replica": str(hop.near).lower(),
        "services prefer their zone": str(hop.services_near).lower(),
        "bytes per second": bytes_per_second,
        "price of a GiB": per_gib.per_gib,
    }
    return CrossZone(
        direct,
        through,
        gib,
        gib * per_gib.per_gib,
        tuple(filter(None, (_EVEN, "" if hop.zones else _UNKNOWN, per_gib.assumed))),
        _crossing_formulas(
            inputs, {"directShare": direct, "share": through, "gibPerMonth": gib}, gib * per_gib.per_gib
        ),
    )


def _elsewhere(zones: int) -> float:
    """The probability that one of two places chosen at random is in another zone."""
    return 1 - 1 / zones if zones > 1 else 0.0


def _to_waypoint(hop: Hop, elsewhere: float) -> float:
    """Clients whose zone has a replica stay, if they prefer so; the others leave it for certain."""
    if not hop.near or hop.zones <= 1:
        return elsewhere
    return 1 - min(hop.replicas, hop.zones) / hop.zones


def _crossing_formulas(inputs: Inputs, shares: Mapping[str, float], money: float) -> tuple[Formula, ...]:
    direct = "1 - 1 / zones; 0 where the services prefer their zone"
    through = (
        "to the waypoint: 1 - min(replicas, zones) / zones where clients prefer their zone, else 1 - 1 / zones; plus "
        "the direct share from there on"
    )
    added = "bytes per second * 730 h * 3600 / 2^30 * (share with the waypoint - direct share)"
    return (
        Formula("waypoint.crossZone.directShare", direct, inputs, shares["directShare"]),
        Formula("waypoint.crossZone.waypointShare", through, inputs, shares["share"]),
        Formula("waypoint.crossZone.gibPerMonth", added, inputs, shares["gibPerMonth"]),
        Formula("waypoint.crossZone.monthly", f"{added} * price of a GiB", inputs, money),
    )
