"""Istio's metrics of requests, made of what pods' proxies write; read by Prometheus' own checker."""

import subprocess

import msgspec
import pytest
from tests.support.servers import server_binary

from sidestep.controlplane.describing import Answer, Named, Party
from sidestep.lab.metrics.exposition import exposition
from sidestep.lab.metrics.requested import LABELS, Requested, labels
from sidestep.lab.metrics.requests import decode, end

WEB, CART = (
    Party(name, "shop", name, "v1", f"spiffe://cluster.local/ns/shop/sa/{name}", "r", "z", {"cart.shop.svc.cluster.local": [8080]} if name == "cart" else {})
    for name in ("web", "cart")
)  # fmt: skip
SERVICE = Named("cart.shop.svc.cluster.local", "cart", "shop")
KNOWN = {
    "Kubernetes//Pod/shop/web-1": Answer(WEB), "Kubernetes//Pod/shop/cart-1": Answer(CART), "10.0.0.1": Answer(WEB), "10.0.0.2": Answer(CART),
    "cart.shop.svc.cluster.local": Answer(service=SERVICE), "fd00::2": Answer(CART), "cart": Answer(service=SERVICE), "Kubernetes//Pod/shop/waypoint-1": Answer(Party("waypoint")),
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
    return dict(zip(LABELS, labels(f"Kubernetes//Pod/shop/{proxy}-1", request, find), strict=True))


BOTH = {
    "source_workload": "web", "destination_workload": "cart", "destination_service": SERVICE.host, "destination_service_name": "cart",
    "destination_service_namespace": "shop", "response_code": "200", "request_protocol": "http", "source_principal": WEB.identity,
    "destination_principal": CART.identity, "source_app": "web", "destination_version": "v1", "destination_cluster": "Kubernetes", "grpc_response_status": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("proxy", "request_", "expected"),
    [
        ("web", line("source", source="10.0.0.1:5", cluster=CLUSTER, upstream="10.0.0.2:8080", server=CART.identity), {**BOTH, "connection_security_policy": "unknown"}),
        ("web", line("source", source="10.0.0.1:5", cluster=CLUSTER, upstream="envoy://connect_originate/[fd00::2]:8080"), BOTH),
        ("cart", line("destination", source="10.0.0.1:5", identity=WEB.identity, local="10.0.0.2:8080", authority="cart:80"), {**BOTH, "connection_security_policy": "mutual_tls"}),
        ("cart", line("destination", source="10.0.0.1:5", identity=WEB.identity, local="10.0.0.2:8080", authority="else.example"), BOTH),
        ("cart", line("destination", source="10.0.0.9:5", local="10.0.0.2:8080", code=403, flags="RBAC"),
         {"source_workload": "unknown", "source_principal": "unknown", "destination_principal": "unknown", "destination_workload": "cart", "response_code": "403",
          "response_flags": "RBAC", "connection_security_policy": "none", "destination_service_name": "cart"}),
        ("waypoint", line("waypoint", source="10.0.0.1:5", identity=WEB.identity, cluster="inbound-vip|80|http|cart.shop.svc.cluster.local", upstream="envoy://connect_originate/10.0.0.2:8080"),
         {**BOTH, "reporter": "waypoint", "connection_security_policy": "mutual_tls"}),
        ("web", line("source", cluster=CLUSTER, code=0, flags="DC", upstream=None), {"response_code": "0", "destination_workload": "unknown", "destination_service_name": "cart"}),
        ("web", line("source", cluster=CLUSTER, upstream="10.0.0.2:8080", type="application/grpc", grpc=14), {"request_protocol": "grpc", "grpc_response_status": "14"}),
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
