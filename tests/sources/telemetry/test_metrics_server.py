"""One sample of metrics-server, and API servers that have none, forbid it, or say something else."""

import json

import pytest
from tests.support.http import Answer, serving
from tests.support.mesh import Sidecar, app, inject, mesh, pod, workload, ztunnel

from sidestep.model.gaps import GapReason
from sidestep.model.mesh import SourceInfo, SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.model.telemetry import ProxyUse, Spread, TelemetryKind
from sidestep.sources.cluster.access import Access
from sidestep.sources.telemetry.metrics_server import read_metrics_server

PODS = "/apis/metrics.k8s.io/v1beta1/pods"
SIDECAR = inject(app("cart"), Sidecar())
CART, ZTUNNEL = WorkloadRef("shop", "Deployment", "cart"), WorkloadRef("shop", "DaemonSet", "ztunnel")
MESH = mesh(*workload(SIDECAR, pods=2), *workload(ztunnel(), "ztunnel", kind="DaemonSet", pods=1))
MIB = 2**20


def sample(
    name: str, cpu: object = "2500000n", memory: object = "50Mi", container: str = "istio-proxy", space: str = "shop"
):
    usage = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value is not None}
    containers = [{"name": "app", "usage": {"cpu": "1", "memory": "1Gi"}}, {"name": container, "usage": usage}]
    return {"metadata": {"name": name, "namespace": space}, "containers": containers, "window": "15s"}


def tree(*items) -> Answer:
    return Answer(body=json.dumps({"kind": "PodMetricsList", "items": items}).encode())


def measured(answer: Answer, of=MESH, timeout=5.0, asked: list | None = None):
    def decide(path: str, _: int) -> Answer:
        if asked is not None:
            asked.append(path)
        return answer

    with serving(decide) as url:
        return read_metrics_server(Access("test", url, timeout=timeout), of)


def test_the_sample_is_every_percentile():
    found = measured(
        tree(sample("cart-abc-0"), sample("cart-abc-1", "7300u", "70Mi"), sample("ztunnel-abc-0", "1", "90Mi"))
    )
    assert found.kind is TelemetryKind.METRICS_SERVER
    assert found.name == "test"
    assert found.window_seconds == 0
    cpu, memory = pytest.approx(9.8), 120 * MIB
    assert found.proxies[CART] == ProxyUse(
        Spread(cpu, cpu, cpu), Spread(memory, memory, memory), 70 * MIB, pytest.approx(7.3), samples=1
    )
    assert found.proxies[ZTUNNEL].cpu_millis.max == 1_000
    assert (found.gaps, found.remarks) == ((), ())
    assert found.strength.startswith("one sample")


@pytest.mark.parametrize(
    "item",
    [
        sample("cart-abc-0", container="envoy"),
        sample("cart-abc-0", space="other"),
        sample("gone-abc-0"),
        sample("cart-abc-0", cpu=None),
        sample("cart-abc-0", memory=None),
        sample("cart-abc-0", cpu="many"),
        sample("cart-abc-0", cpu="1e9999"),
        {"metadata": {"name": "cart-abc-0", "namespace": "shop"}},
    ],
)
def test_what_is_not_told_is_not_0(item):
    assert measured(tree(item)).proxies == {}


def test_workloads_without_a_sample_are_told():
    found = measured(tree(sample("cart-abc-0")))
    assert list(found.proxies) == [CART]
    assert [remark.text for remark in found.remarks] == [
        "metrics-server has no sample of 1 of 2 workloads with proxies"
    ]


def test_nothing_is_missed_where_nobody_has_a_proxy():
    found = measured(tree(), of=mesh(pod(app("cart"))))
    assert (found.proxies, found.gaps, found.remarks) == ({}, (), ())


def test_only_the_namespaces_that_were_read_are_asked_for():
    from msgspec.structs import replace  # noqa: PLC0415

    of = replace(MESH, source=SourceInfo(SourceKind.CLUSTER, "test", namespaces=("shop", "pay")))
    asked = []
    assert measured(tree(sample("cart-abc-0")), of=of, asked=asked).proxies.keys() == {CART}
    assert asked == [PODS.replace("/pods", f"/namespaces/{space}/pods") for space in ("shop", "pay")]


def test_a_cluster_without_metrics_server_has_no_gap():
    found = measured(Answer(404, b"404 page not found"))
    assert (found.kind, found.gaps) == (TelemetryKind.NONE, ())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(403), GapReason.FORBIDDEN),
        (Answer(401), GapReason.UNAUTHORIZED),
        (Answer(body=b"<html>sign in</html>"), GapReason.MALFORMED),
        (Answer(body=b'{"items": [{"containers": 7}]}'), GapReason.MALFORMED),
        (Answer(hang=True), GapReason.TIMEOUT),
    ],
)
def test_a_server_that_does_not_tell_is_a_gap(answer, reason):
    found = measured(answer, timeout=0.2 if answer.hang else 5)
    assert found.kind is TelemetryKind.NONE
    assert [gap.reason for gap in found.gaps] == [reason]
    assert found.gaps[0].remedy
