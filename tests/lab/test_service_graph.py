"""The service graph of whole labs: every call is there, with what saw it and how secured it was; no half of one stands alone."""

import json
import threading
from pathlib import Path

import msgspec
import pytest
import yaml
from tests.support.lab import ROOT
from tests.support.labs import ambient, eventually, lab, namespace, workload
from tests.support.scenes import mesh_config

from sidestep.lab.api import messages as api
from sidestep.lab.graph.result import Security, ServiceGraph
from sidestep.lab.graph.sightings import Layer

pytestmark = pytest.mark.real

L4, L7, APP = Layer.L4, Layer.L7, Layer.APPLICATION
TRACED = {"sidestep.dev/behaviour": json.dumps({"tracing": 1})}
BOUND = {"istio.io/use-waypoint": "waypoint"}
CALLS = 3


def graph(made, seconds=0.0):
    return msgspec.convert(made.client.ask(api.Graph(seconds)), ServiceGraph)


def edges(made):
    return {(each.client, each.server): each for each in graph(made).edges}


def shown(made):
    return {pair: (each.seen, each.security, each.through) for pair, each in edges(made).items()}


SAMPLE = {
    ("old/web", "old/cart"): ((L7, APP), Security.MTLS, ()),
    ("old/web", "new/orders"): ((L4, L7, APP), Security.MTLS, ()),
    ("new/orders", "new/stock"): ((L4, L7, APP), Security.MTLS, ("new/waypoint",)),
    ("new/orders", "plain/legacy"): ((L4, APP), Security.PLAIN, ()),
    ("plain/legacy", "old/cart"): ((L7, APP), Security.PLAIN, ()),
}


@pytest.fixture(scope="module")
def sample():
    objects = [each for each in yaml.safe_load_all(Path(ROOT, "docs/examples/hybrid.yaml").read_text()) if each]
    with lab(*objects) as made:
        for _ in range(CALLS):
            (outcome,) = made.call("plain/legacy", "http://web.old/")
            assert outcome.ok, outcome
        yield made


def test_each_edge_of_the_sample_is_there_and_nothing_is_cut_by_the_waypoint(sample):
    assert shown(sample) == {**SAMPLE, ("plain/legacy", "old/web"): ((L7,), Security.PLAIN, ())}
    found = graph(sample)
    assert found.holes == ()
    assert {f"{each.namespace}/{each.name}": each.mesh[0].value for each in found.nodes} == {
        "old/web": "sidecar", "old/cart": "sidecar", "new/orders": "ambient", "new/stock": "ambient", "plain/legacy": "none",
    }  # fmt: skip


def test_what_is_counted_is_what_was_sent(sample):
    found = edges(sample)
    assert {found[pair].requests for pair, (seen, *_) in SAMPLE.items() if L7 in seen} == {CALLS}
    assert {found[pair].calls for pair in SAMPLE} == {CALLS}
    assert all(found[pair].connections for pair, (seen, *_) in SAMPLE.items() if L4 in seen)
    assert {each.failed for each in found.values()} == {0}


def test_what_was_answered_a_moment_ago_is_there_at_once(sample):
    """Proxies write what they saw each second, workloads their spans a moment later: who asks has it written."""
    for _ in range(3):
        before = edges(sample)
        sample.call("plain/legacy", "http://web.old/", fresh=True)
        now = edges(sample)
        assert now.keys() == {*SAMPLE, ("plain/legacy", "old/web")}
        for pair, edge in now.items():
            assert (edge.requests or 0) - (before[pair].requests or 0) == int(L7 in edge.seen), pair
            assert (edge.calls or 0) - (before[pair].calls or 0) == int(APP in edge.seen), pair
        assert (now["new/orders", "new/stock"].failed, graph(sample).holes) == (0, ())


def test_who_is_gone_is_not_forgotten(sample):
    """Proxies write of a call when the pods of its ends may have been exchanged already, names and addresses with them."""
    sample.call("plain/legacy", "http://web.old/", fresh=True)
    for pod in sample.client.ask(api.List("pods", "old")):
        sample.client.ask(api.Delete([pod]))
    sample.settle()
    assert edges(sample).keys() == {*SAMPLE, ("plain/legacy", "old/web")}
    assert graph(sample).holes == ()


def test_what_the_lab_asks_packets_itself_is_nobodys_call(sample):
    before = shown(sample).keys()
    assert all(each["right"] for each in sample.client.ask(api.Verify()))
    sample.call("plain/legacy", "http://cart.old/")
    assert shown(sample).keys() == before


