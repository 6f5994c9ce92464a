"""Routes that lead nowhere, authorizers and keys that nobody serves, what Envoy refuses: as in Istio, and said by name."""

import json

import pytest
from tests.support.labs import ambient, eventually, lab, namespace, workload
from tests.support.scenes import mesh_config

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

BOUND = {"istio.io/use-waypoint": "waypoint"}
MANY = 1000
_AWAY, _SLOW, _UNKNOWN = (f"{name}.tools.svc.cluster.local" for name in ("away", "slow", "unknown"))
_SHORT = {"port": 80, "timeout": "0.2s"}


def made(group, kind, name, spec, space="shop"):
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": space}, "spec": spec}


def waypoint(name):
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
    return made("gateway.networking.k8s.io/v1", "Gateway", name, spec)


def service(name, labels=BOUND, space="shop"):
    spec = {"selector": {"app": "server"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    tree = made("v1", "Service", name, spec, space)
    tree["metadata"]["labels"] = labels
    return tree


def target(name):
    return {"group": "", "kind": "Service", "name": name}


def http_route(name, *rules):
    spec = {"parentRefs": [target(name)], "rules": list(rules)}
    return made("gateway.networking.k8s.io/v1", "HTTPRoute", name, spec)


def to(**weights):
    return {"backendRefs": [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]}


def virtual_service(name, *http):
    return made("networking.istio.io/v1", "VirtualService", name, {"hosts": [name], "http": list(http)})


def led(**weights):
    port = {"number": 80}
    return {"route": [{"destination": {"host": name, "port": port}, "weight": each} for name, each in weights.items()]}


def at(path, **weights):
    return {"match": [{"uri": path}], **led(**weights)}


def provider(name, kind, host, **more):
    return {"name": name, f"envoyExtAuthz{kind}": {"service": host, **_SHORT, **more}}


PROVIDERS = {
    "http-away": (provider("http-away", "Http", _AWAY), 403),
    "http-away-open": (provider("http-away-open", "Http", _AWAY, failOpen=True), 200),
    "http-away-status": (provider("http-away-status", "Http", _AWAY, statusOnError="503"), 503),
    "http-slow": (provider("http-slow", "Http", _SLOW), 403),
    "http-slow-open": (provider("http-slow-open", "Http", _SLOW, failOpen=True), 200),
    "http-slow-status": (provider("http-slow-status", "Http", _SLOW, statusOnError="503"), 503),
    "grpc-away": (provider("grpc-away", "Grpc", _AWAY), 403),
    "grpc-away-open": (provider("grpc-away-open", "Grpc", _AWAY, failOpen=True), 200),
    "grpc-away-status": (provider("grpc-away-status", "Grpc", _AWAY, statusOnError="503"), 503),
    "unknown-open": (provider("unknown-open", "Http", _UNKNOWN, failOpen=True), 403),
    "no-status-open": (provider("no-status-open", "Http", _AWAY, failOpen=True, statusOnError="418"), 403),
}
"""What becomes of a request about which each is to be asked."""


def asks(name):
    rule = {"to": [{"operation": {"paths": ["/asked*"]}}]}
    spec = {"targetRefs": [target(name)], "action": "CUSTOM", "provider": {"name": name}, "rules": [rule]}
    return made("security.istio.io/v1", "AuthorizationPolicy", name, spec)


KEYLESS = {
    "targetRefs": [target("keyless")],
    "jwtRules": [{"issuer": "https://issuer.sidestep.dev", "jwksUri": f"http://{_AWAY}/jwks.json"}],
}
ROUTED = ("gone", "gone-too", "part-gone", "part-gone-too", "nothing", "regex", "many", "around", "plain", "keyless")
NOBODY = {"nobody": 1}
OBJECTS = [
    mesh_config(accessLogFile="/dev/stdout", extensionProviders=[each for each, _ in PROVIDERS.values()]),
    ambient("shop"), namespace("side", **{"istio-injection": "enabled"}), namespace("tools"),
    waypoint("waypoint"), waypoint("second"),
    *workload("web"), *workload("server"), *workload("web", "side"), *workload("server", "side"), *workload("patched", "side"),
    *workload("slow", "tools", annotations={"sidestep.dev/behaviour": json.dumps({"service": "authorizer", "latency": "3s"})}),
    service("away", {}, "tools"),
    *(service(name) for name in (*ROUTED, *PROVIDERS)),
    service("back", {"istio.io/use-waypoint": "second"}),
    http_route("gone", to(**NOBODY)),
    virtual_service("gone-too", led(**NOBODY)),
    http_route("part-gone", to(server=1, **NOBODY)),
    virtual_service("part-gone-too", led(server=50, nobody=50)),
    http_route("nothing", to(server=0, web=0)),
    virtual_service("regex", at({"regex": "/(["}, server=1), led(web=1)),
    virtual_service("many", *(at({"exact": f"/{number}"}, **{("web", "server")[number % 2]: 1}) for number in range(MANY))),
    http_route("around", to(back=1)),
    http_route("back", to(around=1)),
    made("security.istio.io/v1", "RequestAuthentication", "keyless", KEYLESS),
    *map(asks, PROVIDERS),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop():
    with lab(*OBJECTS) as made:
        assert eventually(lambda: _asked(made, "plain").code == 200)
        yield made


def _asked(made, name, path="/", client="shop/web", **headers):
    space = "shop" if "." not in name else ""
    host = f"{name}.{space}".rstrip(".")
    return made.call(client, f"http://{host}{path}", headers=headers)[0]


def _said(made):
    return made.client.ask(api.Status())["misgivings"]


@pytest.mark.parametrize("client", ["shop/web", "side/web"])
@pytest.mark.parametrize(("name", "path", "expected"), [
    ("gone", "/", 500), ("gone-too", "/", 503), ("nothing", "/", 500), ("regex", "/([", "shop/web-"),
    ("many", f"/{MANY - 1}", "shop/server-"), ("many", f"/{MANY - 2}", "shop/web-"), ("many", "/else", 404),
    ("around", "/", "shop/server-"), ("back", "/", "shop/server-"),
])  # fmt: skip
def test_routes(shop, client, name, path, expected):
    """Waypoints whose routes name each other hand nothing on to each other: each dials pods."""
    answer = _asked(shop, name, path, client)
    assert answer.pod.startswith(expected) if isinstance(expected, str) else answer.code == expected


@pytest.mark.parametrize(("name", "status"), [("part-gone", 500), ("part-gone-too", 503)])
def test_the_share_of_a_destination_that_is_not_there(shop, name, status):
    codes = {_asked(shop, name).code for _ in range(40)}
    assert codes == {200, status}


@pytest.mark.parametrize(("name", "expected"), [(name, code) for name, (_, code) in PROVIDERS.items()])
def test_authorizers_that_are_away_slow_or_refused_by_istiod(shop, name, expected):
    assert _asked(shop, name, "/asked").code == expected
    assert _asked(shop, name, "/else").code == 200


def test_keys_that_nobody_serves(shop):
    token = shop.client.ask(api.Token({}, 60))
    assert _asked(shop, "keyless").code == 200
    assert _asked(shop, "keyless", authorization=f"Bearer {token}").code == 401


@pytest.mark.parametrize(("client", "host"), [("shop/web", "plain.shop"), ("side/web", "server.side")])
def test_headers_that_are_too_large_or_too_many(shop, client, host):
    assert _asked(shop, host, client=client, big="x" * 30_000).code == 200
    assert _asked(shop, host, client=client, big="x" * 100_000).code == 431
    assert _asked(shop, host, client=client, **{f"x-{number}": "1" for number in range(150)}).code == 431


NAMED = [
    ("HTTPRoute shop/gone", "rules[0]", "answered with 500"), ("VirtualService shop/gone-too", "http[0]", "answered with 503"),
    ("HTTPRoute shop/part-gone", "rules[0]", "does not exist"), ("VirtualService shop/regex", "http[0] match[0]", "RE2"),
    ("ConfigMap istio-system/istio", "extensionProviders 'unknown-open'", "there is no service"),
    ("ConfigMap istio-system/istio", "extensionProviders 'no-status-open'", "statusOnError"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "why"), NAMED, ids=[f"{name} {field}" for name, field, _ in NAMED])
def test_each_is_named_once_by_object_and_field(shop, name, field, why):
    [said] = [each for each in _said(shop) if each.startswith(f"{name}: {field}")]
    assert why in said


def test_nothing_sound_is_named(shop):
    sound = ("plain", "many", "around", "back", "nothing", "keyless", "http-slow")
    assert [said for said in _said(shop) for name in sound if f"/{name}:" in said] == []


BROKEN = {
    "applyTo": "HTTP_FILTER",
    "match": {"context": "SIDECAR_INBOUND"},
    "patch": {
        "operation": "INSERT_FIRST",
        "value": {
            "name": "broken",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                "default_source_code": {"inline_string": "function ("},
            },
        },
    },
}


def test_what_envoy_refuses_is_named_by_object_and_field_and_everything_else_goes_on(shop):
    spec = {"workloadSelector": {"labels": {"app": "patched"}}, "configPatches": [BROKEN]}
    bad = made("networking.istio.io/v1alpha3", "EnvoyFilter", "bad", spec, "side")
    rule = {"to": [{"operation": {"paths": ["/no"]}}]}
    shut = {"selector": {"matchLabels": {"app": "patched"}}, "action": "DENY", "rules": [rule]}
    shop.apply(bad, made("security.istio.io/v1", "AuthorizationPolicy", "shut", shut, "side"))
    try:
        named = "EnvoyFilter side/bad: configPatches[0]: "
        assert eventually(lambda: any(each.startswith(named) for each in _said(shop))), _said(shop)
        [said] = {each for each in _said(shop) if each.startswith(named) and "virtualInbound" in each}
        assert "\n" not in said
        assert "script load error" in said
        assert _asked(shop, "patched.side", client="side/web").code == 200
        assert eventually(lambda: _asked(shop, "patched.side", "/no", "side/web").code == 403)
    finally:
        shop.client.ask(api.Delete([bad]))
    assert eventually(lambda: not any("side/bad" in each for each in _said(shop))), _said(shop)
