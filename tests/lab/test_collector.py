"""Spans go to a real OpenTelemetry Collector, as to the lab's own.

It takes minutes to build, so that only who asks for it has it: `python -m tools.test_servers otelcol`.
"""

import pytest
from tests.support.labs import eventually, lab, namespace, workload
from tests.support.scenes import mesh_config
from tools.test_servers import path_of

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

_CONFIG = """
receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}, http: {endpoint: "0.0.0.0:4318"}}}}
exporters: {debug: {verbosity: detailed}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
"""
_PROVIDERS = {
    "by-http": {"service": "collector.tools.svc.cluster.local", "port": 4318, "http": {"path": "/v1/traces"}},
    "by-grpc": {"service": "collector.tools.svc.cluster.local", "port": 4317},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    program = path_of("otelcol")
    if program is None:
        pytest.skip("no OpenTelemetry Collector is here: python -m tools.test_servers otelcol")
    config = tmp_path_factory.mktemp("collector") / "config.yaml"
    config.write_text(_CONFIG)
    command = f"exec {program} --config file:{config}"
    deployment, service = workload("collector", "tools", port=4317, annotations={"sidestep.dev/command": command})
    service["spec"]["ports"] = [
        {"name": name, "port": port, "targetPort": port} for name, port in (("grpc", 4317), ("http", 4318))
    ]
    providers = [{"name": name, "opentelemetry": told} for name, told in _PROVIDERS.items()]
    spaces = [namespace(name, **{"istio-injection": "enabled"}) for name in _PROVIDERS]
    telemetries = [
        {
            "apiVersion": "telemetry.istio.io/v1",
            "kind": "Telemetry",
            "metadata": {"name": "spans", "namespace": name},
            "spec": {"tracing": [{"providers": [{"name": name}], "randomSamplingPercentage": 100}]},
        }
        for name in _PROVIDERS
    ]
    pods = [each for name in _PROVIDERS for kind in ("web", "cart") for each in workload(kind, name)]
    with lab(mesh_config(extensionProviders=providers), *spaces, *telemetries, *pods, deployment, service) as made:
        yield made


@pytest.mark.parametrize("name", _PROVIDERS)
def test_a_real_collector_takes_the_spans_of_proxies(shop, name):
    trace = name.encode().hex().ljust(32, "0")
    sampled = {"traceparent": f"00-{trace}-{'c' * 16}-01"}

    def told():
        return "\n".join(shop.client.ask(api.Logs("tools/collector", 100_000)))

    def arrived():
        assert shop.call(f"{name}/web", "http://cart/", headers=sampled)[0].ok
        return trace in told() and f"cart.{name}" in told()

    assert eventually(arrived, 30), told()[-2000:]
