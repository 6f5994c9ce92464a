"""Measurements from a real Prometheus: figures that one can work out by hand."""

import pytest
from tests.support.prometheus import END, counter, prometheus, series, steady

from sidestep.model.mesh import SourceInfo, SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.model.origin import FileOrigin
from sidestep.model.telemetry import TelemetryKind
from sidestep.sources.objects.builder import MeshBuilder
from sidestep.sources.telemetry.prometheus import PrometheusSource

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("prometheus")]

MINUTES = 120
MIB = 2**20
CART = WorkloadRef("shop", "Deployment", "cart")
ZTUNNEL = WorkloadRef("istio-system", "DaemonSet", "ztunnel")
WAYPOINT = WorkloadRef("shop", "Deployment", "cart-waypoint")
GATEWAY = WorkloadRef("istio-system", "Deployment", "gateway")


def proxy(namespace: str, pod: str, cores: float, mib: float, minutes: int = MINUTES, **labels):
    """Both series of a container called istio-proxy."""
    common = {"namespace": namespace, "pod": pod, "container": "istio-proxy", **labels}
    yield from series("container_cpu_usage_seconds_total", common, counter(cores, minutes))
    yield from series("container_memory_working_set_bytes", common, steady(mib * MIB, minutes))


def use():
    """Two sidecars, one of them doubled by a second scraper, and proxies that are none."""
    yield from proxy("shop", "cart-7d9f6c5b8-b2c4d", 0.010, 50, instance="a")
    yield from proxy("shop", "cart-7d9f6c5b8-b2c4d", 0.010, 50, instance="b")
    yield from proxy("shop", "cart-7d9f6c5b8-x5z7w", 0.030, 70)
    yield from proxy("istio-system", "ztunnel-q4w6z", 0.100, 90)
    yield from proxy("shop", "cart-waypoint-6f5c4b7d9-t4v6x", 0.200, 110)
    yield from proxy("istio-system", "gateway-5c6d7f8b9-k4l6m", 0.400, 130)
    yield from series("container_memory_working_set_bytes", {"namespace": "shop", "pod": "cart-7d9f6c5b8-b2c4d", "container": "app"}, steady(1e9, MINUTES))  # fmt: skip


def owner(pod: str, namespace: str, kind: str, name: str):
    labels = {"namespace": namespace, "pod": pod, "owner_kind": kind, "owner_name": name, "owner_is_controller": "true"}
    yield from series("kube_pod_owner", labels, steady(1, MINUTES))


def owners():
    for suffix in ("b2c4d", "x5z7w"):
        yield from owner(f"cart-7d9f6c5b8-{suffix}", "shop", "ReplicaSet", "cart-7d9f6c5b8")
    yield from owner("ztunnel-q4w6z", "istio-system", "DaemonSet", "ztunnel")
    yield from owner("cart-waypoint-6f5c4b7d9-t4v6x", "shop", "ReplicaSet", "cart-waypoint-6f5c4b7d9")
    yield from owner("gateway-5c6d7f8b9-k4l6m", "istio-system", "ReplicaSet", "gateway-5c6d7f8b9")
    for namespace, name in (("shop", "cart"), ("shop", "cart-waypoint"), ("istio-system", "gateway")):
        replica_set = {
            "cart": "cart-7d9f6c5b8",
            "cart-waypoint": "cart-waypoint-6f5c4b7d9",
            "gateway": "gateway-5c6d7f8b9",
        }
        labels = {
            "namespace": namespace,
            "replicaset": replica_set[name],
            "owner_kind": "Deployment",
            "owner_name": name,
        }
        yield from series("kube_replicaset_owner", labels, steady(1, MINUTES))


def traffic():
    labels = {"reporter": "destination", "destination_workload": "cart", "destination_workload_namespace": "shop"}
    yield from series("istio_requests_total", labels, counter(20, MINUTES))
    yield from series("istio_request_bytes_sum", labels, counter(1_000, MINUTES))
    yield from series("istio_tcp_sent_bytes_total", labels, counter(500, MINUTES))
    yield from series("istio_requests_total", {**labels, "reporter": "source"}, counter(999, MINUTES))


