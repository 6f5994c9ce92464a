"""What many partial views of a mesh know together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sidestep.model.call_graph import Callee, Caller, CallerRole, CallGraph, Edge, Evidence, call_graph, merge
from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.metadata import WorkloadRef

NAMES = ("cart", "pay", "web")
FIGURES = st.none() | st.floats(0, 1e6)


def deployment(name: str, namespace: str = "shop") -> WorkloadRef:
    return WorkloadRef(namespace, "Deployment", name)


def call(source: str, target: str, requests: float | None = None, **more) -> Edge:
    return Edge(
        Caller(CallerRole.WORKLOAD, "shop", "Deployment", source),
        Callee("shop", "Deployment", target, "shop", target),
        requests,
        **more,
    )


EDGES = st.builds(
    Edge,
    st.builds(Caller, st.sampled_from(CallerRole), st.just("shop"), st.just("Deployment"), st.sampled_from(NAMES)),
    st.builds(Callee, st.just("shop"), st.just("Deployment"), st.sampled_from(NAMES)),
    FIGURES,
    FIGURES,
    FIGURES,
    st.sampled_from(("", "http", "tcp")),
    st.sampled_from(Evidence),
    st.lists(st.sampled_from("abcdefgh"), max_size=8).map(tuple),
)
GRAPHS = st.builds(
    call_graph,
    st.lists(EDGES, max_size=12),
    st.lists(st.builds(Gap, st.sampled_from("xy"), st.sampled_from(GapReason)), max_size=2),
    st.lists(st.builds(Remark, st.sampled_from("xy"), st.sampled_from("mn")), max_size=2),
)


@given(st.lists(GRAPHS, max_size=5), st.randoms())
def test_a_merge_knows_no_order(graphs, random):
    shuffled = random.sample(graphs, len(graphs))
    assert merge(*shuffled) == merge(*graphs)


@given(GRAPHS, GRAPHS, GRAPHS)
def test_a_merge_may_be_made_in_steps_and_twice(one, two, three):
    assert merge(merge(one, two), three) == merge(one, merge(two, three))
    assert merge(one, one) == merge(one) == one


@given(st.lists(EDGES, max_size=12), st.randoms())
def test_a_graph_knows_no_order_of_its_edges(edges, random):
    assert call_graph(random.sample(edges, len(edges))) == call_graph(edges)


@given(GRAPHS)
def test_indexes_hold_every_edge_and_no_other(graph):
    into = [edge for ref in graph.workloads for edge in graph.edges_to(ref)]
    out = [edge for ref in graph.workloads for edge in graph.edges_from(ref)]
    assert len(into) == len(out) == len(graph.edges)
    assert set(into) == set(out) == set(graph.edges)


def test_a_measurement_is_not_made_better_by_a_guess():
    measured, guessed = call("web", "cart", 2.0, evidence=Evidence.METRICS, protocol="grpc"), call("web", "cart")
    assert merge(call_graph([guessed]), call_graph([measured])).edges == (measured,)


def test_a_guess_about_others_stays_beside_a_measurement():
    measured, guessed = call("web", "cart", 2.0, evidence=Evidence.METRICS), call("web", "pay")
    assert set(call_graph([guessed, measured]).edges) == {measured, guessed}


def test_two_views_of_the_same_calls_are_not_added_up():
    found = call_graph([call("web", "cart", 2.0, proofs=("b",)), call("web", "cart", 3.0, proofs=("a",))])
    assert [(edge.requests_per_second, edge.proofs) for edge in found.edges] == [(3.0, ("a", "b"))]


def test_what_was_not_measured_is_not_zero():
    found = call_graph([call("web", "cart"), call("web", "cart", 0.0)])
    assert found.edges[0].requests_per_second == 0.0
    assert found.edges[0].bytes_per_second is None


def test_protocols_between_the_same_two_are_kept_apart():
    found = call_graph([call("web", "cart", 1.0, protocol="http"), call("web", "cart", 2.0, protocol="grpc")])
    assert [edge.protocol for edge in found.edges] == ["grpc", "http"]
    assert [caller.name for caller in found.callers_of(deployment("cart"))] == ["web"]


def test_callers_and_callees():
    graph = call_graph([call("web", "cart"), call("pay", "cart"), call("web", "pay"), Edge(Caller(), Callee(host="x"))])
    assert [caller.name for caller in graph.callers_of(deployment("cart"))] == ["pay", "web"]
    assert [callee.name for callee in graph.callees_of(deployment("web"))] == ["cart", "pay"]
    assert graph.callers_of(deployment("nobody")) == graph.callees_of(deployment("nobody")) == ()
    assert graph.workloads == (deployment("cart"), deployment("pay"), deployment("web"))


def test_components_come_after_those_they_call():
    graph = call_graph([call("web", "cart"), call("cart", "pay"), call("pay", "cart"), call("pay", "db")])
    cart, db, pay, web = (deployment(name) for name in ("cart", "db", "pay", "web"))
    assert graph.components == ((db,), (cart, pay), (web,))
    assert graph.cycles == ((cart, pay),)


def test_calling_oneself_is_a_cycle():
    assert call_graph([call("cart", "cart")]).cycles == ((deployment("cart"),),)
    assert call_graph([call("web", "cart")]).cycles == ()


def test_a_kind_is_filled_in_where_only_one_workload_goes_by_the_name():
    nameless = Edge(Caller(CallerRole.WORKLOAD, "shop", "", "web"), Callee("shop", "", "cart"))
    known = [deployment("web"), deployment("cart"), WorkloadRef("shop", "DaemonSet", "cart")]
    (edge,) = call_graph([nameless]).resolved(known).edges
    assert (edge.source.kind, edge.target.kind) == ("Deployment", "")


def test_resolving_joins_what_turns_out_to_be_the_same():
    nameless = Edge(Caller(CallerRole.WORKLOAD, "shop", "", "web"), Callee("shop", "", "cart", "shop", "cart"))
    graph = call_graph([nameless, call("web", "cart", 4.0, evidence=Evidence.METRICS)])
    assert len(graph.edges) == 2
    assert graph.resolved([deployment("web"), deployment("cart")]).edges == (
        call("web", "cart", 4.0, evidence=Evidence.METRICS),
    )


def test_gateways_and_those_who_only_pass_calls_on():
    graph = call_graph([call("gw", "web"), call("web", "waypoint"), call("waypoint", "cart"), call("web", "cart")])
    known = graph.with_gateways([deployment("gw")]).without([deployment("waypoint")])
    assert [(edge.source.role, edge.source.name, edge.target.name) for edge in known.edges] == [
        (CallerRole.GATEWAY, "gw", "web"),
        (CallerRole.WORKLOAD, "web", "cart"),
    ]


@pytest.mark.parametrize("field", ["requests_per_second", "bytes_per_second", "connections_per_second"])
def test_each_figure_is_the_larger_of_two(field):
    one, other = (replace(call("web", "cart"), **{field: value}) for value in (7.0, 5.0))
    assert getattr(call_graph([other, one]).edges[0], field) == 7.0


def test_an_empty_graph_has_nothing():
    assert merge() == CallGraph()
    assert CallGraph().components == CallGraph().cycles == CallGraph().workloads == ()
