"""Measurements from a real Prometheus: figures that one can work out by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.support.mesh import Sidecar, app, gateway, inject, mesh, o, pod, waypoint, ztunnel
from tests.support.prometheus import END, counter, prometheus, series, steady
from tests.support.servers import Authority

from sidestep.model.gaps import GapReason
from sidestep.model.metadata import WorkloadRef
from sidestep.model.telemetry import TelemetryKind
from sidestep.sources.telemetry.prometheus import PrometheusSource

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("prometheus")]

MINUTES = 120
MIB = 2**20


def ref(namespace: str, kind: str, name: str) -> WorkloadRef:
    return WorkloadRef(namespace, kind, name)


CART, CART_AGENT = ref("shop", "Deployment", "cart"), ref("shop", "DaemonSet", "cart")
WAYPOINT, CLIENT = ref("shop", "Deployment", "cart-waypoint"), ref("shop", "Deployment", "cart-waypoint-client")
DB, BACKUP, DEBUG = ref("shop", "StatefulSet", "db"), ref("shop", "CronJob", "backup"), ref("shop", "Pod", "debug")
ZTUNNEL, NAMESAKE = ref("istio-system", "DaemonSet", "ztunnel"), ref("istio-system", "Deployment", "ztunnel")
GATEWAY = ref("istio-system", "Deployment", "gateway")

PODS = {
    "cart-7d9f6c5b8-b2c4d": (CART, "cart-7d9f6c5b8", 0.010, 50),
    "cart-7d9f6c5b8-x5z7w": (CART, "cart-7d9f6c5b8", 0.030, 70),
    "cart-q4w6z": (CART_AGENT, "", 0.001, 11),
    "cart-waypoint-6f5c4b7d9-t4v6x": (WAYPOINT, "cart-waypoint-6f5c4b7d9", 0.200, 110),
    "cart-waypoint-client-8f5c4b7d9-t4v6z": (CLIENT, "cart-waypoint-client-8f5c4b7d9", 0.002, 12),
    "db-0": (DB, "", 0.003, 13),
    "db-1": (DB, "", 0.003, 14),
    "backup-29445678-b2c4d": (BACKUP, "backup-29445678", 0.004, 15),
    "debug": (DEBUG, "", 0.005, 16),
    "ztunnel-q4w6z": (ZTUNNEL, "", 0.100, 90),
    "ztunnel-5c6d7f8b9-k4l6m": (NAMESAKE, "ztunnel-5c6d7f8b9", 0.006, 17),
    "gateway-5c6d7f8b9-k4l6m": (GATEWAY, "gateway-5c6d7f8b9", 0.400, 130),
}
"""Pods with their workload, the controller between, cores and MiB."""

TOTAL_MIB = {
    CART: 120, CART_AGENT: 11, WAYPOINT: 110, CLIENT: 12, DB: 27, BACKUP: 15, DEBUG: 16, ZTUNNEL: 90, NAMESAKE: 17, GATEWAY: 130,
}  # fmt: skip
MIDDLE = {"Deployment": "ReplicaSet", "CronJob": "Job"}
TEMPLATES = {ZTUNNEL: ztunnel(), WAYPOINT: waypoint("cart-waypoint"), GATEWAY: gateway("gateway")}


def proxy(namespace: str, name: str, cores: float, mib: float, minutes: int = MINUTES, ended: int = 0, **labels):
    """Both series of a container called istio-proxy."""
    common = {"namespace": namespace, "pod": name, "container": "istio-proxy", **labels}
    yield from series("container_cpu_usage_seconds_total", common, counter(cores, minutes), ended)
    yield from series("container_memory_working_set_bytes", common, steady(mib * MIB, minutes), ended)


def use(**labels: str) -> Iterator[str]:
    for name, (workload, _, cores, mib) in PODS.items():
        yield from proxy(workload.namespace, name, cores, mib, **labels)


def noise() -> Iterator[str]:
    """What must not count: a second scraper, a container before its restart, the pod's own cgroups, other containers."""
    twice = ("shop", "cart-7d9f6c5b8-b2c4d", 0.010, 50)
    yield from proxy(*twice, instance="second")
    yield from proxy(*twice, id="/kubepods/former", minutes=60, ended=40)
    for container in ("", "POD", "app", "istio-init"):
        common = {"namespace": "shop", "pod": "cart-7d9f6c5b8-b2c4d", "container": container}
        yield from series("container_memory_working_set_bytes", common, steady(1e9, MINUTES))
        yield from series("container_cpu_usage_seconds_total", common, counter(9, MINUTES))


