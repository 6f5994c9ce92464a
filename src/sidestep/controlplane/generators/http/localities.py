"""Whom a proxy prefers by where they are, and what share of its requests each place gets.

Source: pilot/pkg/networking/core/loadbalancer/loadbalancer.go: a DestinationRule's own setting replaces what the
service asks for, and that replaces the mesh's; without outlier detection nobody is behind anybody, but for what a
service asks for itself.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil

from sidestep.controlplane.generators.http.destinations import Destination, Dialler
from sidestep.controlplane.generators.http.remarks import Fields
from sidestep.controlplane.generators.node.endpoints import same
from sidestep.controlplane.records import Locality, Preference, Scope, Service, Workload

_OTHER_REGION = 3
_RANKS = 5


class Nearness:
    """What counts for one cluster.

    Args:
        to: where it leads to.
        settings: its `trafficPolicy`.
        service: behind it; None where nobody knows.
    """

    def __init__(self, to: Destination, settings: Fields, service: Service | None) -> None:
        own = settings.under("loadBalancer")
        said = own.has("localityLbSetting")
        self._asked = service is not None and service.mode is Preference.FAILOVER and not said
        self._service = service
        near = own.under("localityLbSetting") if said else Fields(to.places, None, "localityLbSetting", [])
        self._off = near.flag("enabled") is False
        self._near = Fields({}, None, "", []) if self._off else near
        self._watched = settings.has("outlierDetection")

    @property
    def weighted(self) -> bool:
        """Whether the cluster goes by weights of places; then each must have one."""
        return bool(self._near.each("distribute"))

    @property
    def counts(self) -> bool:
        """Whether it makes a difference where the proxy runs."""
        return self._asked or self.weighted or (self._watched and not self._off)

    def rank(self, workload: Workload, dialler: Dialler) -> int:
        """How many others come first."""
        if self._asked and self._service is not None:
            return _behind([_same(scope, workload, dialler) for scope in self._service.preferences])
        if not self.counts or self.weighted:
            return 0
        wanted = self._near.texts("failoverPriority")
        if not wanted:
            return self._by_place(workload, dialler)
        rank = _by_labels(wanted, workload, dialler)
        return rank * _RANKS + self._by_place(workload, dialler) if self._near.has("failover") else rank

    def shares(self, own: Locality, endpoints: Mapping[Locality, int]) -> Mapping[Locality, int]:
        """Weights of places, of which those that are not in it get nothing.

        Args:
            own: where the proxy runs.
            endpoints: how many there are at each place.
        """
        for each in () if self._asked else self._near.each("distribute"):
            if _within(own, each.text("from")):
                return _shared(each.under("to"), endpoints)
        return endpoints

    def _by_place(self, workload: Workload, dialler: Dialler) -> int:
        own, other = dialler.locality, workload.locality
        rank = _behind([own.region == other.region, own.zone == other.zone, own.subzone == other.subzone])
        return rank if rank < _OTHER_REGION else rank + self._after(own.region, other.region)

    def _after(self, own: str, other: str) -> int:
        """Regions that are not named as the one to go to come after the one that is."""
        named = next((each.text("to") for each in self._near.each("failover") if each.text("from") == own), "")
        return int(bool(named) and other != named)


def _shared(wanted: Fields, endpoints: Mapping[Locality, int]) -> dict[Locality, int]:
    """Each share is that of all places together that its pattern covers, by how many endpoints they have."""
    found: dict[Locality, int] = {}
    for pattern in wanted.tree:
        share = wanted.whole(pattern, 0, 100) or 0
        covered = [each for each in endpoints if each not in found and _within(each, pattern)]
        total = sum(endpoints[each] for each in covered)
        found.update({each: ceil(endpoints[each] * share / total) for each in covered if share})
    return found


def _within(locality: Locality, pattern: str) -> bool:
    """Whether a place is covered by `region/zone/subzone`, of which the rest may be a star or missing."""
    parts = (locality.region, locality.zone, locality.subzone)
    wanted = [part for part in pattern.split("/") if part]
    return all(part in ("*", own) for part, own in zip(wanted, parts, strict=False))


def left_out(service: Service, workload: Workload, dialler: Dialler) -> bool:
    """Whether a service keeps to places in which this endpoint is not."""
    if service.mode is not Preference.STRICT:
        return False
    return not all(_same(scope, workload, dialler) for scope in service.preferences)


def _behind(agreed: Sequence[bool]) -> int:
    """What is left of a list of preferences from the first that does not agree."""
    return len(agreed) - (agreed.index(False) if False in agreed else len(agreed))


def _by_labels(wanted: Sequence[str], workload: Workload, dialler: Dialler) -> int:
    """By labels of pods, `key` for the client's own value or `key=value`."""
    agreed = []
    for each in wanted:
        key, told, value = each.partition("=")
        own = _PLACES[key](dialler) if key in _PLACES else dialler.labels.get(key, "")
        there = _PLACES[key](workload) if key in _PLACES else workload.labels.get(key, "")
        agreed.append(there == (value if told else own))
    return _behind(agreed)


def _same(scope: Scope, workload: Workload, dialler: Dialler) -> bool:
    return same(scope, workload, dialler.locality, dialler.node)


_PLACES: Mapping[str, Callable[[Dialler | Workload], str]] = {
    "topology.kubernetes.io/region": lambda who: who.locality.region,
    "topology.kubernetes.io/zone": lambda who: who.locality.zone,
    "topology.istio.io/subzone": lambda who: who.locality.subzone,
    "kubernetes.io/hostname": lambda who: who.node,
}
