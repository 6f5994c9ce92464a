"""Istio's metrics of requests, made of what pods' proxies write; read by Prometheus' own checker."""

import subprocess

import msgspec
import pytest
from tests.support.servers import server_binary

from sidestep.controlplane.describing import Answer, Named, Party
from sidestep.lab.metrics.counting import LABELS as NODE_LABELS
from sidestep.lab.metrics.counting import OPENED_TOTAL, Series
from sidestep.lab.metrics.exposition import exposition
from sidestep.lab.metrics.labelled import LABELS, labels
from sidestep.lab.metrics.requested import Requested
from sidestep.lab.metrics.requests import decode, end

WEB, CART = (
    Party(name, "shop", name, "v1", f"spiffe://cluster.local/ns/shop/sa/{name}", "r", "z", {"cart.shop.svc.cluster.local": [8080]} if name == "cart" else {}, "sidecar",
          (f"{name}-app", "1"), (f"{name}-told", "2"))
    for name in ("web", "cart")
)  # fmt: skip
BEHIND, OUTSIDE = (
    Party("stock", "back", "stock", "v3", "spiffe://cluster.local/ns/back/sa/stock", mesh="ambient"),
    Named("api.example", "entry", "shop", entry=True),
)
SERVICE = Named("cart.shop.svc.cluster.local", "cart", "shop")
KNOWN = {
    "Kubernetes//Pod/shop/web-1": Answer(WEB), "Kubernetes//Pod/shop/cart-1": Answer(CART), "10.0.0.1": Answer(WEB), "10.0.0.2": Answer(CART),
    "cart.shop.svc.cluster.local": Answer(service=SERVICE), "fd00::2": Answer(CART), "cart": Answer(service=SERVICE), "Kubernetes//Pod/shop/waypoint-1": Answer(Party("waypoint", mesh="waypoint")),
    "10.0.0.3": Answer(BEHIND), "api.example": Answer(service=OUTSIDE), "Kubernetes//Pod/back/front-1": Answer(Party("front", "back", "front", mesh="gateway")),
}  # fmt: skip
CLUSTER = "outbound|80||cart.shop.svc.cluster.local"


def find(name):
    return KNOWN.get(name, Answer())


def line(reporter, **more):
    told = {
        "reporter": reporter,
        "code": 200,
        "flags": "-",
        "received": 10,
        "sent": 200,
        "duration": 7,
        "grpc": 2,
        "type": None,
        **more,
    }
    return decode(msgspec.json.encode(told))


def labelled(proxy, request):
    space = "back" if proxy == "front" else "shop"
    return dict(zip(LABELS, labels(f"Kubernetes//Pod/{space}/{proxy}-1", request, find), strict=True))


BOTH = {
    "source_workload": "web", "destination_workload": "cart", "destination_service": SERVICE.host, "destination_service_name": "cart",
    "destination_service_namespace": "shop", "response_code": "200", "request_protocol": "http", "source_principal": WEB.identity,
    "destination_principal": CART.identity, "destination_canonical_revision": "v1", "destination_cluster": "Kubernetes", "grpc_response_status": "",
}  # fmt: skip
SERVES = {"source_app": "web-told", "source_version": "2", "destination_app": "cart-app", "destination_version": "1"}
"""A pod's own proxy goes by the labels `app` and `version` alone; to others it tells those of Kubernetes first."""
ASKS = {"source_app": "web-app", "source_version": "1", "destination_app": "cart-told", "destination_version": "2"}


