"""From a pod's object to what it runs."""

import pytest
import yaml

from sidestep.errors import UsageError
from sidestep.lab.cluster.services import Near
from sidestep.lab.workload.containers import ProbeKind, Protocol
from sidestep.lab.workload.declared import pods
from sidestep.lab.workload.declared.behaviour import seconds_of


def runs(tree, services):
    return pods.runs(tree, Near.of(services))


def pod(*containers, annotations=None):
    return {
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": annotations or {}},
        "spec": {"containers": list(containers)},
    }


def container(name="app", **fields):
    return {"name": name, "image": "web:1", **fields}


def service(*ports, name="web", selector=None):
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": selector or {"app": "web"}, "ports": list(ports)},
    }


def spoken(ports, *services):
    (found,) = runs(pod(container(ports=ports)), services).containers
    return {each.number: each.protocol for each in found.ports}


def test_a_services_port_says_what_is_spoken_behind_it():
    ports = [{"containerPort": 8080, "name": "web"}, {"containerPort": 9000}]
    behind = service(
        {"name": "http-main", "port": 80, "targetPort": "web"}, {"appProtocol": "grpc", "name": "x", "port": 9000}
    )
    assert spoken(ports, behind) == {8080: Protocol.HTTP, 9000: Protocol.GRPC}


def test_a_service_of_others_says_nothing():
    other = service({"name": "tcp", "port": 8080}, selector={"app": "other"})
    assert spoken([{"containerPort": 8080}], other) == {8080: Protocol.AUTO}


@pytest.mark.parametrize(
    ("port", "protocol"),
    [
        ({"containerPort": 8080}, Protocol.AUTO),
        ({"containerPort": 8080, "name": "http"}, Protocol.HTTP),
        ({"containerPort": 8080, "name": "https-web"}, Protocol.HTTPS),
        ({"containerPort": 8080, "name": "httpish"}, Protocol.AUTO),
        ({"containerPort": 3306}, Protocol.TCP_FIRST),
        ({"containerPort": 6379}, Protocol.TCP),
        ({"containerPort": 5000, "protocol": "UDP"}, Protocol.UDP),
        ({"containerPort": 5000, "name": "mysql"}, Protocol.TCP_FIRST),
    ],
)
def test_a_port_alone(port, protocol):
    assert spoken([port]) == {port["containerPort"]: protocol}


def test_the_behaviour_wins_over_all():
    told = {"sidestep.dev/behaviour": '{"protocol": {"8080": "tcp-first", "web": "http"}}'}
    tree = pod(
        container(ports=[{"containerPort": 8080, "name": "grpc"}, {"containerPort": 81, "name": "web"}]),
        annotations=told,
    )
    (found,) = runs(tree, [service({"name": "http", "port": 8080})]).containers
    assert [each.protocol for each in found.ports] == [Protocol.TCP_FIRST, Protocol.HTTP]


def test_ports_that_only_a_service_or_a_probe_names_are_listened_at():
    probed = container(readinessProbe={"httpGet": {"port": 15021, "path": "/ready"}})
    (found,) = runs(pod(probed), [service({"name": "http", "port": 80, "targetPort": 8080})]).containers
    assert {(each.number, each.protocol) for each in found.ports} == {(8080, Protocol.HTTP), (15021, Protocol.AUTO)}


def test_two_containers_cannot_have_one_port():
    ports = [{"containerPort": 8080}]
    found = runs(pod(container("a", ports=ports), container("b", ports=ports)), ())
    assert [len(each.ports) for each in found.containers] == [1, 0]
    assert "container b: port 8080" in found.problems[0]


def test_an_injected_proxy_is_not_run():
    found = runs(pod(container(), container("istio-proxy", ports=[{"containerPort": 15090}])), ())
    assert [each.name for each in found.containers] == ["app"]


def test_behaviour_in_annotations_and_environment():
    told = {
        "sidestep.dev/behaviour": '{"latency": "50ms", "error_rate": 0.25, "size": 10}',
        "sidestep.dev/behaviour.b": '{"latency": 2}',
    }
    third = container("c", env=[{"name": "SIDESTEP_BEHAVIOUR", "value": '{"version": "v3"}'}])
    a, b, c = (
        each.behaviour for each in runs(pod(container("a"), container("b"), third, annotations=told), ()).containers
    )
    assert (a.latency, a.error_rate, a.size) == (0.05, 0.25, 10)
    assert (b.latency, b.error_rate) == (2, 0)
    assert (c.latency, c.version) == (0, "v3")


