"""Calls from a real Prometheus, and from servers that are none."""

import pytest
from msgspec.structs import replace
from tests.support.mesh import app, mesh, o, workload
from tests.support.prometheus import END, counter, prometheus, series
from tests.support.promql_stub import failure, speaking, vector

from sidestep.model.call_graph import CallerRole, Evidence
from sidestep.model.gaps import GapReason
from sidestep.sources.calls.prometheus import PrometheusCalls
from sidestep.sources.telemetry.access import checked_access

MINUTES = 120
FQDN = "cart.shop.svc.cluster.local"


def objects():
    made = app("web")
    made["spec"]["serviceAccountName"] = "web"
    return [
        *workload(made, "web"), *workload(app("cart"), "cart"), *workload(app("pay"), "pay", "bank"), o.service("cart", "shop"),
    ]  # fmt: skip


def labels(source="web", target="cart", reporter="destination", *, protocol="http", service=FQDN, **more):
    return {
        "reporter": reporter,
        "source_workload": source,
        "source_workload_namespace": "unknown" if source == "unknown" else "shop",
        "source_principal": "unknown",
        "destination_workload": target,
        "destination_workload_namespace": "unknown" if target == "unknown" else "shop",
        "destination_service": service,
        "destination_service_namespace": "shop",
        "request_protocol": protocol,
        **more,
    }


def http(rate, *args, response="200", **more):
    found = {**labels(*args, **more), "response_code": response}
    yield from series("istio_requests_total", found, counter(rate, MINUTES))
    yield from series("istio_request_bytes_sum", found, counter(10 * rate, MINUTES))
    yield from series("istio_response_bytes_sum", found, counter(90 * rate, MINUTES))


def tcp(rate, *args, **more):
    found = labels(*args, **{"protocol": "tcp", **more})
    yield from series("istio_tcp_connections_opened_total", found, counter(rate, MINUTES))
    yield from series("istio_tcp_sent_bytes_total", found, counter(900 * rate, MINUTES))
    yield from series("istio_tcp_received_bytes_total", found, counter(100 * rate, MINUTES))


def past():
    yield from http(2.0, "web", "cart", "destination")
    yield from http(1.0, "web", "cart", "destination", response="503")
    yield from http(4.0, "web", "cart", "source")
    yield from http(5.0, "cart", "web", "waypoint", service="web.shop.svc.cluster.local", protocol="grpc")
    yield from http(6.0, "cart", "web", "source", service="web.shop.svc.cluster.local", protocol="grpc")
    yield from http(0.5, "web", "unknown", "source", service="api.acme.test", destination_service_namespace="shop")
    yield from http(9.0, "web", "unknown", "source", service="BlackHoleCluster")
    yield from tcp(0.25, "gone", "cart", "source")
    yield from tcp(1.0, "unknown", "cart", source_principal="spiffe://cluster.local/ns/shop/sa/web")
    yield from tcp(1.5, "unknown", "cart", source_principal="spiffe://cluster.local/ns/far/sa/x")
    yield from tcp(
        2.0, "pay", "ledger", source_workload_namespace="bank", destination_workload_namespace="bank",
        service="ledger.bank.svc.cluster.local", destination_service_namespace="bank",
    )  # fmt: skip
    yield from http(0.0, "cart", "pay")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with prometheus(tmp_path_factory.mktemp("prometheus"), past()) as url:
        yield url


def read(url, found=None, **more):
    return PrometheusCalls(replace(checked_access(url), **more), "1h", END).read(found or mesh(*objects()))


def rounded(value):
    return None if value is None else round(value, 3)


def told(graph):
    """Caller, callee, protocol and rates."""
    return {
        (e.source.name or e.source.namespace or "?", e.target.name or e.target.host, e.protocol): tuple(
            map(rounded, (e.requests_per_second, e.bytes_per_second, e.connections_per_second))
        )
        for e in graph.edges
    }


@pytest.mark.real
@pytest.mark.xdist_group("prometheus")
class TestReal:
    def test_every_call_once_from_who_knows_best(self, url):
        graph = read(url)
        assert graph.gaps == ()
        assert told(graph) == {
            ("web", "cart", "http"): (3.0, 300.0, None),
            ("cart", "web", "grpc"): (5.0, 500.0, None),
            ("web", "api.acme.test", "http"): (0.5, 50.0, None),
            ("gone", "cart", "tcp"): (None, 250.0, 0.25),
            ("web", "cart", "tcp"): (None, 1000.0, 1.0),
            ("far", "cart", "tcp"): (None, 1500.0, 1.5),
            ("pay", "ledger", "tcp"): (None, 2000.0, 2.0),
        }
        assert {edge.evidence for edge in graph.edges} == {Evidence.METRICS}
        assert {edge.proofs for edge in graph.edges} == {(f"Prometheus {url}",)}

    def test_workloads_have_their_kind_and_services_their_name(self, url):
        edges = {(edge.source.name, edge.target.name): edge for edge in read(url).edges}
        cart = edges["web", "cart"]
        assert (cart.source.role, cart.source.kind) == (CallerRole.WORKLOAD, "Deployment")
        assert (cart.target.kind, cart.target.service_namespace, cart.target.service, cart.target.host) == (
            "Deployment", "shop", "cart", "",
        )  # fmt: skip
        assert edges["gone", "cart"].source.kind == ""
        api = edges["web", ""].target
        assert (api.service, api.service_namespace, api.host) == ("", "shop", "api.acme.test")

    def test_a_mesh_of_some_namespaces_asks_for_their_calls(self, url):
        found = mesh(*objects())
        bank = replace(found, source=replace(found.source, namespaces=("bank",)))
        assert set(told(read(url, bank))) == {("pay", "ledger", "tcp")}
        shop = replace(found, source=replace(found.source, namespaces=("shop", "nowhere")))
        assert set(told(read(url, shop))) == set(told(read(url))) - {("pay", "ledger", "tcp")}

    def test_no_series_is_a_gap(self, url):
        graph = read(url, labels=(("cluster", "none"),))
        assert not graph.edges
        assert [gap.reason for gap in graph.gaps] == [GapReason.ABSENT]


def test_asking_for_less_gives_the_same():
    sample = (labels(), "3")

    def strict(query):
        return (
            failure(422, "query processing would load too many samples")
            if "namespace=~" not in query
            else vector(sample)
        )

    with speaking(lambda _: vector(sample)) as generous, speaking(strict) as limited:
        whole, parts = read(generous), read(limited)
    assert told(whole) == told(parts) == {("web", "cart", "http"): (3.0, 12.0, 3.0)}
    assert not parts.gaps


def test_a_refused_metric_is_a_gap_and_the_rest_is_kept():
    def answer(query):
        return failure(422, "no") if "istio_requests_total" in query else vector((labels(protocol="tcp"), "2"))

    with speaking(answer) as url:
        graph = read(url)
    assert [gap.resource.split(" ")[0] for gap in graph.gaps] == ["istio_requests_total"]
    assert told(graph) == {("web", "cart", "tcp"): (None, 8.0, 2.0)}


@pytest.mark.parametrize("sample", [{}, {"reporter": "destination"}, {"source_workload": "\u2028", "foo": "bar"}])
def test_series_without_labels_are_calls_of_nobody_known(sample):
    with speaking(lambda _: vector((sample, "1"))) as url:
        graph = read(url)
    assert len(graph.edges) == 1
    assert graph.edges[0].target.workload is None
