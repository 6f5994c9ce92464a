"""The whole lab with waypoints: from pods by their nodes through real waypoints, whatever becomes of those."""

import pytest
from tests.support.labs import ambient, eventually, lab, under_load, workload
from tests.support.prometheus import scraping
from tests.support.scenes import mesh_config

from sidestep.errors import WorldError
from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

_GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "waypoint", "namespace": "shop"},
    "spec": {
        "gatewayClassName": "istio-waypoint",
        "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
    },
}
_CART = {"group": "", "kind": "Service", "name": "cart"}


def _object(kind, group, name, **spec):
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": meta, "spec": spec}


def _policy(name, action, *rules, target=_CART):
    spec = {"targetRefs": [target], "action": action, "rules": list(rules)}
    return _object("AuthorizationPolicy", "security.istio.io", name, **spec)


@pytest.fixture(scope="module")
def shop():
    space = ambient("shop")
    space["metadata"]["labels"]["istio.io/use-waypoint"] = "waypoint"
    raw = workload("raw")
    raw[1]["spec"]["ports"][0]["name"] = "tcp"
    objects = (*workload("web"), *workload("cart", replicas=2), *workload("other"), *raw)
    told = {"service": "collector.tools.svc.cluster.local", "port": 80, "http": {"path": "/v1/traces"}}
    config = mesh_config(extensionProviders=[{"name": "spans", "opentelemetry": told}])
    collector = workload("collector", "tools", annotations={"sidestep.dev/behaviour": '{"service": "collector"}'})
    with lab(config, space, _GATEWAY, *objects, *collector) as made:
        made.settle()
        yield made


@pytest.fixture
def applied(shop):
    """Apply objects for one test."""
    there = []

    def apply(*objects):
        shop.apply(*objects)
        there.extend(objects)
        shop.settle()

    yield apply
    if there:
        shop.client.ask(api.Delete(there))
        shop.settle()


def _asked(made, path="/", client="web", url="http://cart"):
    return made.call(f"shop/{client}", f"{url}{path}")[0]


def test_a_waypoint_comes_up_and_requests_go_through_it(shop):
    assert eventually(lambda: _asked(shop).ok)
    waypoints = [each for each in shop.client.ask(api.List("pods")) if _is_waypoint(each)]
    addresses = {each["status"]["podIP"] for each in waypoints}
    body = _asked(shop).body
    assert any(f'"peer":"{address}:' in body for address in addresses)


def _is_waypoint(pod):
    return pod["metadata"].get("annotations", {}).get("sidestep.dev/proxy") == "waypoint"