def test_payments_work_for_50_ms_where_nothing_else_is_said():
    def latency(text):
        return runs(pod(container(), annotations={"sidestep.dev/behaviour": text}), ()).containers[0].behaviour.latency

    assert (latency('{"service": "payments"}'), latency('{"service": "payments", "latency": 0}')) == (0.05, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "JSON"),
        ('{"latancy": 1}', "latancy"),
        ('{"latency": "soon"}', "latency"),
        ('{"error_rate": 2}', "error_rate"),
        ('{"error_code": 99}', "error_code"),
        ('{"service": "x"}', "service"),
        ('{"protocol": {"80": "smtp"}}', "smtp"),
    ],
)
def test_what_cannot_be_understood_is_told_and_left_out(text, told):
    found = runs(pod(container(ports=[{"containerPort": 80}]), annotations={"sidestep.dev/behaviour": text}), ())
    assert told in found.problems[0]
    assert "sidestep.dev/behaviour" in found.problems[0]
    assert len(found.containers[0].ports) == 1


def test_durations():
    assert [seconds_of(each, "x") for each in ("50ms", "2s", "1.5m", "3", 4, 0.5)] == [0.05, 2, 90, 3, 4, 0.5]
    with pytest.raises(UsageError, match="-1s"):
        seconds_of("-1s", "x")


def test_calls_as_written():
    told = {"sidestep.dev/calls": "http://a:80/, POST http://b:80/x"}
    assert runs(pod(container(), annotations=told), ()).containers[0].behaviour.calls == (
        "http://a:80/",
        "POST http://b:80/x",
    )


def test_calls_are_seen_in_the_environment_where_there_is_such_a_service():
    env = [
        {"name": "CART_ADDR", "value": "cart:7070"},
        {"name": "DB_URL", "value": "tcp://db.shop:5432/"},
        {"name": "COLLECTOR_ADDR", "value": "collector:4317"},
        {"name": "WRONG_PORT_ADDR", "value": "cart:1"},
        {"name": "GREETING", "value": "cart:7070"},
        {"name": "OTHER_ADDR", "value": "db.other:5432"},
    ]
    services = [service({"name": "grpc", "port": 7070}, name="cart"), service({"port": 5432}, name="db")]
    (found,) = runs(pod(container(env=env)), services).containers
    assert found.behaviour.calls == ("grpc://cart:7070/sidestep.Workload/Call", "tcp://db.shop:5432/")
    none = pod(container(env=env), annotations={"sidestep.dev/calls": "none"})
    assert runs(none, services).containers[0].behaviour.calls == ()


def test_probes():
    tree = container(
        ports=[{"containerPort": 8080, "name": "web"}],
        livenessProbe={"httpGet": {"port": "web", "path": "healthz", "httpHeaders": [{"name": "A", "value": "b"}]}},
        readinessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 3, "failureThreshold": 1},
        startupProbe={"exec": {"command": ["true"]}, "initialDelaySeconds": 5},
    )
    probes = {each.kind: each for each in runs(pod(tree), ()).containers[0].probes}
    live, ready, start = (probes[each] for each in (ProbeKind.LIVENESS, ProbeKind.READINESS, ProbeKind.STARTUP))
    assert (live.port, live.path, live.headers, live.period, live.failure_threshold) == (
        8080,
        "/healthz",
        (("A", "b"),),
        10,
        3,
    )
    assert (ready.port, ready.path, ready.period, ready.failure_threshold) == (8080, "", 3, 1)
    assert (start.command, start.initial_delay) == (("true",), 5)


def test_what_is_said_of_a_container_that_does_not_run_is_told():
    said = {"sidestep.dev/command.init": "true", "sidestep.dev/behaviour.main": "{}", "sidestep.dev/proxy": "sidecar"}
    found = runs(pod(container(name="main"), annotations=said), ())
    assert [each.partition(":")[0] for each in found.problems] == ["annotation sidestep.dev/command.init"]


@pytest.mark.parametrize(("name", "calls"), [("productpage-v1", 2), ("reviews-v1", 0), ("reviews-v3", 1)])
def test_bookinfo_calls_as_its_programs_do(corpus, name, calls):
    found = _runs(corpus / "bookinfo/apps/bookinfo.yaml", name)
    assert len(found.containers[0].behaviour.calls) == calls
    assert found.problems == ()


@pytest.mark.parametrize(("name", "calls"), [("frontend", 7), ("checkoutservice", 6), ("adservice", 0)])
def test_online_boutique_calls_as_its_environment_says(corpus, name, calls):
    assert len(_runs(corpus / "online-boutique/kubernetes-manifests.yaml", name).containers[0].behaviour.calls) == calls


def _runs(path, name):
    found = [each for each in yaml.safe_load_all(path.read_text()) if each]
    services = [each for each in found if each["kind"] == "Service"]
    template = next(each for each in found if each["kind"] == "Deployment" and each["metadata"]["name"] == name)
    return runs(template["spec"]["template"], services)
