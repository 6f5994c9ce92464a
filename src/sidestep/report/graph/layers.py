"""Which column each node stands in, so that calls run from left to right (after Sugiyama, Tagawa and Toda, 1981).

Cycles are broken by the order of Eades, Lin and Smyth (1993): first whom nobody calls, last who calls nobody,
and between them first who calls most compared with being called. A node stands as far to the left as those who call it
allow; who calls more than it is called moves up to whom it calls.
"""

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

from msgspec import Struct

from sidestep.model.components import components

Pair = tuple[int, int]


class Layers(Struct, frozen=True):
    """Columns, and what was turned round to have them.

    Attributes:
        column: of each node, from 0 on the left.
        turned: pairs that run from right to left, because they close a cycle.
    """

    column: tuple[int, ...]
    turned: frozenset[Pair]


def layers(size: int, pairs: Sequence[Pair]) -> Layers:
    """The columns of nodes 0 to `size` - 1; a pair of a node with itself counts for nothing."""
    pairs = [pair for pair in pairs if pair[0] != pair[1]]
    turned = _closing(size, pairs)
    straight = {(pair[1], pair[0]) if pair in turned else pair for pair in pairs}
    after: list[list[int]] = [[] for _ in range(size)]
    before: list[list[int]] = [[] for _ in range(size)]
    for source, target in sorted(straight):
        after[source].append(target)
        before[target].append(source)
    return Layers(tuple(_columns(after, before)), frozenset(turned))


def _columns(after: list[list[int]], before: list[list[int]]) -> list[int]:
    column = [0] * len(after)
    order = list(_topological(after, before))
    for node in order:
        column[node] = max((column[caller] + 1 for caller in before[node]), default=0)
    for node in reversed(order):
        if len(after[node]) > len(before[node]):
            column[node] = min(column[callee] for callee in after[node]) - 1
    return column


def _topological(after: list[list[int]], before: list[list[int]]) -> Iterator[int]:
    waiting = [len(callers) for callers in before]
    ready = [node for node, count in enumerate(waiting) if not count]
    for node in ready:
        yield node
        for callee in after[node]:
            waiting[callee] -= 1
            if not waiting[callee]:
                ready.append(callee)


def _closing(size: int, pairs: Sequence[Pair]) -> set[Pair]:
    """Pairs against the order, of those that are part of a cycle at all."""
    after: dict[int, list[int]] = {}
    for source, target in sorted(set(pairs)):
        after.setdefault(source, []).append(target)
    group = {node: at for at, component in enumerate(components(after)) for node in component}
    cyclic = {pair for pair in pairs if group[pair[0]] == group[pair[1]]}
    place = {node: at for at, node in enumerate(_Peeled(size, cyclic).order())}
    return {pair for pair in cyclic if place[pair[0]] > place[pair[1]]}


class _Peeled:
    """Takes nodes off a graph, from the left, from the right, and, where both are stuck in cycles, by their balance."""

    def __init__(self, size: int, pairs: set[Pair]) -> None:
        self._after: list[list[int]] = [[] for _ in range(size)]
        self._before: list[list[int]] = [[] for _ in range(size)]
        for source, target in sorted(pairs):
            self._after[source].append(target)
            self._before[target].append(source)
        self._calls = [len(each) for each in self._after]
        self._called = [len(each) for each in self._before]
        self._gone = [False] * size
        self._ends = [node for node in range(size) if not (self._calls[node] and self._called[node])]
        self._balances = [(self._called[node] - self._calls[node], node) for node in range(size)]
        heapify(self._balances)

    def order(self) -> list[int]:
        """All nodes, from left to right."""
        left: list[int] = []
        right: list[int] = []
        while True:
            for node in self._ends:
                if not self._gone[node]:
                    (left if self._calls[node] or not self._called[node] else right).append(node)
                    self._take(node)
            self._ends.clear()
            stuck = self._balanced()
            if stuck is None:
                return left + right[::-1]
            left.append(stuck)
            self._take(stuck)

    def _balanced(self) -> int | None:
        """The node that calls most compared with being called; figures that have changed since are passed over."""
        while self._balances:
            balance, node = heappop(self._balances)
            if not self._gone[node] and balance == self._called[node] - self._calls[node]:
                return node
        return None

    def _take(self, node: int) -> None:
        self._gone[node] = True
        for counts, others in ((self._called, self._after[node]), (self._calls, self._before[node])):
            for other in others:
                counts[other] -= 1
                if not self._gone[other]:
                    self._look(other)

    def _look(self, node: int) -> None:
        heappush(self._balances, (self._called[node] - self._calls[node], node))
        if not (self._calls[node] and self._called[node]):
            self._ends.append(node)