def owner(workload: WorkloadRef, name: str, middle: str, **labels: str) -> Iterator[str]:
    """What kube-state-metrics tells of one pod's chain."""
    space = {"namespace": workload.namespace, **labels}
    bare = workload.kind == "Pod"
    above = (MIDDLE[workload.kind], middle) if middle else (workload.kind, workload.name)
    kind, of = ("<none>", "<none>") if bare else above
    told = {"owner_kind": kind, "owner_name": of, "owner_is_controller": "<none>" if bare else "true"}
    yield from series("kube_pod_owner", {**space, "pod": name, **told}, steady(1, MINUTES))
    if middle:
        metric, label = {"ReplicaSet": ("kube_replicaset_owner", "replicaset"), "Job": ("kube_job_owner", "job_name")}[
            kind
        ]
        top = {"owner_kind": workload.kind, "owner_name": workload.name, "owner_is_controller": "true"}
        yield from series(metric, {**space, label: middle, **top}, steady(1, MINUTES))


def owners(namespaces: tuple[str, ...] = ("shop", "istio-system"), **labels: str) -> list[str]:
    chains = {
        line: None
        for name, (workload, middle, *_) in PODS.items()
        if workload.namespace in namespaces
        for line in owner(workload, name, middle, **labels)
    }
    return list(chains)


def traffic() -> Iterator[str]:
    labels = {"destination_workload": "gateway", "destination_workload_namespace": "istio-system"}
    received = {**labels, "reporter": "destination"}
    yield from series("istio_requests_total", {**received, "source_workload": "a"}, counter(12, MINUTES))
    yield from series("istio_requests_total", {**received, "source_workload": "b"}, counter(8, MINUTES))
    yield from series("istio_request_bytes_sum", received, counter(1_000, MINUTES))
    yield from series("istio_tcp_sent_bytes_total", received, counter(500, MINUTES))
    yield from series("istio_requests_total", {**labels, "reporter": "waypoint"}, counter(5, MINUTES))
    yield from series("istio_requests_total", {**labels, "reporter": "source"}, counter(999, MINUTES))


def cluster_of(pods: dict) -> list:
    """The pods as the API server has them, and who controls whom."""
    made = []
    for name, (workload, middle, *_) in pods.items():
        space, kind = workload.namespace, workload.kind
        template = TEMPLATES.get(workload) or inject(app(workload.name), Sidecar())
        if middle:
            made.append(_middle(workload, middle))
        controller = o.owner(MIDDLE.get(kind, kind), middle or workload.name) if kind != "Pod" else None
        made.append(pod(template, name, space, controller))
    return made


def _middle(workload: WorkloadRef, name: str):
    if workload.kind == "Deployment":
        return o.replica_set(name, workload.namespace, workload.name, "Deployment", 1)
    metadata = o.meta(name, workload.namespace, ownerReferences=o.owner("CronJob", workload.name, "batch/v1"))
    return o.thing("batch/v1", "Job", metadata, spec={"template": app("backup")})


MESH = mesh(*cluster_of(PODS))


@contextmanager
def asking(folder, lines, *flags, window="1h", of=MESH, **how):
    with prometheus(folder, lines, *flags) as url:
        yield PrometheusSource(PrometheusSource.access(url, timeout=30, **how), window, at=END).read(of)


WAYS = {
    "with owners": owners,
    "with owners told twice": lambda: [*owners(), *owners(instance="second")],
    "without owners": list,
    "with owners of one namespace": lambda: owners(("istio-system",)),
    "without owners of ReplicaSets": lambda: [line for line in owners() if not line.startswith("kube_replicaset")],
}


@pytest.fixture(scope="module", params=WAYS)
def measured(request, tmp_path_factory):
    lines = [*use(), *noise(), *traffic(), *WAYS[request.param]()]
    with asking(tmp_path_factory.mktemp("prometheus"), lines) as telemetry:
        yield telemetry


def test_every_workload_has_the_sum_of_its_own_pods(measured):
    assert measured.kind is TelemetryKind.PROMETHEUS
    assert measured.gaps == ()
    named = {workload: use.memory_bytes.p95 / MIB for workload, use in measured.proxies.items() if workload != DEBUG}
    assert named == {workload: mib for workload, mib in TOTAL_MIB.items() if workload != DEBUG}


