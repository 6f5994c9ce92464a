"""Services into as few shared waypoints as the blast radius allows: first fit, the busiest first."""

from msgspec import Struct

from sidestep.plan.waypoints.needs import Terms, WaypointNeed

Group = tuple[WaypointNeed, ...]


class _Bin(Struct):
    """A waypoint being filled."""

    members: list[WaypointNeed]
    requests: float

    def takes(self, need: WaypointNeed, terms: Terms) -> bool:
        """Whether one more service stays within the blast radius."""
        fits = self.requests + _requests(need, terms) <= terms.max_requests_per_second
        return fits and len(self.members) < terms.max_services


def pack(needs: tuple[WaypointNeed, ...], terms: Terms) -> tuple[Group, ...]:
    """Groups that share a waypoint each, services in the order of their names.

    A service that alone exceeds the requests that a shared waypoint may have stands alone.
    """
    bins: list[_Bin] = []
    for need in sorted(needs, key=lambda need: (-_requests(need, terms), need.key)):
        found = next((each for each in bins if each.takes(need, terms)), None)
        if found is None:
            bins.append(found := _Bin([], 0.0))
        found.members.append(need)
        found.requests += _requests(need, terms)
    groups = (tuple(sorted(each.members, key=lambda need: need.key)) for each in bins)
    return tuple(sorted(groups, key=lambda group: group[0].key))


def _requests(need: WaypointNeed, terms: Terms) -> float:
    assumed = terms.sizing.assumption.requests_per_second
    return need.load.peak if need.load.known else max(need.load.peak, assumed)
