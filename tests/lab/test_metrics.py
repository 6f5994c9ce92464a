"""Metrics of the whole lab by ztunnel's names, from counted requests; read by Prometheus' own checker."""

import re

import pytest
from tests.support.labs import ambient, eventually, lab, workload
from tests.support.prometheus import complaints, scraping

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real
CALLS = 7
SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\d+)$")


@pytest.fixture(scope="module")
def shop():
    plain = workload("plain", "outside")
    with lab(ambient("shop"), *workload("web"), *workload("cart"), *plain) as made:
        for client, url in (("shop/web", "http://cart/"), ("outside/plain", "http://cart.shop/")):
            assert all(each.ok for each in load(made, client, url))
        yield made


def load(made, client, url):
    return [made.call(client, url)[0] for _ in range(CALLS)]


def samples(made):
    told = made.client.ask(api.Metrics())
    found = [SAMPLE.match(line) for line in told.splitlines() if not line.startswith("#")]
    return [
        (each[1], dict(re.findall(r'(\w+)="([^"]*)"', each[2])), int(each[3])) for each in found if each is not None
    ]


def total(made, name, **labels):
    return sum(value for each, has, value in samples(made) if each == name and labels.items() <= has.items())


IN_THE_MESH = {
    "source_workload": "web", "source_workload_namespace": "shop", "source_canonical_service": "web", "source_app": "web",
    "source_principal": "spiffe://cluster.local/ns/shop/sa/web", "source_cluster": "Kubernetes",
    "destination_service": "cart.shop.svc.cluster.local", "destination_service_name": "cart",
    "destination_service_namespace": "shop", "destination_workload": "cart", "destination_workload_namespace": "shop",
    "destination_principal": "spiffe://cluster.local/ns/shop/sa/cart", "request_protocol": "tcp", "response_flags": "-",
    "connection_security_policy": "mutual_tls",
}  # fmt: skip
PLAIN = {
    **IN_THE_MESH, "source_workload": "plain", "source_workload_namespace": "outside", "source_canonical_service": "plain",
    "source_app": "plain", "source_principal": "unknown", "connection_security_policy": "unknown",
}  # fmt: skip
REPORTED = [("source", IN_THE_MESH), ("destination", IN_THE_MESH), ("destination", PLAIN)]


@pytest.mark.parametrize(("reporter", "labels"), REPORTED, ids=["source", "destination", "plaintext"])
def test_every_connection_is_counted_by_who_saw_it(shop, reporter, labels):
    opened, closed = (f"istio_tcp_connections_{each}_total" for each in ("opened", "closed"))
    assert eventually(lambda: total(shop, closed, reporter=reporter, **labels) >= CALLS), samples(shop)
    assert total(shop, opened, reporter=reporter, **labels) == total(shop, closed, reporter=reporter, **labels) == CALLS
    assert total(shop, "istio_tcp_sent_bytes_total", reporter=reporter, **labels) > CALLS
    assert total(shop, "istio_tcp_received_bytes_total", reporter=reporter, **labels) > CALLS


def test_nothing_else_is_counted(shop):
    assert eventually(lambda: total(shop, "istio_tcp_connections_closed_total") >= 3 * CALLS), samples(shop)
    assert total(shop, "istio_tcp_connections_opened_total") == 3 * CALLS
    assert total(shop, "istio_tcp_connections_failed_total") == 0


def test_a_connection_that_fails_is_counted_by_its_client(shop):
    shop.apply(
        {
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": {"name": "nobody", "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": "cart"}}},
        }
    )
    assert eventually(lambda: not shop.call("shop/web", "http://cart/")[0].ok)
    failed = {**IN_THE_MESH, "response_flags": "CONNECT"}
    assert eventually(lambda: total(shop, "istio_tcp_connections_failed_total", reporter="source", **failed) > 0)
    assert total(shop, "istio_tcp_connections_failed_total", reporter="destination") == 0


def test_prometheus_finds_nothing_to_complain_of(shop):
    assert complaints(shop.client.ask(api.Metrics())) == ""


def test_a_prometheus_scrapes_them(shop, tmp_path):
    with scraping(tmp_path, lambda: shop.client.ask(api.Metrics())) as ask:
        query = 'istio_tcp_connections_opened_total{reporter="source",destination_service_name="cart"}'
        assert eventually(lambda: bool(ask(query)), 30)
        assert ask(query)[0]["source_workload"] == "web"


def test_connections_are_logged_with_ztunnels_fields(shop):
    line = shop.client.ask(api.Logs("access/node-1", 1))[0]
    for field in ("src.addr", "src.identity", "dst.addr", "direction", "bytes_sent", "bytes_recv", "duration", "error"):
        assert f'"{field}":' in line
