"""In which order workloads move: constraints by the call graph first, then what is cheap and quiet.

Source: istio-semantics.md §7.2 (4). A sidecar never asks a waypoint (istio#51445), so that whoever calls a server whose
policies move into a waypoint moves before it or with it; callers in a circle move together.
"""

from collections.abc import Mapping
from heapq import heappop, heappush

from msgspec import Struct

from sidestep.model.components import components
from sidestep.model.metadata import WorkloadRef

Group = tuple[bool, str, str]
"""Whether it moves after the rest, owner and namespace."""
_Rank = tuple[bool, float, int, tuple[WorkloadRef, ...]]


class Mover(Struct, frozen=True):
    """A workload that moves.

    Attributes:
        workload: its name.
        pods: how many are restarted.
        traffic: requests per second that it takes part in; 0 where not measured.
        owner: whose it is; empty where nothing says.
        guarded: its policies move into a waypoint.
        late: guarded, and who calls it was not measured: it moves after everybody who is not.
    """

    workload: WorkloadRef
    pods: int
    traffic: float
    owner: str
    guarded: bool
    late: bool = False


class Unit(Struct, frozen=True):
    """Workloads that can only move together: one, or a circle of callers."""

    members: tuple[Mover, ...]

    @property
    def pods(self) -> int:
        """Of all of them."""
        return sum(member.pods for member in self.members)

    @property
    def rank(self) -> _Rank:
        """Within a namespace: unguarded before guarded, quiet before busy, few before many, then by name."""
        return (
            any(member.guarded for member in self.members),
            sum(member.traffic for member in self.members),
            self.pods,
            tuple(member.workload for member in self.members),
        )

    @property
    def group(self) -> Group:
        """Whose it is, and its namespace; no namespace where its members are in several."""
        spaces = {member.workload.namespace for member in self.members}
        late = any(member.late for member in self.members)
        return late, self.owner, next(iter(spaces)) if len(spaces) == 1 else ""

    @property
    def owner(self) -> str:
        """The common owner; empty where they differ."""
        owners = {member.owner for member in self.members}
        return next(iter(owners)) if len(owners) == 1 else ""

    @property
    def circular(self) -> bool:
        """Whether its members call each other in a circle."""
        return len(self.members) > 1


def units(movers: tuple[Mover, ...], before: Mapping[WorkloadRef, tuple[WorkloadRef, ...]]) -> "Order":
    """Who can only move together, and which of them must wait for which.

    Args:
        movers: who moves.
        before: for a workload those that must have moved before it.
    """
    by_ref = {mover.workload: mover for mover in movers}
    edges = {
        ref: [other for other in before.get(ref, ()) if other in by_ref and other != ref] for ref in sorted(by_ref)
    }
    found = [Unit(tuple(by_ref[ref] for ref in sorted(group))) for group in components(edges)]
    at = {member.workload: index for index, unit in enumerate(found) for member in unit.members}
    needs = [
        frozenset(at[other] for member in unit.members for other in edges[member.workload]) - {index}
        for index, unit in enumerate(found)
    ]
    return Order(tuple(found), tuple(needs))


class Order(Struct, frozen=True):
    """Units, and for each the places of those that must have moved before it."""

    units: tuple[Unit, ...]
    needs: tuple[frozenset[int], ...]


def packed(order: Order, most_pods: int) -> tuple[tuple[Unit, ...], ...]:
    """Units into waves: every constraint kept, one owner at a time, namespace by namespace, the quietest first.

    Within a wave units are in an order that keeps the constraints too. One larger than a wave gets its own.
    """
    packing = _Packing(order, most_pods)
    while packing.ready:
        packing.open_wave()
    return tuple(tuple(wave) for wave in packing.waves)


class _Packing:
    """Which units may come next, by whose and where they are."""

    def __init__(self, order: Order, most_pods: int) -> None:
        self._order, self._most, self._free = order, most_pods, most_pods
        self._pods = [unit.pods for unit in order.units]
        self._waiting = [set(needs) for needs in order.needs]
        self._followers: list[list[int]] = [[] for _ in order.units]
        for index, needs in enumerate(order.needs):
            for other in needs:
                self._followers[other].append(index)
        self.ready: dict[Group, list[tuple[_Rank, int]]] = {}
        self._busy = _busyness(order.units)
        self.waves: list[list[Unit]] = []
        for index, needs in enumerate(order.needs):
            if not needs:
                self._make_ready(index)

    def open_wave(self) -> None:
        """Fill one wave."""
        wave: list[Unit] = []
        self._free = self._most
        group = min(self.ready, key=self._preference)
        while True:
            self._take(group, wave)
            others = [each for each in self.ready if each[:2] == group[:2] and self._fits(each)]
            if not others:
                break
            group = min(others, key=self._preference)
        self.waves.append(wave)

    def _preference(self, group: Group) -> tuple[bool, tuple[float, int], Group]:
        return group[0], self._busy[group], group

    def _take(self, group: Group, wave: list[Unit]) -> None:
        while group in self.ready and (not wave or self._fits(group)):
            _, index = heappop(self.ready[group])
            if not self.ready[group]:
                del self.ready[group]
            wave.append(self._order.units[index])
            self._free -= self._pods[index]
            for follower in self._followers[index]:
                self._waiting[follower].discard(index)
                if not self._waiting[follower]:
                    self._make_ready(follower)

    def _fits(self, group: Group) -> bool:
        _, index = self.ready[group][0]
        return self._pods[index] <= self._free

    def _make_ready(self, index: int) -> None:
        unit = self._order.units[index]
        heappush(self.ready.setdefault(unit.group, []), (unit.rank, index))


def _busyness(found: tuple[Unit, ...]) -> dict[Group, tuple[float, int]]:
    """Traffic and pods of each group."""
    totals: dict[Group, tuple[float, int]] = {}
    for unit in found:
        traffic, pods = totals.get(unit.group, (0.0, 0))
        totals[unit.group] = (traffic + sum(member.traffic for member in unit.members), pods + unit.pods)
    return totals
