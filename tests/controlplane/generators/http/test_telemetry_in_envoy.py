"""Lines and spans of the real Envoy: they tell what they should, and the lab reads them."""

import http.client
import json
import time

import pytest
from google.protobuf.json_format import MessageToDict
from tests.support.envoy import MeshIdentities, running_envoy
from tests.support.envoy_config import extension
from tests.support.mesh import mesh, o
from tests.support.scenes import mesh_config
from tests.support.workloads import workload

from sidestep.controlplane.generators.http.telemetry import REQUESTS, Reporter, counted, counted_bytes, tracing, written
from sidestep.controlplane.generators.http.upstreams import Upstream, outside_cluster, outside_name
from sidestep.lab.metrics.requests import decode
from sidestep.lab.traces.spans import SpanKind
from sidestep.lab.workload.containers import Behaviour, Protocol
from sidestep.semantics.telemetry import SERVER, Telemetries

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("envoy-telemetry")]
TRACE, PARENT = "a" * 32, "b" * 16
COLLECTOR = "127.0.0.1"


def eventually(found):
    for _ in range(400):
        if told := found():
            return told
        time.sleep(0.05)
    raise AssertionError("it never came")


def telemetry(space="istio-system", **spec):
    return o.istio("Telemetry", f"t-{space}", space, spec)


def observed(port, *, path, **spec):
    told = {"service": COLLECTOR, "port": port, **({"http": {"path": path}} if path else {})}
    config = mesh_config(
        accessLogFile="/dev/stdout",
        extensionProviders=[
            {"name": "spans", "opentelemetry": told},
            {"name": "json", "envoyFileAccessLog": {"path": "/dev/stdout", "logFormat": {"labels": {"mine": "%REQ(:METHOD)%"}}}},
        ],
    )  # fmt: skip
    asked = {"tracing": [{"providers": [{"name": "spans"}], "randomSamplingPercentage": 100}], **spec}
    return Telemetries(mesh(config, telemetry(**asked)), "istio-system").of(SERVER, "shop", {})


def listener(told, upstream):
    logs = [*written(told.logs)]
    spans = MessageToDict(tracing(told.tracing, outside_name(upstream), "cart.shop"))
    manager = extension(
        "manager", "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix="in", tracing=spans,
        access_log=[MessageToDict(each) for each in logs], http_filters=[extension("router", "filters.http.router.v3.Router")],
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}]},
    )  # fmt: skip
    where = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    return {"name": "in", "address": where, "filter_chains": [{"filters": [manager]}]}


def ask(port, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/things", headers={"Host": "cart", **headers})
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(("protocol", "path"), [(Protocol.GRPC, ""), (Protocol.HTTP, "/v1/traces")])
def test_spans_come_to_the_labs_collector(tmp_path, protocol, path):
    kept = []
    with workload(Behaviour(service="collector"), protocol, keep=kept.extend) as port:
        upstream = Upstream(COLLECTOR, port, http2=protocol is Protocol.GRPC)
        told = observed(port, path=path)
        clusters = [MessageToDict(outside_cluster(upstream))]
        config = {"static_resources": {"listeners": [listener(told, upstream)], "clusters": clusters}}
        with running_envoy(config, MeshIdentities(tmp_path)) as envoy:
            ask(envoy.ports["in"], traceparent=f"00-{TRACE}-{PARENT}-01")
            span = eventually(lambda: kept and kept[0])
    assert (span.trace, span.parent, span.kind, span.service) == (TRACE, PARENT, SpanKind.SERVER, "cart.shop")
    assert span.end >= span.start > 0


def test_lines_in_istios_forms(tmp_path):
    texts = [each.form for each in observed(1, path="").logs]
    assert [each.json for each in texts] == [False]
    both = observed(
        1,
        path="",
        accessLogging=[
            {"providers": [{"name": "envoy"}, {"name": "json"}], "filter": {"expression": "response.code >= 200"}}
        ],
    )
    upstream = Upstream(COLLECTOR, 1)
    config = {
        "static_resources": {
            "listeners": [listener(both, upstream)],
            "clusters": [MessageToDict(outside_cluster(upstream))],
        }
    }
    with running_envoy(config, MeshIdentities(tmp_path)) as envoy:
        ask(envoy.ports["in"])
        log = tmp_path / "envoy.log"
        text = eventually(lambda: '"mine"' in log.read_text() and log.read_text())
    lines = text.splitlines()
    assert any('"GET /things HTTP/1.1" 200 - direct_response - "-" 0 0' in each for each in lines)
    assert {"mine": "GET"} in [json.loads(each) for each in lines if each.startswith("{")]


def test_the_line_for_metrics_can_be_read():
    form = MessageToDict(counted(Reporter.DESTINATION))["typedConfig"]
    assert form["path"] == REQUESTS
    line = {key: value.replace("%", "") for key, value in form["logFormat"]["jsonFormat"].items()}
    numbers = {"code": 200, "grpc": None, "received": 1, "sent": 2, "duration": 3}
    read = decode(json.dumps({**line, **numbers}))
    assert (read.reporter, read.code, read.sent, read.identity) == ("destination", 200, 2, "DOWNSTREAM_PEER_URI_SAN")
    of_bytes = MessageToDict(counted_bytes(Reporter.DESTINATION))["typedConfig"]["logFormat"]["jsonFormat"]
    assert set(line) | set(numbers) | set(of_bytes) == set(type(read).__struct_fields__)