@pytest.mark.parametrize(
    ("proxy", "request_", "expected"),
    [
        ("web", line("source", source="10.0.0.1:5", cluster=CLUSTER, upstream="10.0.0.2:8080", server=CART.identity), {**BOTH, **ASKS, "connection_security_policy": "unknown"}),
        ("web", line("source", source="10.0.0.1:5", cluster=CLUSTER, upstream="envoy://connect_originate/[fd00::2]:8080"), {**BOTH, "source_principal": "unknown"}),
        ("web", line("source", cluster=CLUSTER, upstream="envoy://connect_originate/10.0.0.3:8080"),
         {"source_principal": "unknown", "destination_principal": BEHIND.identity, "destination_app": "stock", "destination_version": "v3", "destination_workload_namespace": "back"}),
        ("web", line("source", cluster="PassthroughCluster", route="allow_any", authority="api.other:81", upstream="192.0.2.1:81"),
         {"destination_service": "api.other:81", "destination_service_name": "PassthroughCluster", "destination_service_namespace": "unknown", "destination_workload": "unknown", "destination_canonical_revision": "latest"}),
        ("web", line("source", route="block_all", authority="api.other", code=502), {"destination_service": "api.other", "destination_service_name": "BlackHoleCluster"}),
        ("web", line("source", cluster="outbound|80||api.example", upstream="192.0.2.1:80"),
         {"destination_service": "api.example", "destination_service_name": "api.example", "destination_service_namespace": "shop"}),
        ("front", line("source", authority="nobody.example", code=404), {"source_workload": "front", "destination_service": "unknown", "destination_service_name": "unknown"}),
        ("cart", line("destination", source="10.0.0.1:5", identity=WEB.identity, local="10.0.0.2:8080", authority="cart:80"), {**BOTH, **SERVES, "connection_security_policy": "mutual_tls"}),
        ("cart", line("destination", source="10.0.0.1:5", identity=WEB.identity, local="10.0.0.2:8080", authority="else.example"), BOTH),
        ("cart", line("destination", source="10.0.0.3:5", tunnelled=BEHIND.identity, local="10.0.0.2:8080"), {"source_app": "stock", "source_version": "v3", "source_workload_namespace": "back"}),
        ("cart", line("destination", cluster="InboundPassthroughCluster", local="10.0.0.2:9999", authority="cart"),
         {"destination_service": "cart", "destination_service_name": "InboundPassthroughCluster", "destination_service_namespace": "shop", "source_canonical_revision": "latest"}),
        ("cart", line("destination", source="10.0.0.9:5", local="10.0.0.2:8080", code=403, flags="RBAC"),
         {"source_workload": "unknown", "source_principal": "unknown", "destination_principal": "unknown", "destination_workload": "cart", "response_code": "403",
          "response_flags": "RBAC", "connection_security_policy": "none", "destination_service_name": "cart"}),
        ("waypoint", line("waypoint", source="10.0.0.1:5", identity=WEB.identity, cluster="inbound-vip|80|http|cart.shop.svc.cluster.local", upstream="envoy://connect_originate/10.0.0.2:8080"),
         {**BOTH, "reporter": "waypoint", "connection_security_policy": "mutual_tls", "source_app": "web", "destination_version": "v1"}),
        ("waypoint", line("waypoint", source="10.0.0.1:5", identity=WEB.identity, cluster="inbound-vip|80|http|cart.shop.svc.cluster.local", authority="cart", code=503),
         {"destination_service_name": "cart", "destination_workload": "unknown", "destination_canonical_revision": "unknown"}),
        ("web", line("source", cluster=CLUSTER, code=0, flags="DC", upstream=None), {"response_code": "0", "destination_workload": "unknown", "destination_service_name": "cart"}),
        ("web", line("source", cluster=CLUSTER, upstream="10.0.0.2:8080", type="application/grpc+proto", grpc=14), {"request_protocol": "grpc", "grpc_response_status": "14"}),
        ("web", line("source", cluster=CLUSTER, upstream="10.0.0.2:8080", type="application/grpc-web", grpc=14), {"request_protocol": "http", "grpc_response_status": ""}),
    ],
)  # fmt: skip
def test_labels(proxy, request_, expected):
    assert expected.items() <= labelled(proxy, request_).items()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10.0.0.1:80", ("10.0.0.1", 80)), ("[fd00::1]:80", ("fd00::1", 80)), ("envoy://internal_client_address/", ("", 0)), (None, ("", 0)), ("-", ("", 0))],
)  # fmt: skip
def test_ends(text, expected):
    assert end(text) == expected


def counted():
    made = Requested()
    for duration in (1, 3, 40, 4_000_000):
        made.take(
            "Kubernetes//Pod/shop/web-1",
            line("source", cluster=CLUSTER, upstream="10.0.0.2:8080", duration=duration),
            find,
        )
    return made