def test_policies_and_routes_of_layer_7_are_in_force_and_live(shop, applied):
    applied(_policy("no", "DENY", {"to": [{"operation": {"paths": ["/no"]}}]}))
    assert eventually(lambda: _asked(shop, "/no").code == 403)
    assert _asked(shop).code == 200
    web = {"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}
    applied(_policy("web", "ALLOW", {"from": [web]}))
    assert eventually(lambda: _asked(shop, client="other").code == 403)
    assert _asked(shop).code == 200
    rule = {"backendRefs": [{"name": "other", "port": 80}]}
    applied(_object("HTTPRoute", "gateway.networking.k8s.io", "r", parentRefs=[_CART], rules=[rule]))
    assert eventually(lambda: _asked(shop).pod.startswith("shop/other-"))


CALLS = 3
_COUNTED = {
    "source_workload": "web", "source_principal": "spiffe://cluster.local/ns/shop/sa/web",
    "destination_principal": "spiffe://cluster.local/ns/shop/sa/raw", "destination_workload": "raw",
    "destination_service": "raw.shop.svc.cluster.local", "request_protocol": "tcp", "connection_security_policy": "mutual_tls",
}  # fmt: skip


def test_what_it_saw_is_counted_and_scraped_by_a_real_prometheus(shop, tmp_path):
    """Connections of which it reads nothing, and requests."""
    assert eventually(lambda: shop.call("shop/web", "tcp://raw:80")[0].ok)
    assert all(shop.call("shop/web", "tcp://raw:80")[0].ok for _ in range(CALLS))
    assert _asked(shop).ok
    with scraping(tmp_path, lambda: shop.client.ask(api.Metrics())) as ask:
        opened = f'istio_tcp_connections_opened_total{{reporter="waypoint"}} > {CALLS}'
        assert eventually(lambda: bool(ask(opened)), 30)
        [found] = ask(opened)
        assert found.items() >= _COUNTED.items()
        every = 'istio_tcp_connections_closed_total == ignoring(job) istio_tcp_connections_opened_total{reporter="waypoint"}'
        assert eventually(lambda: bool(ask(every)), 30)
        assert ask('istio_tcp_connections_failed_total{reporter="waypoint"}') == []
        assert ask(f'istio_tcp_sent_bytes_total{{reporter="waypoint"}} > {CALLS}')
        assert eventually(lambda: bool(ask('istio_requests_total{reporter="waypoint",response_code="200"}')), 30)


def test_a_control_plane_that_comes_back_sends_a_waypoint_nothing_again(shop):
    before = _told(shop)
    assert before
    shop.client.ask(api.Fault("controlplane", "kill"))
    assert eventually(lambda: _told(shop) == before)
    assert _asked(shop).ok


def _told(made):
    """What the waypoint was told; nothing while the control plane is away."""
    try:
        return made.client.ask(api.ConfigDump("shop/waypoint"))
    except WorldError:
        return []


def test_policies_come_and_go_under_load_and_no_request_is_lost(shop):
    rule = {"to": [{"operation": {"paths": ["/no"]}}]}
    policy = _policy("no", "DENY", rule, target={**_CART, "name": "other"})
    with under_load(shop, "shop/web", "http://other.shop/", 2.0) as result:
        for _ in range(5):
            shop.apply(policy)
            shop.settle()
            shop.client.ask(api.Delete([policy]))
            shop.settle()
    assert result["sent"] == result["ok"], result["failures"]


def test_a_waypoint_that_is_killed_comes_back(shop):
    [name] = [each for each in shop.client.ask(api.Status())["processes"] if each.startswith("waypoint/")]
    shop.client.ask(api.Fault(name, "kill"))
    assert eventually(lambda: _asked(shop).ok)
    shop.settle()


_LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
_MARKS = """
function envoy_on_request(handle)
  handle:headers():add("x-patched", "yes")
end
"""


def test_an_envoy_filter_that_is_attached_patches_filters_and_what_it_does_not_patch_is_named(shop, applied):
    router = {
        "name": "envoy.filters.network.http_connection_manager",
        "subFilter": {"name": "envoy.filters.http.router"},
    }
    match = {"context": "SIDECAR_INBOUND", "listener": {"filterChain": {"filter": router}}}
    marks = {"name": "marks", "typed_config": {"@type": _LUA, "default_source_code": {"inline_string": _MARKS}}}
    patches = [
        {"applyTo": "HTTP_FILTER", "match": match, "patch": {"operation": "INSERT_BEFORE", "value": marks}},
        {"applyTo": "CLUSTER", "patch": {"operation": "MERGE", "value": {}}},
    ]
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}
    spec = {"targetRefs": [target], "configPatches": patches}
    meta = {"name": "marks", "namespace": "shop"}
    applied({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": meta, "spec": spec})
    assert eventually(lambda: '["x-patched","yes"]' in _asked(shop).body)
    [named] = [
        each for each in shop.client.ask(api.Status())["misgivings"] if each.startswith("EnvoyFilter shop/marks")
    ]
    assert "configPatches[1]" in named


_TRACES = {"other": "a" * 32, "cart": "b" * 32}


def _spans_of(made, service):
    """Services whose spans are in the trace of a request to one."""
    return {row["service"] for each in made.client.ask(api.Traces(_TRACES[service])) for row in each["rows"]}


def test_spans_are_made_of_requests_to_the_services_that_telemetry_names(shop, applied):
    """Both clients ask for spans, and one of the services does: its are told last, and those of the other are not."""
    tracing = [{"providers": [{"name": "spans"}], "randomSamplingPercentage": 100}]
    applied(_object("Telemetry", "telemetry.istio.io", "cart", targetRefs=[_CART], tracing=tracing))
    for service, trace in _TRACES.items():
        sampled = {"traceparent": f"00-{trace}-{'c' * 16}-01"}
        assert shop.call("shop/web", f"http://{service}/", headers=sampled)[0].ok
    assert eventually(lambda: "waypoint.shop" in _spans_of(shop, "cart"), 30), _spans_of(shop, "cart")
    assert eventually(lambda: "other.shop" in _spans_of(shop, "other"), 30)
    assert "waypoint.shop" not in _spans_of(shop, "other")
