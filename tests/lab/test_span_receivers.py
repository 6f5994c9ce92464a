"""Spans go to a receiver that is none of ours, over gRPC and HTTP, in the mesh and outside of it, as its provider says."""

import json
import sys
from pathlib import Path

import pytest
from tests.support.lab import ROOT
from tests.support.labs import ambient, eventually, lab, namespace, workload
from tests.support.scenes import mesh_config

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

KEY = [{"name": "x-key", "value": "given"}]
WITHIN, OUTSIDE = "collector.tools.svc.cluster.local", "otel.example.com"
PROVIDERS = {
    "grpc": {
        "service": WITHIN, "port": 4317, "maxTagLength": 8, "grpc": {"timeout": "5s", "initialMetadata": KEY},
        "resourceDetectors": {"environment": {}},
    },
    "grpc-outside": {"service": f"tools/{OUTSIDE}", "port": 4317},
    "http-outside": {
        "service": OUTSIDE, "port": 4318, "http": {"path": "/mine/v1/traces", "timeout": "5s", "headers": KEY},
    },
    "nobody": {"service": "nobody.example.com", "port": 4317},
    "half": {"service": WITHIN, "port": 4317, "dynatraceSampler": {"tenant": "a", "clusterId": 1}},
}  # fmt: skip
FLEET = "grpc-fleet"
PATH = "/a/path/that/is/long"
OF_POD = {"proxy.istio.io/config": json.dumps({"proxyMetadata": {"OTEL_RESOURCE_ATTRIBUTES": "team=one"}})}


def traced(space, provider):
    asked = {"providers": [{"name": provider}], "randomSamplingPercentage": 100}
    meta = {"name": "spans", "namespace": space}
    return {"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": meta, "spec": {"tracing": [asked]}}


def receiver():
    command = f"exec {sys.executable} -P {Path(ROOT, 'tests/support/otlp_receiver.py')}"
    deployment, service = workload("collector", "tools", port=4317, annotations={"sidestep.dev/command": command})
    ports = (("grpc", 4317), ("http", 4318))
    service["spec"]["ports"] = [{"name": name, "port": port, "targetPort": port} for name, port in ports]
    outside = {
        "hosts": [OUTSIDE], "location": "MESH_EXTERNAL", "resolution": "DNS", "endpoints": [{"address": WITHIN}],
        "ports": [{"number": port, "name": name, "protocol": name.upper()} for name, port in ports],
    }  # fmt: skip
    meta = {"name": "otel", "namespace": "tools"}
    entry = {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": meta, "spec": outside}
    return [namespace("tools"), deployment, service, entry]


def fleet():
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "waypoint", "namespace": FLEET},
        "spec": {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]},
    }  # fmt: skip
    deployment, service = workload("cart", FLEET)
    service["metadata"] = {**service["metadata"], "labels": {"istio.io/use-waypoint": "waypoint"}}
    return [ambient(FLEET), traced(FLEET, "grpc-outside"), gateway, *workload("web", FLEET), deployment, service]


def trace_of(space):
    return space.encode().hex().ljust(32, "0")[:32]


@pytest.fixture(scope="module")
def shop():
    listed = [{"name": name, "opentelemetry": told} for name, told in PROVIDERS.items()]
    objects = [mesh_config(extensionProviders=listed), *receiver(), *fleet()]
    for name in PROVIDERS:
        pods = (*workload("web", name, annotations=OF_POD), *workload("cart", name))
        objects += [namespace(name, **{"istio-injection": "enabled"}), traced(name, name), *pods]
    with lab(*objects) as made:
        for space in (*PROVIDERS, FLEET):
            sampled = {"traceparent": f"00-{trace_of(space)}-{'c' * 16}-01"}
            assert made.call(f"{space}/web", f"http://cart{PATH}", headers=sampled)[0].ok
        yield made


def told(shop, space):
    """Requests that the receiver got of a trace: how, with which headers, and their spans."""
    lines = [json.loads(each) for each in shop.client.ask(api.Logs("tools/collector", 1000)) if each.startswith("{")]
    return [each for each in lines if any(span["trace"] == trace_of(space) for span in each["spans"])]


def spans(shop, space):
    return [span for each in told(shop, space) for span in each["spans"] if span["trace"] == trace_of(space)]


def services(shop, space):
    return {each["resource"]["service.name"].partition(".")[0] for each in spans(shop, space)}


@pytest.mark.parametrize(
    ("space", "how", "proxies"),
    [
        ("grpc", "grpc", {"web", "cart"}), ("grpc-outside", "grpc", {"web", "cart"}),
        ("http-outside", "http", {"web", "cart"}), (FLEET, "grpc", {"waypoint"}),
    ],
)  # fmt: skip
def test_every_proxys_spans_arrive(shop, space, how, proxies):
    assert eventually(lambda: services(shop, space) == proxies), told(shop, space)
    assert {each["how"] for each in told(shop, space)} == {how}


def test_what_a_provider_says_of_its_requests_is_carried_out(shop):
    assert eventually(lambda: services(shop, "grpc") == services(shop, "http-outside") == {"web", "cart"})
    assert {each["headers"]["x-key"] for each in told(shop, "grpc")} == {"given"}
    over_http = [each["headers"] for each in told(shop, "http-outside")]
    assert {(each[":path"], each["x-key"], each["host"]) for each in over_http} == {
        ("/mine/v1/traces", "given", OUTSIDE)
    }
    assert {each["x-envoy-expected-rq-timeout-ms"] for each in over_http} == {"5000"}


def test_what_a_provider_says_of_spans_is_carried_out(shop):
    assert eventually(lambda: services(shop, "grpc") == services(shop, "grpc-outside") == {"web", "cart"})
    cut, whole = (
        {each["attributes"]["http.url"] for each in spans(shop, space) if "http.url" in each["attributes"]}
        for space in ("grpc", "grpc-outside")
    )
    assert cut == {f"http://cart{PATH[:8]}"}
    assert whole == {f"http://cart{PATH}"}
    teams = {(each["resource"]["service.name"], each["resource"].get("team")) for each in spans(shop, "grpc")}
    assert teams == {("web.grpc", "one"), ("cart.grpc", None)}


def test_what_is_not_carried_out_is_said(shop):
    said = [each for each in shop.client.ask(api.Status())["misgivings"] if "extensionProviders" in each]
    assert said == [
        "ConfigMap istio-system/istio: extensionProviders 'half': opentelemetry.dynatraceSampler is not carried out",
        "ConfigMap istio-system/istio: extensionProviders 'nobody': there is no service nobody.example.com: no span is made",
    ]
    assert eventually(lambda: services(shop, "half") == {"web", "cart"})
    assert told(shop, "nobody") == []
