"""Gates of a plan are asked of a real Prometheus, which remembers a wave as Istio's proxies would have counted it."""

import pytest
from tests.support.prometheus import END, counter, prometheus, series, steady

from sidestep.actions.gates.judging import Answer
from sidestep.actions.gates.prometheus import Measured
from sidestep.actions.gates.watching import Watch, seen_before
from sidestep.errors import TransportError
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.gates import gates, old_connections
from sidestep.plan.steps import Gate
from sidestep.sources.telemetry.access import PrometheusAccess

pytestmark = pytest.mark.real
AFTER, PAST = 30, 60
"""Minutes since the wave, and before it."""
WAVE = END - AFTER * 60
BOUNDS = ("1", "5", "10", "25", "50", "+Inf")
SPACES = ("good", "bad", "bare", "untaken")
"""Namespaces: all is well; nothing is; no proxy has counted anything; no ztunnel takes its connections."""


def asked(space):
    ref = WorkloadRef(space, "Deployment", "orders")
    return {each.name: each for each in gates({ref: {(space, "waypoint")}}, (ref,))}


def requests(space, reporter, minutes, ended, failed, slow):
    """Ten a second, of which some fail, and some take 20 ms where the rest takes 4."""
    own = {"destination_workload": "orders", "destination_workload_namespace": space, "reporter": reporter}
    for code, rate in (("200", 10 - failed), ("503", failed)):
        yield from series("istio_requests_total", {**own, "response_code": code}, counter(rate, minutes), ended)
    for place, bound in enumerate(BOUNDS):
        rate = 0 if place == 0 else 10 - slow if place < 3 else 10
        name = "istio_request_duration_milliseconds_bucket"
        yield from series(name, {**own, "le": bound}, counter(rate, minutes), ended)
    yield from series("istio_request_duration_milliseconds_count", own, counter(10, minutes), ended)


def connections(space, failed, plain):
    own = {"destination_workload": "orders", "destination_workload_namespace": space, "reporter": "destination"}
    for policy, rate in (("mutual_tls", 2 - plain), ("unknown", plain)):
        labels = {**own, "connection_security_policy": policy}
        yield from series("istio_tcp_connections_opened_total", labels, counter(rate, AFTER + 1))
    if failed:
        yield from series("istio_tcp_connections_failed_total", own, counter(failed, AFTER + 1))


def open_for_long(space, old, each_minute):
    """Some connections that stay, and others that last a minute."""
    own = {"destination_workload": "redis", "destination_workload_namespace": space, "reporter": "destination"}
    opened = [old + each_minute * minute for minute in range(AFTER + 1)]
    yield from series("istio_tcp_connections_opened_total", own, opened)
    yield from series("istio_tcp_connections_closed_total", own, [max(each - old - each_minute, 0) for each in opened])


def application(space, after):
    """A pod of two containers that used half of its limit before the wave; the kubelet counts the whole of it, too."""
    own = {"namespace": space, "pod": "orders-5f7c-x", "container": "main"}
    used = [*counter(0.4, PAST + 1), *(0.4 * PAST * 60 + each for each in counter(after, AFTER + 1)[1:])]
    name, limits = "container_cpu_usage_seconds_total", "kube_pod_container_resource_limits"
    yield from series(name, own, used)
    yield from series(name, {**own, "container": "helper"}, counter(0.1, PAST + AFTER + 1))
    yield from series(name, {**own, "container": ""}, counter(9, PAST + AFTER + 1))
    for container, limit in (("main", 0.8), ("helper", 0.2), ("istio-proxy", 2)):
        labels = {**own, "container": container, "resource": "cpu"}
        yield from series(limits, labels, steady(limit, PAST + AFTER + 1))


def around(space, sidecar, waypoint, restarts):
    """What kubelets and kube-state-metrics tell."""
    proxy = {"container": "istio-proxy", "namespace": space}
    used = [*counter(0.01, PAST + 1), *(0.01 * PAST * 60 + each for each in counter(sidecar, AFTER + 1)[1:])]
    yield from series("container_cpu_usage_seconds_total", {**proxy, "pod": "cart-1"}, used)
    own = {**proxy, "pod": "waypoint-1"}
    yield from series("container_cpu_usage_seconds_total", own, counter(waypoint, AFTER + 1))
    yield from series("kube_pod_container_resource_limits", {**own, "resource": "cpu"}, steady(1, AFTER + 1))
    name, pod = "kube_pod_container_status_restarts_total", {"namespace": space, "pod": "orders-1"}
    yield from series(name, pod, [float(restarts * (minute > 1)) for minute in range(AFTER + 1)])


