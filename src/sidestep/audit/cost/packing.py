"""Which nodes would empty: a bin-packing that only ever returns what is feasible.

It works as a cluster autoscaler does: the emptiest nodes first, each emptied only if every pod that must move finds
room elsewhere. Room is sought best-fit. What it does not find may still exist, so the answer is a lower bound.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_TRIED_TARGETS = 12
_FAILURES_IN_A_ROW = 40

Key = int
"""Index of a class of pods that may stand in for each other."""


@dataclass(slots=True)
class Bin:
    """A node while packing: mutable, and thrown away with the packing.

    Attributes:
        name: of the node.
        cpu: free thousandths of a core; negative when overcommitted.
        memory: free bytes.
        slots: free pod slots.
        movable: how many pods of each class would have to move if the node went.
        pinned: the node cannot go (a pod that nobody may evict, a minimum of its group).
        group: node group, for minima; empty when it belongs to none.
        exclusive: workloads that keep others of their own off the node.
        capacity: for the order in which nodes are tried.
    """

    name: str
    cpu: int
    memory: int
    slots: int
    movable: dict[Key, int]
    pinned: bool = False
    group: str = ""
    exclusive: set[int] = field(default_factory=set)
    capacity: int = 1


@dataclass(frozen=True, slots=True)
class PodClass:
    """Pods that may stand in for each other.

    Attributes:
        cpu: thousandths of a core that one asks for.
        memory: bytes that one asks for.
        fits: whether a node's labels and taints let one on (by the node's name).
        exclusive: the workload that must not have two on one node; None where it may.
    """

    cpu: int
    memory: int
    fits: Callable[[str], bool]
    exclusive: int | None = None


def drain(bins: Sequence[Bin], classes: Sequence[PodClass], minimum: int) -> list[str]:
    """Empty as many nodes as possible; `bins` is left as the packing that proves it.

    Args:
        bins: all nodes; those that go are marked by an empty `movable` and `slots` of -1.
        classes: what the keys of `movable` mean.
        minimum: nodes that every group keeps.
    """
    return _Packing(bins, classes, minimum).run()


class _Packing:
    def __init__(self, bins: Sequence[Bin], classes: Sequence[PodClass], minimum: int) -> None:
        self._classes = classes
        self._bins = {bin_.name: bin_ for bin_ in bins}
        self._free = sorted((bin_.cpu, bin_.name) for bin_ in bins)
        self._left: dict[str, int] = {}
        self._minimum = minimum
        for bin_ in bins:
            self._left[bin_.group] = self._left.get(bin_.group, 0) + 1

    def run(self) -> list[str]:
        """Try nodes from the emptiest on, until many in a row could not be emptied."""
        drained: list[str] = []
        failures = 0
        for bin_ in sorted(self._bins.values(), key=self._weight):
            if bin_.pinned or self._left[bin_.group] <= self._minimum:
                continue
            if self._empty(bin_):
                drained.append(bin_.name)
                self._left[bin_.group] -= 1
                failures = 0
            else:
                failures += 1
                if failures >= _FAILURES_IN_A_ROW:
                    break
        return drained

    def _weight(self, bin_: Bin) -> tuple[float, str]:
        """The share of the node that would have to move."""
        moving = sum(self._classes[key].cpu * count for key, count in bin_.movable.items())
        return (moving / bin_.capacity, bin_.name)

    def _empty(self, source: Bin) -> bool:
        """Move every pod away, or none."""
        self._take_out(source)
        moves: list[tuple[Bin, Key]] = []
        order = sorted(source.movable.items(), key=lambda item: -self._classes[item[0]].cpu)
        for key, count in order:
            for _ in range(count):
                target = self._target(self._classes[key])
                if target is None:
                    self._undo(moves)
                    insort(self._free, (source.cpu, source.name))
                    return False
                self._put(target, key, 1)
                moves.append((target, key))
        source.movable, source.slots = {}, -1
        return True

    def _target(self, pod: PodClass) -> Bin | None:
        """The fullest node that still has room, among the first that have the CPU."""
        first = bisect_left(self._free, (pod.cpu, ""))
        for _, name in self._free[first : first + _TRIED_TARGETS]:
            candidate = self._bins[name]
            if self._has_room(candidate, pod):
                return candidate
        for _, name in self._free[: -_TRIED_TARGETS - 1 : -1]:
            candidate = self._bins[name]
            if candidate.cpu >= pod.cpu and self._has_room(candidate, pod):
                return candidate
        return None

    def _has_room(self, candidate: Bin, pod: PodClass) -> bool:
        return (
            candidate.memory >= pod.memory
            and candidate.slots > 0
            and pod.exclusive not in candidate.exclusive
            and pod.fits(candidate.name)
        )

    def _put(self, target: Bin, key: Key, count: int) -> None:
        pod = self._classes[key]
        self._take_out(target)
        target.cpu -= pod.cpu * count
        target.memory -= pod.memory * count
        target.slots -= count
        left = target.movable.get(key, 0) + count
        if left:
            target.movable[key] = left
        else:
            del target.movable[key]
        if pod.exclusive is not None:
            (target.exclusive.add if count > 0 else target.exclusive.discard)(pod.exclusive)
        insort(self._free, (target.cpu, target.name))

    def _undo(self, moves: list[tuple[Bin, Key]]) -> None:
        for target, key in reversed(moves):
            self._put(target, key, -1)

    def _take_out(self, bin_: Bin) -> None:
        del self._free[bisect_left(self._free, (bin_.cpu, bin_.name))]
