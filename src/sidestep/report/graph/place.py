"""How high each point stands: as near to its neighbours as the order of its column and the room between allow.

Within a column that is a regression under an order, which pooling neighbours that stand too close solves exactly
(Ayer et al., 1955); columns are gone through to and fro.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from sidestep.report.graph.order import Columns

_SWEEPS = 16
_BEND_WEIGHT = 4.0
"""Long arrows run straight before nodes stand in the middle of their neighbours."""


class _Block(Struct):
    """Points that stand as close as they may: their common offset, its weight and how many they are."""

    mean: float
    weight: float
    count: int


def heights(columns: Columns, size: int, room: Callable[[int], float]) -> dict[int, float]:
    """The middle of each point, the topmost at half its room.

    Args:
        columns: points in order.
        size: how many points are nodes.
        room: how high a point is, with the space around it.
    """
    around: dict[int, list[int]] = {}
    for left, right in columns.links:
        around.setdefault(left, []).append(right)
        around.setdefault(right, []).append(left)
    column_of = {point: index for index, column in enumerate(columns.points) for point in column}
    at = {point: height for column in columns.points for point, height in _stacked(column, room)}
    for sweep in range(_SWEEPS):
        order = columns.points if sweep % 2 == 0 else tuple(reversed(columns.points))
        step = -1 if sweep % 2 == 0 else 1
        for column in order:
            last = sweep >= _SWEEPS - 2
            wanted = [
                _wanted(
                    point,
                    at,
                    [each for each in around.get(point, ()) if last or column_of[each] - column_of[point] == step],
                )
                for point in column
            ]
            weights = [1.0 if point < size else _BEND_WEIGHT for point in column]
            at.update(zip(column, _spread([room(point) for point in column], wanted, weights), strict=True))
    top = min((height - room(point) / 2 for point, height in at.items()), default=0.0)
    return {point: height - top for point, height in at.items()}


def _stacked(column: Sequence[int], room: Callable[[int], float]) -> list[tuple[int, float]]:
    found, used = [], 0.0
    for point in column:
        found.append((point, used + room(point) / 2))
        used += room(point)
    return found


def _wanted(point: int, at: dict[int, float], neighbours: Sequence[int]) -> float:
    return sum(at[each] for each in neighbours) / len(neighbours) if neighbours else at[point]


def _spread(rooms: Sequence[float], wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Heights in order, each at least its room from the next, nearest to those wanted by the sum of squares."""
    offsets, used = [], 0.0
    for room in rooms:
        offsets.append(used + room / 2)
        used += room
    blocks: list[_Block] = []
    for want, offset, weight in zip(wanted, offsets, weights, strict=True):
        blocks.append(_Block(want - offset, weight, 1))
        while len(blocks) > 1 and blocks[-2].mean > blocks[-1].mean:
            last = blocks.pop()
            block = blocks[-1]
            total = block.weight + last.weight
            block.mean = (block.mean * block.weight + last.mean * last.weight) / total
            block.weight, block.count = total, block.count + last.count
    means = [block.mean for block in blocks for _ in range(block.count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