def pod(namespace: str, name: str, kind: str, owner_name: str, **labels) -> bytes:
    import json  # noqa: PLC0415

    meta = {"name": name, "namespace": namespace, "labels": labels}
    meta["ownerReferences"] = [{"kind": kind, "name": owner_name, "apiVersion": "apps/v1", "controller": True}]
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": []}}).encode()


@pytest.fixture(scope="module")
def mesh():
    builder = MeshBuilder()
    for raw in (
        pod("shop", "cart-7d9f6c5b8-b2c4d", "ReplicaSet", "cart-7d9f6c5b8", **{"pod-template-hash": "7d9f6c5b8"}),
        pod("shop", "cart-waypoint-6f5c4b7d9-t4v6x", "ReplicaSet", "cart-waypoint-6f5c4b7d9", **{"pod-template-hash": "6f5c4b7d9"}),
        pod("istio-system", "gateway-5c6d7f8b9-k4l6m", "ReplicaSet", "gateway-5c6d7f8b9", **{"pod-template-hash": "5c6d7f8b9"}),
        pod("istio-system", "ztunnel-q4w6z", "DaemonSet", "ztunnel"),
    ):  # fmt: skip
        builder.add(raw, FileOrigin("test"))
    return builder.build(SourceInfo(SourceKind.FILES, "test"))


@pytest.fixture(scope="module", params=["with owners", "without owners"])
def measured(request, tmp_path_factory, mesh):
    lines = [*use(), *traffic(), *(owners() if request.param == "with owners" else ())]
    with prometheus(tmp_path_factory.mktemp("prometheus"), lines) as url:
        access = PrometheusSource.access(url, None, None, (), 30)
        yield PrometheusSource(access, "1h", at=END).read(mesh)


def test_a_workload_is_the_sum_of_its_pods_and_doubles_count_once(measured):
    use_of_cart = measured.proxies[CART]
    assert measured.kind is TelemetryKind.PROMETHEUS
    assert measured.gaps == ()
    assert use_of_cart.cpu_millis.p50 == pytest.approx(40, rel=0.02)
    assert use_of_cart.cpu_millis.max == pytest.approx(40, rel=0.02)
    assert use_of_cart.memory_bytes.p95 == pytest.approx(120 * MIB)
    assert use_of_cart.per_proxy_memory_max == pytest.approx(70 * MIB)
    assert use_of_cart.per_proxy_cpu_p95 == pytest.approx(30, rel=0.02)


def test_other_proxies_stand_under_their_own_workloads(measured):
    assert set(measured.proxies) == {CART, ZTUNNEL, WAYPOINT, GATEWAY}
    expected = {ZTUNNEL: 90, WAYPOINT: 110, GATEWAY: 130}
    for workload, mib in expected.items():
        assert measured.proxies[workload].memory_bytes.max == pytest.approx(mib * MIB)


def test_traffic_is_what_was_received(measured):
    assert measured.requests_per_second[CART] == pytest.approx(20, rel=0.02)
    assert measured.bytes_per_second[CART] == pytest.approx(1_500, rel=0.02)


def test_the_window_is_what_there_are_samples_for(measured):
    assert measured.window_seconds == pytest.approx(3_600, abs=120)


def test_a_past_shorter_than_the_window_is_told(tmp_path, mesh):
    with prometheus(tmp_path, [*use(), *owners()]) as url:
        access = PrometheusSource.access(url, None, None, (), 30)
        told = PrometheusSource(access, "2d", at=END).read(mesh)
    assert told.window_seconds < 3 * 3_600


def test_an_empty_prometheus_measures_nothing_and_invents_nothing(tmp_path, mesh):
    lines = list(series("up", {"job": "x"}, steady(1, 10)))
    with prometheus(tmp_path, lines) as url:
        told = PrometheusSource(PrometheusSource.access(url, None, None, (), 30), "1h", at=END).read(mesh)
    assert told.proxies == {}
    assert told.bytes_per_second == {}