@pytest.mark.parametrize(
    ("told", "expected"),
    [("1,3", {"istio_request_messages_total": 1, "istio_response_messages_total": 3}), (None, {}), ("-", {})],
)
def test_messages_of_calls_are_counted_by_who_and_not_by_what_became_of_them(told, expected):
    made = Requested()
    call = line("source", source="10.0.0.1:5", cluster=CLUSTER, type="application/grpc", grpc=5, messages=told)
    made.take("Kubernetes//Pod/shop/web-1", call, find)
    found = made.told().messages
    assert {name: number for (name, _), number in found.items()} == expected
    for _, of in found:
        named = dict(zip(LABELS, of.values, strict=True))
        assert (named["source_workload"], named["destination_service_name"]) == ("web", "cart")
        assert not {named[each] for each in ("request_protocol", "response_code", "response_flags")} - {""}


def test_distributions_are_cumulative():
    told = [each for each in exposition({}, counted().told()).splitlines() if "duration_milliseconds_bucket" in each]
    values = [int(each.rpartition(" ")[2]) for each in told]
    assert values == [0, 1, 2, 2, 2, 3, *[3] * 13, 4]
    assert 'le="+Inf"' in told[-1]


@pytest.mark.real
def test_prometheus_finds_nothing_but_that_istio_counts_milliseconds():
    text = exposition({}, counted().told())
    command = [server_binary("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert "istio_requests_total{" in text
    complaints = done.stderr.splitlines()
    assert len(complaints) == 1, complaints
    assert complaints[0].startswith("istio_request_duration_milliseconds use base unit"), complaints


OF_BYTES = {"source": "10.0.0.1:5", "local": "10.0.0.2:8080", "code": None, "received": 0, "sent": 0, "id": 7}
ENDED, LASTS, OPENED = "TcpConnectionEnd", "TcpPeriodic", "TcpUpstreamConnected"


def connections(*lines):
    """Numbers by the end of their metric's name, of each identity that was shown."""
    made = Requested()
    for each in lines:
        made.take("Kubernetes//Pod/shop/cart-1", each, find)
    shown = LABELS.index("source_principal")
    return {
        (name.removeprefix("istio_tcp_"), of.values[shown]): number
        for (name, of), number in made.told().connections.items()
        if number
    }


def of_bytes(moment, identity=WEB.identity, **more):
    return line("destination", **{**OF_BYTES, "message": moment, "identity": identity, **more})


def test_connections_are_counted_when_they_begin_while_they_last_and_when_they_end():
    begun = connections(of_bytes(OPENED))
    assert begun == {("connections_opened_total", WEB.identity): 1}
    lasting = connections(of_bytes(OPENED), of_bytes(LASTS, sent=5), of_bytes(LASTS, sent=8))
    assert lasting == {**begun, ("sent_bytes_total", WEB.identity): 8}
    ended = connections(of_bytes(OPENED), of_bytes(LASTS, sent=5), of_bytes(ENDED, sent=8, received=2))
    assert ended == {
        **lasting, ("received_bytes_total", WEB.identity): 2, ("connections_closed_total", WEB.identity): 1,
    }  # fmt: skip


def test_a_connection_whose_client_is_known_later_is_counted_once_and_as_that_clients():
    early = of_bytes(OPENED, None)
    assert connections(early) == {}
    for moment in (LASTS, ENDED):
        found = connections(early, of_bytes(moment))
        assert {who for _, who in found} == {WEB.identity}
        assert found["connections_opened_total", WEB.identity] == 1


def test_a_connection_that_never_was_has_failed():
    found = connections(of_bytes(ENDED, flags="UF"))
    assert {name: number for (name, _), number in found.items()} == {
        "connections_opened_total": 1, "connections_failed_total": 1, "connections_closed_total": 1,
    }  # fmt: skip


def test_a_request_in_a_tunnel_is_its_openers():
    told = labelled("cart", line("destination", source="10.0.0.1:5", tunnelled=WEB.identity, local="10.0.0.2:8080"))
    assert (told["source_principal"], told["connection_security_policy"]) == (WEB.identity, "mutual_tls")


def test_connections_of_pods_and_of_nodes_are_one_metric_for_prometheus():
    made = Requested()
    made.take("Kubernetes//Pod/shop/cart-1", of_bytes(OPENED), find)
    text = exposition({Series(OPENED_TOTAL, "node-1", ("x",) * len(NODE_LABELS)): 3}, made.told())
    assert text.count("# TYPE istio_tcp_connections_opened_total counter") == 1
    assert 'node="node-1"} 3' in text
    assert 'namespace="shop",pod="cart-1"} 1' in text
