"""Rows, totals and sentences: counts that agree with each other, and features by namespace."""

import pytest
from tests.support.mesh import (
    Sidecar,
    app,
    facts,
    gateway,
    inject,
    labelled,
    mesh,
    namespace,
    o,
    pod,
    waypoint,
    workload,
    ztunnel,
)  # fmt: skip

from sidestep.audit.audit import Request, audit
from sidestep.audit.facts import Options
from sidestep.audit.rows import proxy_versions
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.mesh import SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.model.prices import PriceBook
from sidestep.model.telemetry import ProxyUse, Spread, Telemetry, TelemetryKind

NATIVE, CLASSIC = inject(app("a"), Sidecar(native=True)), inject(app("b"), Sidecar(native=False, revision="old"))


def of(*objects, telemetry=None, kind=SourceKind.CLUSTER, **options):
    return audit(Request(mesh(*objects, kind=kind), PriceBook(), telemetry or Telemetry(), Options(**options)))


def row(found, name):
    return next(each for each in found.workloads if each.name == name)


def test_counts_add_up():
    objects = (
        *workload(NATIVE, "a"), *workload(CLASSIC, "b", pods=3), *workload(gateway("gw"), "gw"), *workload(waypoint("wp"), "wp"),
        *workload(ztunnel(), "zt", "istio-system", "DaemonSet"), pod(app("bare"), "bare"),
    )  # fmt: skip
    found = of(*objects)
    totals = found.totals
    assert totals.pods == sum(each.pods for each in found.workloads) == 12
    assert (totals.sidecars.total, totals.sidecars.native, totals.sidecars.classic) == (5, 2, 3)
    assert (totals.gateways, totals.waypoints, totals.ztunnels) == (2, 2, 2)
    assert sum(each.pods for each in found.namespaces) == totals.pods
    assert totals.requested.cpu_millis == 500


def test_a_workload_says_what_it_has_and_what_its_next_pod_gets():
    found = of(o.webhook("default"), labelled("shop", {"istio-injection": "enabled"}), *workload(CLASSIC, "b"))
    b = row(found, "b")
    assert (b.kind, b.sidecars.classic, b.revisions, b.hbone) == ("Deployment", 2, {"old": 2}, 2)
    assert (b.injection.result, b.injection.revision) == ("injected", "default")
    assert b.drift == 2
    assert b.limits.memory_bytes == 2 * 2**30
    assert any("webhook" in step for step in b.injection.chain)


def test_pods_that_ended_hold_nothing():
    assert of(*workload(NATIVE, "a", phase="Succeeded")).totals.pods == 0


def test_a_repository_is_counted_by_what_it_declares():
    enabled = labelled("shop", {"istio-injection": "enabled"})
    declared = workload(app("a"), "a", replicas=5, pods=0)
    found = of(enabled, *declared, kind=SourceKind.FILES)
    a = row(found, "a")
    assert (a.evidence, a.pods, a.sidecars.total, a.requested.cpu_millis) == ("template", 5, 5, 500)


def test_predicted_sidecars_ask_for_what_annotations_say():
    template = app("a")
    template["metadata"]["annotations"] = {"sidecar.istio.io/proxyCPU": "20m", "sidecar.istio.io/nativeSidecar": "true"}
    enabled = labelled("shop", {"istio-injection": "enabled"})
    a = row(of(enabled, *workload(template, "a", replicas=2, pods=0), kind=SourceKind.FILES), "a")
    assert (a.sidecars.native, a.requested.cpu_millis, a.requested.memory_bytes) == (2, 40, 0)


def test_a_cluster_that_scaled_to_zero_has_no_pods():
    found = of(*workload(app("a"), "a", replicas=5, pods=0), pod(app("other"), "other"))
    assert row(found, "a").pods == 0


def test_features_are_counted_where_they_are():
    excluded = app("a")
    excluded["metadata"]["annotations"] = {"traffic.sidecar.istio.io/excludeOutboundPorts": "3306"}
    strict = o.istio("PeerAuthentication", "p", "shop", {"mtls": {"mode": "STRICT"}})
    found = of(namespace("shop"), strict, o.istio("EnvoyFilter", "e", "other", {}), *workload(excluded, "a"))
    by_name = {each.namespace: each for each in found.namespaces}
    assert by_name["shop"].features == {"strict-mtls": 1, "traffic-exclusion": 1}
    assert (by_name["shop"].layer7, by_name["other"].layer7) == (False, True)


def test_use_is_told_for_sidecars_and_never_for_other_proxies():
    spread = Spread(10, 20, 30)
    use = ProxyUse(spread, spread)
    refs = [WorkloadRef("shop", "Deployment", name) for name in ("a", "gw", "plain")]
    telemetry = Telemetry(TelemetryKind.PROMETHEUS, "x", 3_600, dict.fromkeys(refs, use))
    found = of(
        *workload(NATIVE, "a"), *workload(gateway("gw"), "gw"), *workload(app("p"), "plain"), telemetry=telemetry
    )
    assert [each.name for each in found.workloads if each.used] == ["a"]
    assert found.totals.used.cpu_millis == 20
    assert (found.totals.used.p50.cpu_millis, found.totals.used.max.cpu_millis) == (10, 30)
    assert found.totals.monthly.used > 0


def test_only_the_namespaces_asked_for():
    found = of(*workload(NATIVE, "a"), *workload(CLASSIC, "b", "other"), namespaces=("shop",))
    assert {each.namespace for each in found.workloads} == {"shop"}
    assert [each.namespace for each in found.namespaces] == ["shop"]


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("docker.io/istio/proxyv2:1.29.2", "1.29.2"), ("proxyv2:1.29.2-distroless", "1.29.2"),
        ("registry:5000/proxyv2", "unknown"), ("registry:5000/proxyv2:1.2@sha256:ab", "1.2"), ("p@sha256:ab", "unknown"),
    ],
)  # fmt: skip
def test_versions_of_proxies(image, version):
    assert proxy_versions(facts(pod(inject(app("a"), Sidecar(image=image))))) == {version: 1}


def test_equal_input_gives_equal_output():
    objects = (*workload(NATIVE, "a"), *workload(CLASSIC, "b"), o.node("n1", "m6i.xlarge", (4, 16), "a", "g"))
    assert of(*objects) == of(*objects)


def test_the_order_of_input_does_not_matter():
    objects = [
        *workload(NATIVE, "a"),
        *workload(CLASSIC, "b"),
        o.node("n1", "m6i.xlarge", (4, 16), "a", "g"),
        namespace(),
    ]
    assert of(*reversed(objects)) == of(*objects)


def test_what_was_not_read_is_not_called_clean():
    unread = mesh(gaps=(Gap("pods", GapReason.FORBIDDEN),))
    first, _, last = audit(Request(unread, PriceBook())).conclusion
    assert "cannot be told" in first
    assert "in what could be read" in last


@pytest.mark.parametrize(
    ("objects", "told"),
    [
        ((), ("None of 0 pods", "none were read", "Nothing was found")),
        (
            tuple(workload(NATIVE, "a")),
            ("2 of 2 pods carry a sidecar (2 native, 0 classic) in 1 namespace", "none were read", ""),
        ),
    ],
)
def test_three_sentences(objects, told):
    sentences = of(*objects).conclusion
    assert len(sentences) == 3
    assert all(part in sentence for part, sentence in zip(told, sentences, strict=True))
