"""Calls read off spans: past proxies, without them, and where a span is missing."""

from tests.lab.graph.recorded import APPS, KNOWN, at

from sidestep.lab.graph.calls import calls
from sidestep.lab.graph.sightings import App, Layer
from sidestep.lab.traces.spans import Span, SpanKind

WEB, CART = "web.shop", "cart.shop"
SERVER, CLIENT = SpanKind.SERVER, SpanKind.CLIENT


def span(name, kind, service, parent="", *, proxy=False, failed=False, address=""):
    told = {"component": "proxy"} if proxy else {"client.address": address} if address else {}
    what = "GET http://cart/" if kind is CLIENT else "GET /"
    return Span("t", name, what, kind, service, 0, 1, parent, failed, told)


def found(*spans):
    return [(str(each.client), str(each.server), each.count, each.failed) for each in calls(spans, at, KNOWN.serving)]


CALL = span("1", CLIENT, WEB)


def test_a_call_is_counted_once_whatever_is_between():
    direct = span("2", SERVER, CART, "1")
    through = [
        span("a", SERVER, WEB, "1", proxy=True), span("b", CLIENT, "waypoint.shop", "a", proxy=True), span("2", SERVER, CART, "b"),
    ]  # fmt: skip
    assert found(CALL, direct) == found(CALL, *through) == [("shop/web", "shop/cart", 1, 0)]


def test_without_the_clients_own_span_its_proxy_tells_who_it_is():
    chain = [
        span("a", SERVER, WEB, proxy=True), span("b", CLIENT, WEB, "a", proxy=True), span("c", SERVER, CART, "b", proxy=True),
        span("2", SERVER, CART, "c"),
    ]  # fmt: skip
    assert found(*chain) == [("shop/web", "shop/cart", 1, 0)]


def test_without_any_span_before_the_address_tells_unless_it_is_a_proxys():
    assert found(span("2", SERVER, CART, "gone", address="10.128.0.6:5")) == [("plain/job", "shop/cart", 1, 0)]
    assert found(span("2", SERVER, CART, "gone", address="127.0.0.6:5")) == []
    assert found(span("2", SERVER, CART, "gone", address="[fd00::9]:5")) == []
    assert found(span("2", SERVER, CART)) == []


def test_a_call_that_nobody_answered_has_its_server_by_name():
    assert found(span("1", CLIENT, WEB, failed=True)) == [("shop/web", "shop/cart", 1, 1)]
    outside = Span("t", "1", "GET http://api.example.com:8080/x", CLIENT, WEB, 0, 1)
    assert found(outside) == [("shop/web", "api.example.com", 1, 0)]


def test_a_call_that_failed_on_either_side_failed():
    assert found(span("1", CLIENT, WEB, failed=True), span("2", SERVER, CART, "1"))[0][3] == 1
    assert found(CALL, span("2", SERVER, CART, "1", failed=True))[0][3] == 1


def test_spans_in_a_circle_end():
    assert found(span("1", SERVER, WEB, "2", proxy=True), span("2", SERVER, WEB, "1", proxy=True)) == []


def test_names_without_a_namespace_are_kept():
    (call,) = calls([Span("t", "1", "GET http://x/", CLIENT, "batch", 0, 1)], at, KNOWN.serving)
    assert (call.client, call.server, call.layer) == (App("", "batch"), App("", "x"), Layer.APPLICATION)


def test_recorded_names_are_known():
    assert KNOWN.serving("cart.shop.svc.cluster.local") == APPS["shop/cart"]


def test_a_call_whose_proxies_tell_nothing_is_counted_once():
    """Their spans come seconds later, or go to a collector that is not the lab's."""
    late = span("2", SERVER, CART, "gone", address="10.128.16.2:5")
    redirected = span("2", SERVER, CART, "gone", address="127.0.0.6:5")
    half = [span("b", CLIENT, "waypoint.shop", "gone", proxy=True), span("2", SERVER, CART, "b")]
    assert found(CALL, late) == found(CALL, redirected) == found(CALL, *half) == [("shop/web", "shop/cart", 1, 0)]


def test_a_request_is_a_call_of_the_same_trace_during_which_it_was_answered():
    def call(name, host, start, end, trace="t"):
        return Span(trace, name, f"GET http://{host}/", CLIENT, WEB, start, end)

    def answer(service, start, end):
        return Span("t", "s", "GET /", SERVER, service, start, end, "gone")

    two = call("1", "db", 0, 5), call("2", "cart", 1, 6)
    assert sorted(found(*two, answer(CART, 2, 3))) == [("shop/web", "shop/cart", 1, 0), ("shop/web", "shop/db", 1, 0)]
    assert found(call("1", "shop.example.com", 0, 5), answer(CART, 2, 3)) == [("shop/web", "shop/cart", 1, 0)]
    for other in (call("1", "db", 0, 2), call("1", "db", 0, 5, "another")):
        assert found(other, answer(CART, 1, 3)) == [("shop/web", "shop/db", 1, 0)]
    nobodys = call("1", "a.example", 0, 5), call("2", "b.example", 0, 5)
    assert {server for _, server, *_ in found(*nobodys, answer(CART, 2, 3))} == {"a.example", "b.example"}