def test_cpu_is_in_thousandths_of_a_core(measured):
    cpu = measured.proxies[CART].cpu_millis
    assert (cpu.p50, cpu.p95, cpu.max) == (pytest.approx(40, rel=0.02),) * 3
    assert measured.proxies[GATEWAY].cpu_millis.p50 == pytest.approx(400, rel=0.02)


def test_single_proxies_are_known_by_the_largest(measured):
    cart = measured.proxies[CART]
    assert cart.per_proxy_memory_max == 70 * MIB
    assert cart.per_proxy_cpu_p95 == pytest.approx(30, rel=0.02)


def test_traffic_is_what_was_received_and_counts_once_behind_a_waypoint(measured):
    assert measured.requests_per_second == {GATEWAY: pytest.approx(20, rel=0.02)}
    assert measured.bytes_per_second == {GATEWAY: pytest.approx(1_500, rel=0.02)}


def test_the_window_is_what_there_are_samples_for(measured):
    assert measured.window_seconds == pytest.approx(3_600, abs=120)
    assert measured.proxies[CART].samples == pytest.approx(60, abs=1)
    assert measured.strength == f"60 minutes of Prometheus, percentiles over {measured.samples} points"


def test_a_bare_pod_is_its_own_workload_where_owners_are_known(tmp_path):
    with asking(tmp_path, [*use(), *owners()]) as told:
        assert told.proxies[DEBUG].memory_bytes.max == 16 * MIB


@pytest.mark.parametrize("known", [True, False])
def test_a_rollout_replaces_pods_and_does_not_add_to_them(tmp_path, known):
    """100 MiB until 45 minutes ago, then 60: the sum of both percentiles would be 160."""
    former, present = "cart-7d9f6c5b8", "cart-5b6c7d8f9"
    lines = [
        *proxy("shop", f"{former}-b2c4d", 0.1, 100, ended=46),
        *proxy("shop", f"{present}-x5z7w", 0.1, 60, minutes=41),
    ]
    if known:
        for middle, name in ((former, f"{former}-b2c4d"), (present, f"{present}-x5z7w")):
            lines += owner(CART, name, middle)
    of = mesh(*cluster_of({f"{present}-x5z7w": (CART, present)}))
    with asking(tmp_path, lines, of=of) as told:
        memory = told.proxies[CART].memory_bytes
    assert (memory.p50 / MIB, memory.p95 / MIB, memory.max / MIB) == (60, 100, 100)


def test_a_workload_scaled_to_nothing_is_told_by_its_template(tmp_path):
    of = mesh(o.controller("Deployment", "cart", "shop", app("cart"), 0), *cluster_of({"db-0": (DB, "")}))
    lines = [*proxy("shop", "cart-7d9f6c5b8-b2c4d", 0.1, 100), *proxy("shop", "db-0", 0.1, 10)]
    with asking(tmp_path, lines, of=of) as told:
        assert told.proxies[CART].memory_bytes.max == 100 * MIB


def test_two_workloads_of_one_stem_are_not_added_up(tmp_path):
    other = ref("shop", "DaemonSet", "db")
    pods = {"db-0": (DB, ""), "db-q4w6z": (other, "")}
    lines = [*proxy("shop", "db-0", 0.1, 10), *proxy("shop", "db-q4w6z", 0.1, 20)]
    with asking(tmp_path, lines, of=mesh(*cluster_of(pods))) as told:
        assert told.proxies == {}
        assert "several workloads go by the name shop/db" in told.gaps[0].detail


def test_counters_that_start_anew_do_not_fall(tmp_path):
    lines = list(proxy("shop", "db-0", 0.1, 10, minutes=0))
    common = {"namespace": "shop", "pod": "db-0", "container": "istio-proxy"}
    lines += series("container_memory_working_set_bytes", common, steady(10 * MIB, MINUTES))
    lines += series("container_cpu_usage_seconds_total", common, [*counter(0.1, 90), *counter(0.1, 30)])
    with asking(tmp_path, lines) as told:
        cpu = told.proxies[DB].cpu_millis
    assert cpu.p50 == pytest.approx(100, rel=0.02)
    assert 0 < cpu.max < 130


