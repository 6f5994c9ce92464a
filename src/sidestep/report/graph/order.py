"""In which order nodes stand in their columns, so that few arrows cross: barycentres, swept to and fro."""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from sidestep.report.graph.layers import Layers, Pair

_SWEEPS = 12


class Columns(Struct, frozen=True):
    """Points in their columns, from top to bottom.

    Attributes:
        points: of each column; numbers from the count of nodes on are bends of long arrows.
        links: pairs of points in neighbouring columns, left to right.
        routes: of each arrow, the points that it runs through, left to right.
    """

    points: tuple[tuple[int, ...], ...]
    links: tuple[Pair, ...]
    routes: Mapping[Pair, tuple[int, ...]]


def ordered(found: Layers, pairs: Sequence[Pair]) -> Columns:
    """Nodes and bends in order."""
    columns: list[list[int]] = [[] for _ in range(max(found.column, default=-1) + 1)]
    for node, column in enumerate(found.column):
        columns[column].append(node)
    routes = _routes(found, pairs, columns)
    links = tuple(sorted({link for route in routes.values() for link in pairwise(route)}))
    return Columns(tuple(map(tuple, _swept(columns, links))), links, routes)


def _routes(found: Layers, pairs: Sequence[Pair], columns: list[list[int]]) -> dict[Pair, tuple[int, ...]]:
    """Each arrow with a bend of its own in every column that it passes."""
    free = len(found.column)
    routes: dict[Pair, tuple[int, ...]] = {}
    for pair in sorted(set(pairs)):
        left, right = (pair[1], pair[0]) if pair in found.turned else pair
        if left == right:
            continue
        between = range(found.column[left] + 1, found.column[right])
        bends = tuple(range(free, free + len(between)))
        for column, bend in zip(between, bends, strict=True):
            columns[column].append(bend)
        free += len(bends)
        routes[pair] = (left, *bends, right)
    return routes


def _swept(columns: list[list[int]], links: Sequence[Pair]) -> list[list[int]]:
    """The order with the fewest crossings of all that sweeps come by."""
    after: dict[int, list[int]] = {}
    before: dict[int, list[int]] = {}
    for left, right in links:
        after.setdefault(left, []).append(right)
        before.setdefault(right, []).append(left)
    best, fewest = columns, _crossings(columns, after)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        columns = _sweep(columns, before if forward else after, forward=forward)
        crossings = _crossings(columns, after)
        if crossings < fewest:
            best, fewest = columns, crossings
    return best


def _sweep(columns: list[list[int]], neighbours: Mapping[int, list[int]], *, forward: bool) -> list[list[int]]:
    """Sort each column by the mean place of its points' neighbours in the one before."""
    found = list(columns)
    indexes = range(1, len(columns)) if forward else range(len(columns) - 2, -1, -1)
    for index in indexes:
        fixed = found[index - 1 if forward else index + 1]
        place = {point: at for at, point in enumerate(fixed)}
        scale = len(fixed) / max(1, len(found[index]))
        wanted = {
            point: _mean([place[each] for each in neighbours.get(point, ())], at * scale)
            for at, point in enumerate(found[index])
        }
        found[index] = sorted(found[index], key=wanted.__getitem__)
    return found


def _mean(places: Sequence[int], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _crossings(columns: Sequence[Sequence[int]], after: Mapping[int, list[int]]) -> int:
    """How many pairs of links cross."""
    count = 0
    for column, following in pairwise(columns):
        place = {point: at for at, point in enumerate(following)}
        seen: list[int] = []
        for point in column:
            ends = sorted(place[each] for each in after.get(point, ()))
            count += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return count
