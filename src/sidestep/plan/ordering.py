"""In which order workloads move: constraints by the call graph first, then what is cheap and quiet.

Source: istio-semantics.md §7.2 (4). A sidecar never asks a waypoint (istio#51445), so that whoever calls a server whose
policies move into a waypoint moves before it or with it; callers in a circle move together.
"""

from collections.abc import Mapping
from heapq import heapify, heappop, heappush

from msgspec import Struct

from sidestep.model.components import components
from sidestep.model.metadata import WorkloadRef


class Mover(Struct, frozen=True):
    """A workload that moves.

    Attributes:
        workload: its name.
        pods: how many are restarted.
        traffic: requests per second that it takes part in; 0 where not measured.
        owner: whose it is; empty where nothing says.
        guarded: its policies move into a waypoint.
    """

    workload: WorkloadRef
    pods: int
    traffic: float
    owner: str
    guarded: bool


class Unit(Struct, frozen=True):
    """Workloads that can only move together: one, or a circle of callers."""

    members: tuple[Mover, ...]

    @property
    def pods(self) -> int:
        """Of all of them."""
        return sum(member.pods for member in self.members)

    @property
    def rank(self) -> tuple[bool, float, int, str, tuple[WorkloadRef, ...]]:
        """Unguarded before guarded, quiet before busy, few before many, then by owner and name."""
        return (
            any(member.guarded for member in self.members),
            sum(member.traffic for member in self.members),
            self.pods,
            self.owner,
            tuple(member.workload for member in self.members),
        )

    @property
    def owner(self) -> str:
        """The common owner; empty where they differ."""
        owners = {member.owner for member in self.members}
        return next(iter(owners)) if len(owners) == 1 else ""

    @property
    def circular(self) -> bool:
        """Whether its members call each other in a circle."""
        return len(self.members) > 1


def units(movers: tuple[Mover, ...], before: Mapping[WorkloadRef, tuple[WorkloadRef, ...]]) -> tuple[Unit, ...]:
    """Units in an order that keeps every constraint; of those that may come next the cheapest and quietest first.

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
    waiting = [
        {at[other] for member in unit.members for other in edges[member.workload]} - {index}
        for index, unit in enumerate(found)
    ]
    followers: list[list[int]] = [[] for _ in found]
    for index, needed in enumerate(waiting):
        for other in needed:
            followers[other].append(index)
    ready = [(found[index].rank, index) for index, needed in enumerate(waiting) if not needed]
    heapify(ready)
    ordered = []
    while ready:
        _, index = heappop(ready)
        ordered.append(found[index])
        for follower in followers[index]:
            waiting[follower].discard(index)
            if not waiting[follower]:
                heappush(ready, (found[follower].rank, follower))
    return tuple(ordered)


def packed(ordered: tuple[Unit, ...], most_pods: int) -> tuple[tuple[Unit, ...], ...]:
    """Units into waves: one owner at a time, no more pods than asked, guarded ones apart from the rest.

    A unit larger than a wave gets one of its own.
    """
    waves: list[list[Unit]] = []
    for unit in ordered:
        last = waves[-1] if waves else None
        fits = (
            last is not None
            and sum(each.pods for each in last) + unit.pods <= most_pods
            and last[0].owner == unit.owner
            and last[0].rank[0] == unit.rank[0]
        )
        if fits and last is not None:
            last.append(unit)
        else:
            waves.append([unit])
    return tuple(tuple(wave) for wave in waves)
