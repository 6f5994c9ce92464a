"""Sightings of all layers joined: from what a lab told, and each rule for itself."""

import pytest
from msgspec.structs import replace
from tests.lab.graph.recorded import APPS, KNOWN, at, counted, spans

from sidestep.lab.graph.calls import calls
from sidestep.lab.graph.joined import Known, joined
from sidestep.lab.graph.result import Mesh, Security
from sidestep.lab.graph.sightings import App, Layer, Sighting
from sidestep.lab.traces.spans import Span, SpanKind

L4, L7, APP = Layer.L4, Layer.L7, Layer.APPLICATION
WEB, CART, SHIP, DOCK, SHUT, LOG, WAYPOINT = (
    APPS[each] for each in ("shop/web", "shop/cart", "fleet/ship", "fleet/dock", "fleet/shut", "fleet/log", "fleet/waypoint")
)  # fmt: skip
RECORDED = {
    ("shop/cart", "shop/web"): ((L7, APP), Security.MTLS, ()),
    ("shop/web", "shop/cart"): ((L7, APP), Security.MTLS, ()),
    ("shop/web", "shop/db"): ((L4,), Security.MTLS, ()),
    ("fleet/dock", "fleet/ship"): ((L4, APP), Security.MTLS, ()),
    ("fleet/ship", "fleet/dock"): ((L4, L7, APP), Security.MTLS, ("fleet/waypoint",)),
    ("fleet/ship", "fleet/shut"): ((L4, L7, APP), Security.MTLS, ("fleet/waypoint",)),
    ("fleet/ship", "fleet/log"): ((L4,), Security.MTLS, ("fleet/waypoint",)),
    ("plain/task", "plain/job"): ((APP,), Security.UNKNOWN, ()),
    ("plain/job", "plain/task"): ((APP,), Security.UNKNOWN, ()),
}


def recorded(*, of_proxies=True, of_applications=True):
    told = calls(spans(), at, KNOWN.serving) if of_applications else ()
    return joined([*(counted() if of_proxies else ()), *told], KNOWN)


def shown(graph):
    return {(each.client, each.server): (each.seen, each.security, each.through) for each in graph.edges}


def edge(graph, client, server):
    return next(each for each in graph.edges if (each.client, each.server) == (str(client), str(server)))


def test_what_a_lab_told_is_one_graph_without_holes():
    found = recorded()
    assert shown(found) == RECORDED
    assert found.holes == ()
    assert "fleet/waypoint" not in {f"{each.namespace}/{each.name}" for each in found.nodes}


def test_without_proxies_applications_know_their_own_calls_and_without_those_proxies_know_theirs():
    alone = {pair: marks for pair, (marks, *_) in shown(recorded(of_proxies=False)).items()}
    assert alone == {pair: (APP,) for pair, (seen, *_) in RECORDED.items() if APP in seen}
    alone = {pair: marks for pair, (marks, *_) in shown(recorded(of_applications=False)).items()}
    expected = {pair: tuple(each for each in seen if each is not APP) for pair, (seen, *_) in RECORDED.items()}
    assert alone == {pair: seen for pair, seen in expected.items() if seen}


def test_a_refusal_at_the_waypoint_has_its_server_by_what_was_dialled():
    found = edge(recorded(), SHIP, SHUT)
    assert (found.requests, found.failed, found.calls, found.calls_failed) == (1, 1, 1, 1)


def seen(client, server, layer=L4, reporter="source", **more):
    return Sighting(client, server, layer, reporter, **{"count": 1, "secured": True, **more})


TO = seen(SHIP, WAYPOINT, host="dock.fleet.svc.cluster.local", count=5)
ON = seen(WAYPOINT, DOCK, reporter="destination", host="dock.fleet.svc.cluster.local", count=2)
TOLD = seen(SHIP, DOCK, L7, "waypoint", host="dock.fleet.svc.cluster.local", by=WAYPOINT, count=9)


def test_both_halves_and_what_the_waypoint_read_are_one_edge():
    graph = joined([TO, ON, TOLD], KNOWN)
    assert shown(graph) == {("fleet/ship", "fleet/dock"): ((L4, L7), Security.MTLS, ("fleet/waypoint",))}
    found = edge(graph, SHIP, DOCK)
    assert (found.connections, found.requests) == (5, 9)


