"""Strongly connected components: right on any graph, and without recursion."""

from hypothesis import given
from hypothesis import strategies as st

from sidestep.model.components import components

NODES = st.integers(0, 12)
GRAPHS = st.dictionaries(NODES, st.lists(NODES, max_size=5), max_size=13)


def reachable(graph: dict[int, list[int]], start: int) -> set[int]:
    found, todo = {start}, [start]
    while todo:
        for successor in graph.get(todo.pop(), []):
            if successor not in found:
                found.add(successor)
                todo.append(successor)
    return found


@given(GRAPHS)
def test_two_are_together_exactly_when_each_leads_to_the_other(graph):
    nodes = {*graph, *(node for successors in graph.values() for node in successors)}
    found = [set(component) for component in components(graph)]
    assert sorted(node for component in found for node in component) == sorted(nodes)
    reach = {node: reachable(graph, node) for node in nodes}
    for component in found:
        for node in component:
            assert component == {other for other in reach[node] if node in reach[other]}


@given(GRAPHS)
def test_a_component_comes_after_all_it_leads_to(graph):
    at = {node: index for index, component in enumerate(components(graph)) for node in component}
    assert all(at[successor] <= at[node] for node, successors in graph.items() for successor in successors)


def test_a_chain_of_ten_thousand_and_back():
    chain = {node: [node + 1] for node in range(10_000)}
    assert [component for (component,) in components(chain)] == list(range(10_000, -1, -1))
    (ring,) = components(chain | {10_000: [0]})
    assert len(ring) == 10_001


def test_ten_thousand_nodes_that_call_a_hundred_each():
    size = 10_000
    forward = {node: [(node * 7 + step) % size for step in range(1, 101)] for node in range(size)}
    assert sorted(node for component in components(forward) for node in component) == list(range(size))


def test_many_rings_side_by_side():
    rings = {node: [node + 1 if node % 2 == 0 else node - 1] for node in range(20_000)}
    assert {len(component) for component in components(rings)} == {2}
