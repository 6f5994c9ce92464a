"""Columns, order and heights: what any graph may be sure of."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sidestep.model.components import components
from sidestep.report.graph.layers import layers
from sidestep.report.graph.order import _crossings, ordered
from sidestep.report.graph.place import _spread, heights

SIZE = 10
PAIRS = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)), max_size=25, unique=True)
ROOM = 10.0


@given(PAIRS)
def test_calls_run_to_the_right_but_those_turned(pairs):
    found = layers(SIZE, pairs)
    for source, target in pairs:
        if source != target:
            forward = found.column[source] < found.column[target]
            assert forward != ((source, target) in found.turned)
    assert min(found.column) == 0


@given(PAIRS)
def test_only_calls_inside_a_cycle_are_turned(pairs):
    after = {node: [target for source, target in pairs if source == node] for node in range(SIZE)}
    group = {node: at for at, component in enumerate(components(after)) for node in component}
    assert all(group[source] == group[target] for source, target in layers(SIZE, pairs).turned)


@given(PAIRS)
def test_points_keep_their_room_and_arrows_their_columns(pairs):
    columns = ordered(layers(SIZE, pairs), pairs)
    at = heights(columns, SIZE, lambda _: ROOM)
    for points in columns.points:
        assert all(at[lower] - at[upper] > ROOM - 1e-6 for upper, lower in pairwise(points))
    column = {point: index for index, points in enumerate(columns.points) for point in points}
    for route in columns.routes.values():
        assert [column[point] for point in route] == list(range(column[route[0]], column[route[-1]] + 1))
    assert min(at.values()) >= ROOM / 2 - 1e-6


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12, unique=True))
def test_crossings_are_counted_as_one_would_by_eye(links):
    after = {left: [10 + right for each, right in links if each == left] for left in range(7)}
    columns = [list(range(7)), list(range(10, 17))]
    by_eye = sum(a < c and b > d for a, b in links for c, d in links)
    assert _crossings(columns, after) == by_eye


def test_two_arrows_that_would_cross_are_put_right():
    columns = ordered(layers(4, [(0, 3), (1, 2)]), [(0, 3), (1, 2)])
    (first, second) = columns.points
    assert [first.index(0), first.index(1)] == [second.index(3), second.index(2)]


@given(st.lists(st.tuples(st.floats(1, 20), st.floats(-50, 50), st.floats(0.5, 4)), min_size=1, max_size=8))
def test_nothing_shifted_a_little_stands_nearer_to_what_was_wanted(rows):
    rooms, wanted, weights = (list(column) for column in zip(*rows, strict=True))
    found = _spread(rooms, wanted, weights)

    def far(places):
        return sum(weight * (place - want) ** 2 for place, want, weight in zip(places, wanted, weights, strict=True))

    assert all(
        lower - upper > (rooms[at] + rooms[at + 1]) / 2 - 1e-6 for at, (upper, lower) in enumerate(pairwise(found))
    )
    for step in (0.01, -0.01):
        assert far([place + step for place in found]) >= far(found) - 1e-9
