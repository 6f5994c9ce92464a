"""Strongly connected components (Tarjan, SIAM J. Comput. 1:2, 1972), without recursion: chains may be long."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

_NodeT = TypeVar("_NodeT", bound=Hashable)


def components(successors: Mapping[_NodeT, Iterable[_NodeT]]) -> list[tuple[_NodeT, ...]]:
    """The components of a directed graph, each after all those that it leads to.

    Args:
        successors: of each node, in the order in which they are to be visited; one that is no key has none.
    """
    search = _Search(successors)
    for node in successors:
        search.start(node)
    return search.found


class _Search(Generic[_NodeT]):
    """Tarjan's state: when each node was met, and how early a node each can get back to."""

    def __init__(self, successors: Mapping[_NodeT, Iterable[_NodeT]]) -> None:
        self._successors = successors
        self._met: dict[_NodeT, int] = {}
        self._earliest: dict[_NodeT, int] = {}
        self._open: list[_NodeT] = []
        self._is_open: set[_NodeT] = set()
        self.found: list[tuple[_NodeT, ...]] = []

    def start(self, root: _NodeT) -> None:
        """Visit everything that a node leads to and that was not met before."""
        if root in self._met:
            return
        path = [(root, self._enter(root))]
        while path:
            node, rest = path[-1]
            entered = self._step(node, rest)
            if entered is not None:
                path.append((entered, self._enter(entered)))
                continue
            path.pop()
            self._leave(node)
            if path:
                self._reach(path[-1][0], self._earliest[node])

    def _enter(self, node: _NodeT) -> Iterator[_NodeT]:
        self._met[node] = self._earliest[node] = len(self._met)
        self._open.append(node)
        self._is_open.add(node)
        return iter(self._successors.get(node, ()))

    def _step(self, node: _NodeT, rest: Iterator[_NodeT]) -> _NodeT | None:
        """The next successor that was not met yet; None when there is none left."""
        for successor in rest:
            if successor not in self._met:
                return successor
            if successor in self._is_open:
                self._reach(node, self._met[successor])
        return None

    def _reach(self, node: _NodeT, index: int) -> None:
        self._earliest[node] = min(self._earliest[node], index)

    def _leave(self, node: _NodeT) -> None:
        """A node that gets back to nothing earlier closes the component of all that is open above it."""
        if self._earliest[node] != self._met[node]:
            return
        component = [self._open.pop()]
        while component[-1] != node:
            component.append(self._open.pop())
        self._is_open.difference_update(component)
        self.found.append(tuple(component))