def young(space):
    """A sidecar whose pod was made five minutes before the wave and does the same all the time; beside it a ztunnel."""
    own = {"container": "istio-proxy", "namespace": space}
    name = "container_cpu_usage_seconds_total"
    yield from series(name, {**own, "pod": "cart-2"}, counter(0.05, AFTER + 6))
    yield from series(name, {**own, "pod": "ztunnel-x7k2p"}, counter(0.9, AFTER + 1))


def told():
    yield from open_for_long("good", 0, 2)
    yield from open_for_long("bad", 3, 0)
    for space in ("good", "untaken"):
        yield from requests(space, "destination", PAST, AFTER, 0, 0)
        yield from requests(space, "waypoint", AFTER + 1, 0, 0, 0)
    yield from connections("good", 0, 0)
    yield from around("good", 0.01, 0.2, 0)
    yield from application("good", 0.4)
    yield from application("bad", 0.75)
    yield from requests("bad", "destination", PAST, AFTER, 0, 0)
    yield from requests("bad", "waypoint", AFTER + 1, 0, 1, 2)
    yield from connections("bad", 0.5, 1)
    yield from around("bad", 0.4, 0.95, 1)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with prometheus(tmp_path_factory.mktemp("prometheus"), told()) as found:
        yield found


def answer(url: str, space: str, gate: Gate) -> Answer:
    """What a gate says at last, looked at every minute since the wave."""
    now = [WAVE]
    measured = Measured(PrometheusAccess(url), lambda: now[0])
    before = seen_before(measured, gate, 1800)
    watch = Watch(measured, gate, before, AFTER * 60)
    for seconds in range(60, AFTER * 60 + 1, 60):
        now[0] = WAVE + seconds
        found = watch.look(seconds, over=seconds == AFTER * 60)
        if found.answer is not Answer.NOT_YET:
            break
    measured.close()
    return found.answer


NAMES = sorted(asked("good"))
ALL_SIDECARS = "sidecar-cpu"
"""Is about the whole mesh, and so told of one namespace like of the other."""


@pytest.mark.parametrize("name", [each for each in NAMES if each != ALL_SIDECARS])
def test_a_gate_tells_good_from_bad_from_nothing(url, name):
    expected = {"good": Answer.HOLDS, "bad": Answer.FAILS, "bare": Answer.NOT_YET}
    assert {space: answer(url, space, asked(space)[name]) for space in expected} == expected


def test_sidecars_that_stay_and_use_more_are_seen(url):
    assert answer(url, "good", asked("good")[ALL_SIDECARS]) is Answer.FAILS
    assert answer(url, "bare", asked("bare")[ALL_SIDECARS]) is Answer.FAILS


@pytest.fixture(scope="module")
def url_of_young_pods(tmp_path_factory):
    with prometheus(tmp_path_factory.mktemp("young"), young("good")) as found:
        yield found


def test_sidecars_that_are_new_and_ztunnels_are_not_taken_for_sidecars_that_use_more(url_of_young_pods):
    gate = asked("good")[ALL_SIDECARS]
    measured = Measured(PrometheusAccess(url_of_young_pods), lambda: WAVE)
    assert seen_before(measured, gate, 1800).value == pytest.approx(0.05, rel=0.1)
    measured.close()
    assert answer(url_of_young_pods, "good", gate) is Answer.HOLDS


def test_connections_that_no_ztunnel_took_are_no_data(url):
    found = {name: answer(url, "untaken", asked("untaken")[name]) for name in ("error-rate", "failed-connections")}
    assert found == {"error-rate": Answer.HOLDS, "failed-connections": Answer.NOT_YET}


def test_old_connections_are_found_and_waited_for(url):
    refs = {space: WorkloadRef(space, "StatefulSet", "redis") for space in ("good", "bad", "bare")}
    found = {space: answer(url, space, old_connections(ref)) for space, ref in refs.items()}
    assert found == {"good": Answer.HOLDS, "bad": Answer.FAILS, "bare": Answer.NOT_YET}


def test_series_of_another_cluster_do_not_count(url):
    measured = Measured(PrometheusAccess(url, labels=(("cluster", 'o"ther'),)), lambda: END)
    reading = asked("good")["error-rate"].reading
    assert measured(reading.all, 600) is None
    measured.close()


def test_a_prometheus_that_is_gone_may_come_back():
    measured = Measured(PrometheusAccess("http://127.0.0.1:9"), lambda: END)
    with pytest.raises(TransportError, match="requests cannot be measured"):
        measured(asked("good")["error-rate"].reading.all, 600)
    measured.close()