def test_what_is_seen_from_now_on_is_a_rate(sample):
    found: list[ServiceGraph] = []
    looking = threading.Thread(target=lambda: found.append(graph(sample, 4.0)))
    looking.start()
    while looking.is_alive():
        sample.call("new/stock", "http://legacy.plain/")
    seen = {(each.client, each.server): each for each in found[0].edges}
    assert seen.keys() == {("new/stock", "plain/legacy"), ("plain/legacy", "old/cart")}
    assert found[0].seconds == 4.0


COLLECTOR = workload("collector", "tools", annotations={"sidestep.dev/behaviour": json.dumps({"service": "collector"})})
MESH = mesh_config(
    extensionProviders=[
        {
            "name": "spans",
            "opentelemetry": {
                "service": "collector.tools.svc.cluster.local",
                "port": 80,
                "http": {"path": "/v1/traces"},
            },
        }
    ]
)
TELEMETRY = {
    "apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": {"name": "mesh", "namespace": "istio-system"},
    "spec": {"tracing": [{"providers": [{"name": "spans"}], "randomSamplingPercentage": 100}]},
}  # fmt: skip
WAYPOINT = {
    "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "waypoint", "namespace": "fleet"},
    "spec": {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]},
}  # fmt: skip
NOBODY = {
    "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "nobody", "namespace": "fleet"},
    "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "shut"}]},
}  # fmt: skip


def of_bytes(name, space):
    deployment, service = workload(name, space)
    service["spec"]["ports"][0]["name"] = "tcp"
    return [deployment, service]


@pytest.fixture(scope="module")
def mixed():
    """Bytes and requests, refused ones too, between sidecars, through a waypoint and without a mesh; proxies make spans."""
    objects = [
        MESH, TELEMETRY, WAYPOINT, NOBODY, *COLLECTOR,
        namespace("shop", **{"istio-injection": "enabled"}), namespace("plain"), namespace("tools"),
        ambient("fleet"),
        *workload("web", annotations={**TRACED, "sidestep.dev/calls": "http://cart/"}), *workload("cart"), *of_bytes("db", "shop"),
        *workload("ship", "fleet", annotations={**TRACED, "sidestep.dev/calls": "http://dock/, http://shut/"}),
        *workload("dock", "fleet"), *workload("shut", "fleet"), *of_bytes("log", "fleet"),
        *workload("job", "plain", annotations={**TRACED, "sidestep.dev/calls": "http://task/"}), *workload("task", "plain"),
    ]  # fmt: skip
    for each in objects:
        if each["kind"] == "Service" and each["metadata"]["name"] in ("dock", "shut", "log"):
            each["metadata"] = {**each["metadata"], "labels": BOUND}
    with lab(*objects) as made:
        for client, url in (
            ("shop/cart", "http://web/"), ("shop/web", "tcp://db:80"), ("fleet/dock", "http://ship/"),
            ("fleet/ship", "tcp://log:80"), ("plain/task", "http://job/"),
        ):  # fmt: skip
            made.call(client, url)
        yield made


def test_bytes_and_refusals_and_calls_without_a_mesh_are_there(mixed):
    expected = {
        ("shop/cart", "shop/web"): ((L7, APP), Security.MTLS, ()),
        ("shop/web", "shop/cart"): ((L7, APP), Security.MTLS, ()),
        ("shop/web", "shop/db"): ((L4,), Security.MTLS, ()),
        ("fleet/dock", "fleet/ship"): ((L4, APP), Security.MTLS, ()),
        ("fleet/ship", "fleet/dock"): ((L4, L7, APP), Security.MTLS, ("fleet/waypoint",)),
        ("fleet/ship", "fleet/shut"): ((L4, L7, APP), Security.MTLS, ("fleet/waypoint",)),
        ("fleet/ship", "fleet/log"): ((L4,), Security.MTLS, ("fleet/waypoint",)),
        ("plain/task", "plain/job"): ((APP,), Security.UNKNOWN, ()),
        ("plain/job", "plain/task"): ((APP,), Security.UNKNOWN, ()),
    }
    assert expected.keys() <= shown(mixed).keys()
    assert graph(mixed).holes == ()
    # That a call without a span of its own was the application's is told by the spans of proxies, which come later.
    assert eventually(lambda: expected.items() <= shown(mixed).items()), expected.items() ^ shown(mixed).items()
    others = shown(mixed).keys() - expected.keys()
    assert all("tools/collector" in pair for pair in others), others


def test_what_was_refused_is_counted_as_failed(mixed):
    found = edges(mixed)
    assert {(each.failed, each.calls_failed) for each in (found["fleet/ship", "fleet/shut"],)} == {(1, 1)}
    assert (found["fleet/ship", "fleet/dock"].failed, found["fleet/ship", "fleet/dock"].calls) == (0, 1)
