"""A call that several proxies tell of is counted once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.model.call_graph import Callee, Caller, CallerRole, Evidence, call_graph
from sidestep.sources.calls.tally import Figure, Tally

WEB = Caller(CallerRole.WORKLOAD, "shop", "Deployment", "web")
CART = Callee("shop", "Deployment", "cart", "shop", "cart")
UNSERVED = Callee("shop", "Deployment", "cart")
API = Callee(host="api.acme.test")
R, B, C = Figure.REQUESTS, Figure.BYTES, Figure.CONNECTIONS


def told(*samples):
    tally = Tally()
    for caller, callee, teller, protocol, figures in samples:
        tally.add(caller, callee, teller, protocol, figures)
    return call_graph(tally.edges(Evidence.METRICS)).edges


def figures(edges):
    return [(e.protocol, e.requests_per_second, e.bytes_per_second, e.connections_per_second) for e in edges]


@pytest.mark.parametrize(
    ("tellers", "believed"),
    [
        ({"source": 1, "destination": 2, "waypoint": 3}, 2),
        ({"source": 1, "waypoint": 3}, 3),
        ({"source": 1}, 1),
        ({"other": 9, "source": 1}, 1),
        ({"other": 9}, 9),
    ],
)
def test_who_is_called_knows_best(tellers, believed):
    edges = told(*((WEB, CART, teller, "http", {R: value}) for teller, value in tellers.items()))
    assert figures(edges) == [("http", believed, None, None)]


def test_what_the_caller_alone_sees_is_kept():
    assert figures(told((WEB, API, "source", "http", {R: 4.0}))) == [("http", 4.0, None, None)]


def test_bytes_told_as_http_and_as_tcp_are_the_same_bytes():
    edges = told(
        (WEB, CART, "source", "http", {R: 4.0, B: 100.0}), (WEB, UNSERVED, "destination", "tcp", {B: 120.0, C: 1.0})
    )
    assert figures(edges) == [("http", 4.0, None, None), ("tcp", None, 120.0, 1.0)]
    assert {edge.target for edge in edges} == {CART}


def test_a_service_is_filled_in_only_where_one_is_told():
    other = Callee("shop", "Deployment", "cart", "shop", "cart-canary")
    edges = told(
        (WEB, CART, "source", "http", {R: 4.0}),
        (WEB, other, "source", "http", {R: 4.0}),
        (WEB, UNSERVED, "destination", "tcp", {R: 8.0}),
    )
    assert [edge.target for edge in edges] == [UNSERVED]


def test_protocols_and_services_of_one_teller_are_all_believed():
    edges = told((WEB, CART, "destination", "http", {B: 1.0}), (WEB, CART, "destination", "tcp", {B: 2.0}))
    assert figures(edges) == [("http", None, 1.0, None), ("tcp", None, 2.0, None)]


@given(
    st.lists(
        st.tuples(
            st.just(WEB),
            st.sampled_from([CART, UNSERVED, API]),
            st.sampled_from(["source", "destination", "waypoint"]),
            st.sampled_from(["http", "tcp"]),
            st.dictionaries(st.sampled_from(Figure), st.integers(1, 1000)),
        ),
        max_size=8,
    ),
    st.randoms(),
)
def test_the_order_of_samples_does_not_matter(samples, random):
    assert told(*random.sample(samples, len(samples))) == told(*samples)


def test_a_bound_on_pairs_is_told():
    tally = Tally(most=1)
    for name in ("a", "b", "a", "c"):
        tally.add(WEB, Callee(host=name), "source", "http", {R: 1})
    assert (len(list(tally.edges(Evidence.METRICS))), tally.left_out) == (1, 2)


def test_without_a_time_there_is_no_rate():
    tally = Tally()
    tally.add(WEB, CART, "source", "http", {R: 7})
    assert [edge.requests_per_second for edge in tally.edges(Evidence.ACCESS_LOG, None)] == [None]
    assert [edge.requests_per_second for edge in tally.edges(Evidence.ACCESS_LOG, 0.5)] == [3.5]