def test_halves_of_bytes_are_put_together_by_what_was_dialled():
    other = seen(WAYPOINT, LOG, reporter="destination", host="log.fleet.svc.cluster.local")
    graph = joined([TO, ON, other, replace(TO, client=WEB, host="log.fleet.svc.cluster.local")], KNOWN)
    assert shown(graph).keys() == {("fleet/ship", "fleet/dock"), ("shop/web", "fleet/log")}
    assert graph.holes == ()


def test_several_clients_of_a_waypoint_share_the_way_behind_it():
    graph = joined([TO, ON, TOLD, replace(TO, client=WEB), replace(TOLD, client=WEB)], KNOWN)
    assert [each.reporter for each in edge(graph, WEB, DOCK).reports] == ["destination", "source", "waypoint"]
    assert edge(graph, WEB, DOCK).connections == 5


def test_connections_to_a_waypoint_that_leads_to_several_belong_to_none_of_them_alone():
    graph = joined([replace(TO, host=""), TOLD, replace(TOLD, server=LOG)], KNOWN)
    assert {each.connections for each in graph.edges} == {0}


@pytest.mark.parametrize(
    ("sighting", "pair", "hole"),
    [
        (TO, ("fleet/ship", "fleet/waypoint"), "fleet/ship reaches the waypoint fleet/waypoint, and nobody saw where that leads"),
        (ON, ("fleet/waypoint", "fleet/dock"), "the waypoint fleet/waypoint reaches fleet/dock, and nobody saw who asked for it"),
    ],
)  # fmt: skip
def test_half_an_edge_is_a_hole_that_is_said(sighting, pair, hole):
    graph = joined([sighting], KNOWN)
    assert (set(shown(graph)), graph.holes) == ({pair}, (hole,))


@pytest.mark.parametrize(
    ("told", "security"),
    [((True, True), Security.MTLS), ((True, None), Security.MTLS), ((False, None), Security.PLAIN), ((True, False), Security.PARTLY), ((None,), Security.UNKNOWN)],
)  # fmt: skip
def test_security_is_of_all_that_was_seen(told, security):
    reporters = ("source", "destination")
    found = [seen(WEB, CART, reporter=who, secured=each) for who, each in zip(reporters, told, strict=False)]
    assert joined(found, KNOWN).edges[0].security is security


def test_two_ends_of_one_call_are_counted_once():
    found = joined([seen(WEB, CART, L7, count=7), seen(WEB, CART, L7, "destination", count=6, failed=2)], KNOWN)
    assert (found.edges[0].requests, found.edges[0].failed) == (7, 2)


def test_whom_nobody_knows_is_named_by_what_was_dialled():
    graph = joined([seen(WEB, App(), L7, host="api.example.com"), seen(App(), CART, L7, "destination")], KNOWN)
    assert shown(graph).keys() == {("shop/web", "api.example.com"), ("unknown", "shop/cart")}
    assert {each.name: each.mesh for each in graph.nodes}["api.example.com"] == (Mesh.OUTSIDE,)


def test_a_pod_without_labels_is_known_by_both_of_its_names():
    alias = App("shop", "web-7c9")
    graph = joined([seen(alias, CART, APP, "application", secured=None)], replace(KNOWN, aliases={alias: WEB}))
    assert shown(graph).keys() == {("shop/web", "shop/cart")}


def test_an_application_of_both_kinds_says_so():
    known = Known({WEB: frozenset({Mesh.SIDECAR, Mesh.AMBIENT})})
    assert joined([seen(WEB, CART)], known).nodes[1].mesh == (Mesh.AMBIENT, Mesh.SIDECAR)


def test_nothing_seen_is_an_empty_graph():
    assert joined([seen(WEB, CART, count=0)], KNOWN).edges == ()


def test_what_an_application_got_from_a_waypoint_is_its_clients():
    """Who asked makes no spans: the waypoint's own is the first."""
    spans = [
        Span("t", "a", "ingress", SpanKind.SERVER, "waypoint.fleet", 0, 1, "gone", attributes={"component": "proxy"}),
        Span("t", "b", "egress", SpanKind.CLIENT, "waypoint.fleet", 0, 1, "a", attributes={"component": "proxy"}),
        Span("t", "c", "GET /", SpanKind.SERVER, "dock.fleet", 0, 1, "b"),
    ]
    graph = joined([TO, ON, TOLD, *calls(spans, at, KNOWN.serving)], KNOWN)
    assert shown(graph) == {("fleet/ship", "fleet/dock"): ((L4, L7, APP), Security.MTLS, ("fleet/waypoint",))}
    assert edge(graph, SHIP, DOCK).calls == 1
