"""The packing only returns what is feasible, and is not far from the best on clusters small enough to try everything."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from sidestep.audit.cost.packing import Bin, PodClass, drain

ROOM = 4


@st.composite
def clusters(draw):
    """Some nodes of equal size with pods of a few kinds that fit on them."""
    kinds = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    nodes = []
    for _ in range(draw(st.integers(1, 5))):
        pods = draw(st.lists(st.integers(0, len(kinds) - 1), max_size=3))
        nodes.append([key for key in pods if kinds[key]][: ROOM // max(kinds)])
    pinned = draw(st.sets(st.integers(0, len(nodes) - 1), max_size=2))
    return kinds, nodes, pinned


def bins_of(kinds, nodes, pinned):
    made = []
    for number, pods in enumerate(nodes):
        free = ROOM - sum(kinds[key] for key in pods)
        movable = {key: pods.count(key) for key in set(pods)}
        made.append(Bin(f"n{number}", free, free, 10 - len(pods), movable, pinned=number in pinned, capacity=ROOM))
    return made


def classes_of(kinds):
    return [PodClass(size, size, lambda _: True) for size in kinds]


@given(clusters())
def test_what_is_returned_is_a_packing(cluster):
    kinds, nodes, pinned = cluster
    bins = bins_of(kinds, nodes, pinned)
    gone = set(drain(bins, classes_of(kinds), 0))
    assert not gone & {f"n{number}" for number in pinned}
    placed: list[int] = []
    for bin_ in bins:
        if bin_.name in gone:
            assert bin_.movable == {}
            continue
        load = sum(kinds[key] * count for key, count in bin_.movable.items())
        assert load <= ROOM
        assert bin_.cpu == bin_.memory == ROOM - load
        placed += [key for key, count in bin_.movable.items() for _ in range(count)]
    assert sorted(placed) == sorted(key for pods in nodes for key in pods)


@given(clusters())
def test_it_never_promises_more_than_there_is(cluster):
    kinds, nodes, pinned = cluster
    found = len(drain(bins_of(kinds, nodes, pinned), classes_of(kinds), 0))
    pods = sorted((kinds[key] for node in nodes for key in node), reverse=True)
    best = 0
    for count in range(len(nodes) + 1):
        for chosen in combinations(range(len(nodes)), count):
            if not set(chosen) & pinned and _fits(pods, len(nodes) - count):
                best = max(best, count)
    assert found <= best


def _fits(pods, count):
    """Whether pods can be packed from scratch into `count` nodes: what no packing can beat."""
    if not pods:
        return True
    return _place(pods, [ROOM] * count)


def _place(pods, free):
    if not pods:
        return True
    return any(
        _place(pods[1:], [*free[:index], room - pods[0], *free[index + 1 :]])
        for index, room in enumerate(free)
        if room >= pods[0] and room not in free[:index]
    )


def simple(*loads, **how):
    """Nodes with one pod each of a load."""
    classes = [PodClass(load, load, how.get("fits", lambda _: True)) for load in loads]
    bins = [Bin(f"n{i}", ROOM - load, ROOM - load, 10, {i: 1}, capacity=ROOM) for i, load in enumerate(loads)]
    return bins, classes


def test_two_halves_make_one():
    assert len(drain(*simple(2, 2), 0)) == 1


def test_an_empty_node_goes():
    bins, classes = simple(2)
    assert drain([*bins, Bin("empty", ROOM, ROOM, 10, {})], classes, 0) == ["empty"]


def test_the_minimum_of_a_group_stays():
    assert drain(*simple(1), 1) == []
    bins, classes = simple(1, 1)
    for bin_ in bins:
        bin_.group = bin_.name
    assert drain(bins, classes, 1) == []


def test_memory_and_slots_bind_too():
    bins, classes = simple(1, 1)
    for bin_ in bins:
        bin_.memory = 0
    assert drain(bins, classes, 0) == []
    bins, classes = simple(1, 1)
    for bin_ in bins:
        bin_.slots = 0
    assert drain(bins, classes, 0) == []


def test_nodes_that_do_not_fit_are_no_target():
    assert drain(*simple(1, 1, fits=lambda name: name == "elsewhere"), 0) == []


def test_pods_that_keep_apart_do_not_share_a_node():
    classes = [PodClass(1, 1, lambda _: True, exclusive=7)] * 2
    bins = [Bin(f"n{i}", 3, 3, 10, {i: 1}, exclusive={7}, capacity=ROOM) for i in range(2)]
    assert drain(bins, classes, 0) == []


def test_a_failed_attempt_leaves_everything_as_it_was():
    bins, classes = simple(3, 3)
    assert drain(bins, classes, 0) == []
    assert [(bin_.cpu, bin_.movable) for bin_ in bins] == [(1, {0: 1}), (1, {1: 1})]
