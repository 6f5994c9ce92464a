"""Which services may not share a waypoint, and why: an outage or a slow authorizer of one is then not the others'."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import fsum

from sidestep.plan.waypoints.existing import ObjectName
from sidestep.plan.waypoints.needs import Terms, WaypointNeed


def reasons_to_stand_alone(needs: tuple[WaypointNeed, ...], terms: Terms) -> Mapping[ObjectName, str]:
    """Of services of one namespace, those that get their own waypoint, each with the reason as half a sentence."""
    main = main_owner(needs)
    whole = fsum(need.load.peak for need in needs if need.load.known)
    found: dict[ObjectName, str] = {}
    for need in needs:
        reason = _reason(need, main, whole, terms)
        if reason:
            found[need.key] = reason
    return found


def main_owner(needs: Iterable[WaypointNeed]) -> str:
    """Whose most of the services are, by their label; the first by name where several have as many."""
    counts = Counter(need.owner for need in needs if need.owner)
    return min(counts, key=lambda owner: (-counts[owner], owner), default="")


def _reason(need: WaypointNeed, main: str, whole: float, terms: Terms) -> str:
    if need.custom_authorization:
        return "an external authorizer (CUSTOM) delays its requests, which must not delay others"
    if need.owner and need.owner != main:
        return f"it belongs to {need.owner} and most of the namespace to {main}"
    peak = need.load.peak
    others = whole - peak > 0
    if need.load.known and others and _dominates(peak, whole, terms):
        return f"it has {peak / whole:.0%} of the namespace's requests"
    return ""


def _dominates(peak: float, whole: float, terms: Terms) -> bool:
    return peak > terms.dominant_share * whole and peak >= terms.dominant_requests_per_second