def test_a_past_with_gaps_and_nan_is_measured_where_it_is_known(tmp_path):
    lines = list(proxy("shop", "db-0", 0.1, 10))
    common = {"namespace": "shop", "pod": "db-0", "container": "istio-proxy"}
    lines += proxy("shop", "db-1", 0.1, 10, minutes=20, ended=45)
    lines += series("container_memory_working_set_bytes", {**common, "pod": "db-2"}, [float("nan")] * MINUTES)
    with asking(tmp_path, lines) as told:
        assert told.proxies[DB].cpu_millis.max == pytest.approx(200, rel=0.05)
        assert told.proxies[DB].cpu_millis.p50 == pytest.approx(100, rel=0.02)


def test_a_past_shorter_than_the_window_is_told(tmp_path):
    with asking(tmp_path, [*use(), *owners()], window="2d") as told:
        assert told.gaps == ()
        assert 2 * 3_600 - 700 <= told.window_seconds < 3 * 3_600
        assert any("of the 172800 s asked for" in remark.text for remark in told.remarks)


def test_an_empty_prometheus_measures_nothing_and_invents_nothing(tmp_path):
    with asking(tmp_path, series("up", {"job": "x"}, steady(1, 10))) as told:
        assert told.proxies == {}
        assert told.bytes_per_second == {}
        assert [gap.reason for gap in told.gaps] == [GapReason.ABSENT]


def test_one_of_several_clusters_in_a_store(tmp_path):
    lines = [*use(cluster="a"), *owners(cluster="a"), *use(cluster="b"), *owners(cluster="b")]
    lines += proxy("shop", "cart-7d9f6c5b8-z9z9z", 0.1, 999, cluster="b")
    lines += owner(CART, "cart-7d9f6c5b8-z9z9z", "cart-7d9f6c5b8", cluster="b")
    with prometheus(tmp_path, dict.fromkeys(lines)) as url:
        from msgspec.structs import replace  # noqa: PLC0415

        access = PrometheusSource.access(url)
        mixed = PrometheusSource(access, "1h", at=END).read(MESH)
        one = PrometheusSource(replace(access, labels=(("cluster", "a"),)), "1h", at=END).read(MESH)
    assert "clusters a, b" in mixed.gaps[0].detail
    assert one.gaps == ()
    assert one.proxies[CART].memory_bytes.max == 120 * MIB


@pytest.mark.parametrize(("known", "most"), [(True, 2_000), (False, 1_350)])
def test_a_server_with_little_memory_is_asked_in_parts(tmp_path, known, most):
    """The samples of both namespaces at once are more than it may load, those of each are not."""
    heard = []
    with prometheus(tmp_path, [*use(), *(owners() if known else ())], f"--query.max-samples={most}") as url:
        source = PrometheusSource(PrometheusSource.access(url), "1h", at=END)
        told = source.read(MESH, lambda progress: heard.append((progress.what, progress.done)))
    assert ("use of proxies", 2) in heard
    assert {workload.namespace for workload in told.proxies} == {"istio-system", "shop"}
    assert told.gaps == ()


def test_only_the_namespaces_that_were_read_are_asked_for(tmp_path):
    from msgspec.structs import replace  # noqa: PLC0415

    of = replace(MESH, source=replace(MESH.source, namespaces=("istio-system",)))
    with asking(tmp_path, [*use(), *owners()], of=of) as told:
        assert {workload.namespace for workload in told.proxies} == {"istio-system"}


def test_behind_a_prefix_with_an_authority_of_its_own(tmp_path):
    authority = Authority.make()
    for name, content in zip(("ca", "cert", "key"), (authority.pem(), *authority.issue("prometheus")), strict=True):
        (tmp_path / f"{name}.pem").write_bytes(content)
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
    ca = str(tmp_path / "ca.pem")
    flags = (
        f"--web.config.file={tmp_path / 'web.yml'}",
        "--web.external-url=https://example.com/prometheus",
        "--web.route-prefix=/",
    )
    with prometheus(tmp_path, [*use(), *owners()], *flags, ca=ca) as url:
        trusting = PrometheusSource(PrometheusSource.access(url, ca_file=ca), "1h", at=END).read(MESH)
        doubting = PrometheusSource(PrometheusSource.access(url), "1h", at=END).read(MESH)
        elsewhere = PrometheusSource(PrometheusSource.access(f"{url}/mimir", ca_file=ca), "1h", at=END).read(MESH)
    assert trusting.gaps == ()
    assert CART in trusting.proxies
    assert [gap.reason for gap in doubting.gaps] == [GapReason.UNREACHABLE]
    assert [gap.reason for gap in elsewhere.gaps] == [GapReason.ABSENT]
