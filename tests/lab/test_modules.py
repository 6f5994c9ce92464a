"""WasmPlugins and TrafficExtensions by packets: what runs where, in which order, and what becomes of a broken one."""

import json

import pytest
from tests.support.labs import eventually, lab
from tests.support.wasm import module

from sidestep.demo.words import BOUND, DELETE, deny, gateway, pods, service, spaces, thing, waypoint
from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

AT_WAYPOINT = {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}]}
AT_SIDECAR = {"selector": {"matchLabels": {"app": "side"}}}
AT_GATEWAY = {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}]}
LUA = """function envoy_on_request(handle)
  handle:headers():add("x-seen", "{name}")
  if handle:headers():get("x-lua") then handle:respond({[":status"] = "418"}, "no") end
end"""


def plugin(name, url, where, **spec):
    return thing("extensions.istio.io/v1alpha1", "WasmPlugin", name, spec={"url": url, **where, **spec})


def lua(name, where, **spec):
    code = {"inlineCode": LUA.replace("{name}", name)}
    return thing("extensions.istio.io/v1alpha1", "TrafficExtension", name, spec={"lua": code, **where, **spec})


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    folder.chmod(0o755)
    for name, content in (("adds", module()), ("breaks", module(breaks=True))):
        (folder / f"{name}.wasm").write_bytes(content)
    both = [
        each
        for side, where in (("side", AT_SIDECAR), ("way", AT_WAYPOINT))
        for each in (
            plugin(f"{side}-adds", f"file://{folder}/adds.wasm", where, phase="AUTHN"),
            lua(f"{side}-late", where, phase="STATS"),
            lua(f"{side}-low", where, phase="AUTHZ", priority=1),
            lua(f"{side}-high", where, phase="AUTHZ", priority=10),
        )
    ]
    made = [
        pods("web", "ambient"), pods("side", "sidecar"), pods("way", "ambient"), pods("caller", "sidecar"),
        *(pods(name, "sidecar") for name in ("shut", "open", "gone", "lost")),
        *(service(name) for name in ("side", "shut", "open", "gone", "lost")), service("way", labels=BOUND), waypoint(),
        *both, deny(app="side"),
        *(
            plugin(name, url, {"selector": {"matchLabels": {"app": name}}}, failStrategy=strategy)
            for name, url, strategy in (
                ("shut", f"file://{folder}/breaks.wasm", "FAIL_CLOSE"), ("open", f"file://{folder}/breaks.wasm", "FAIL_OPEN"),
                ("gone", "oci://registry.example/module:1", "FAIL_OPEN"), ("lost", "oci://registry.example/module:1", "FAIL_CLOSE"),
            )
        ),
        *gateway(), service("cart"), pods("cart", "none"),
        plugin("edge-adds", f"file://{folder}/adds.wasm", AT_GATEWAY, phase="AUTHN"),
        lua("edge-attached", AT_GATEWAY),
        lua("edge-selected", {"selector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "edge"}}}, priority=1),
        lua("edge-served", AT_GATEWAY, match=[{"mode": "SERVER"}]),
        lua("caller", {"selector": {"matchLabels": {"app": "caller"}}, "match": [{"mode": "CLIENT", "ports": [{"number": 80}]}]}),
        thing("extensions.istio.io/v1alpha1", "WasmPlugin", "of-service", spec={"url": "file:///x", "targetRefs": [
            {"group": "", "kind": "Service", "name": "way"}]}),
    ]  # fmt: skip
    with lab(*spaces(), *made) as up:
        yield up


def headers(outcome):
    found = {}
    for name, value in json.loads(outcome.body)["headers"]:
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("server", ["side", "way"])
def test_code_runs_by_phase_and_priority(shop, server):
    def reached():
        (outcome,) = shop.call("shop/web", f"http://{server}/")
        return outcome.ok and headers(outcome)

    assert eventually(lambda: reached() and "x-wasm" in reached(), 60)
    found = reached()
    assert found["x-wasm"] == ["was here"]
    seen = ",".join(found["x-seen"]).replace(" ", "").split(",")
    assert seen == [f"{server}-{each}" for each in ("high", "low", "late")]


@pytest.mark.parametrize("server", ["side", "way"])
def test_code_may_answer(shop, server):
    (outcome,) = shop.call("shop/web", f"http://{server}/", headers={"x-lua": "1"})
    assert outcome.code == 418


def test_policies_come_before_what_is_late(shop):
    (outcome,) = shop.call("shop/web", "http://side/items/1", method=DELETE["method"])
    assert outcome.code == 403


def test_code_of_clients_runs_where_they_send(shop):
    (outcome,) = shop.call("shop/caller", "http://gone/")
    assert headers(outcome)["x-seen"] == ["caller"]
    (outcome,) = shop.call("shop/web", "http://gone/")
    assert "x-seen" not in headers(outcome)


def test_code_of_a_gateway_runs_there_whether_it_is_attached_or_selects(shop):
    def seen():
        (outcome,) = shop.call("outside/caller", "http://edge-istio.shop/")
        return headers(outcome) if outcome.ok else {}

    assert eventually(lambda: "x-wasm" in seen())
    assert ",".join(seen()["x-seen"]).replace(" ", "").split(",") == ["edge-selected", "edge-attached"]
    (outcome,) = shop.call("outside/caller", "http://cart.shop/")
    assert "x-seen" not in headers(outcome)


@pytest.mark.parametrize(("server", "code"), [("shut", 503), ("open", 200), ("gone", 200), ("lost", 500)])
def test_a_module_that_fails_shuts_or_not_as_it_says(shop, server, code):
    assert eventually(lambda: shop.call("shop/web", f"http://{server}/")[0].code == code, 30)


def test_what_cannot_run_is_named(shop):
    told = "\n".join(shop.client.ask(api.Status())["misgivings"])
    assert "WasmPlugin shop/gone: url: nobody fetches modules in a lab" in told
    assert "WasmPlugin shop/of-service: targetRefs" in told
