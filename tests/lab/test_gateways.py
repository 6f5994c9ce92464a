"""Ingress gateways in a lab, of both APIs: who is led where, in plaintext and within TLS, and past or through a waypoint."""

import base64
import json

import pytest
from tests.support.labs import AMBIENT, eventually, lab, namespace, workload
from tests.support.servers import Authority

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

INJECTED = {"istio-injection": "enabled"}
NETWORKING, GATEWAY_API = "networking.istio.io/v1", "gateway.networking.k8s.io/v1"


def made(group, kind, name, spec, space="shop", labels=None):
    meta = {"name": name, "namespace": space, "labels": labels or {}}
    return {"apiVersion": group, "kind": kind, "metadata": meta, "spec": spec}


def secret(name):
    """A certificate that nobody knows, which is enough to see that it is shown."""
    pem, key = Authority.make().issue("shop.example")
    data = {"tls.crt": base64.b64encode(pem).decode(), "tls.key": base64.b64encode(key).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": "shop"},
        "data": data,
    }


def http_route(name, host, service, **match):
    rule = {"backendRefs": [{"name": service, "port": 80}], **({"matches": [match]} if match else {})}
    return made(
        GATEWAY_API, "HTTPRoute", name, {"parentRefs": [{"name": "front"}], "hostnames": [host], "rules": [rule]}
    )


def classic():
    """A gateway as Istio's own chart makes it: a Deployment that is injected as a gateway, and a Gateway that selects it."""
    deployment, service = workload("old")
    template = deployment["spec"]["template"]
    template["metadata"]["labels"] |= {"istio": "old", "sidecar.istio.io/inject": "true"}
    template["metadata"]["annotations"] = {"inject.istio.io/templates": "gateway"}
    template["spec"]["containers"] = [{"name": "istio-proxy", "image": "auto"}]
    servers = [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["old.example"]}]
    routes = {
        "hosts": ["old.example"],
        "gateways": ["old"],
        "http": [
            {"match": [{"uri": {"prefix": "/b"}}], "route": [{"destination": {"host": "b"}}]},
            {"route": [{"destination": {"host": "a"}}]},
        ],
    }
    return [
        deployment,
        service,
        made(NETWORKING, "Gateway", "old", {"selector": {"istio": "old"}, "servers": servers}),
        made(NETWORKING, "VirtualService", "old", routes),
    ]


WAYPOINT = {"istio.io/use-waypoint": "waypoint"}


def bound(name, **labels):
    """An ambient workload whose Service has a waypoint, where only some paths are open."""
    deployment, service = workload(name, "fleet")
    service["metadata"] = {**service["metadata"], "labels": {**WAYPOINT, **labels}}
    spec = {
        "targetRefs": [{"group": "", "kind": "Service", "name": name}],
        "rules": [{"to": [{"operation": {"paths": ["/open"]}}]}],
    }
    parent = {"parentRefs": [{"name": "front", "namespace": "shop"}], "hostnames": [f"{name}.example"]}
    route = {**parent, "rules": [{"backendRefs": [{"name": name, "port": 80}]}]}
    return [
        deployment,
        service,
        made("security.istio.io/v1", "AuthorizationPolicy", name, spec, "fleet"),
        made(GATEWAY_API, "HTTPRoute", name, route, "fleet"),
    ]


OBJECTS = [
    namespace("shop", **INJECTED),
    namespace("plain"),
    namespace("fleet", **AMBIENT),
    *(each for name in ("a", "b") for each in workload(name)),
    *workload("outside", "plain"),
    *workload("ship", "fleet"),
    secret("shown"),
    made(GATEWAY_API, "Gateway", "front", {"gatewayClassName": "istio", "listeners": [
        {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}},
        {"name": "https", "port": 443, "protocol": "HTTPS",
         "tls": {"mode": "Terminate", "certificateRefs": [{"name": "shown"}]}},
    ]}),
    http_route("a", "a.example", "a"),
    http_route("b", "a.example", "b", path={"type": "PathPrefix", "value": "/b"}),
    made(GATEWAY_API, "HTTPRoute", "ship", {"parentRefs": [{"name": "front", "namespace": "shop"}],
        "hostnames": ["ship.example"], "rules": [{"backendRefs": [{"name": "ship", "port": 80}]}]}, "fleet"),
    made(GATEWAY_API, "Gateway", "waypoint", {"gatewayClassName": "istio-waypoint", "listeners": [
        {"name": "mesh", "port": 15008, "protocol": "HBONE"}]}, "fleet", {"istio.io/waypoint-for": "service"}),
    *bound("boat", **{"istio.io/ingress-use-waypoint": "true"}),
    *bound("raft"),
    *classic(),
    made("security.istio.io/v1", "PeerAuthentication", "all", {"mtls": {"mode": "STRICT"}}, "istio-system"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop():
    with lab(*OBJECTS) as up:
        yield up


def asked(up, host, path="/", url="http://front-istio.shop", **more):
    (outcome,) = up.call("plain/outside", f"{url}{path}", headers={"Host": host}, **more)
    return outcome


@pytest.mark.parametrize(("path", "server"), [("/", "a"), ("/b/c", "b")])
def test_the_most_exact_route_of_a_host_leads_on(shop, path, server):
    outcome = asked(shop, "a.example", path)
    assert outcome.ok, outcome
    assert outcome.pod.startswith(f"shop/{server}-")


def test_servers_learn_that_the_gateway_asks_and_for_whom(shop):
    told = dict(json.loads(asked(shop, "a.example").body)["headers"])
    assert "URI=spiffe://cluster.local/ns/shop/sa/front-istio" in told["x-forwarded-client-cert"]
    assert told["x-forwarded-for"]


def test_a_host_that_no_route_has_is_not_found(shop):
    assert asked(shop, "b.example").kind == "http-404"


def test_ambient_pods_are_reached_though_they_take_nothing_else_than_tunnels(shop):
    outcome = asked(shop, "ship.example")
    assert outcome.ok, outcome
    assert outcome.pod.startswith("fleet/ship-")


@pytest.mark.parametrize(
    ("host", "path", "kind"),
    [
        ("boat.example", "/open", "ok"),
        ("boat.example", "/shut", "http-403"),
        ("raft.example", "/open", "ok"),
        ("raft.example", "/shut", "ok"),
    ],
)
def test_a_waypoint_is_passed_only_where_the_service_asks_gateways_to(shop, host, path, kind):
    assert asked(shop, host, path).kind == kind


def test_what_a_secret_holds_is_shown_to_who_speaks_tls(shop):
    outcome = asked(shop, "a.example", url="https://front-istio.shop")
    assert outcome.ok, outcome


@pytest.mark.parametrize(("path", "server"), [("/", "a"), ("/b", "b")])
def test_gateways_of_istios_own_api_lead_by_their_virtual_services(shop, path, server):
    outcome = asked(shop, "old.example", path, url="http://old.shop")
    assert outcome.ok, outcome
    assert outcome.pod.startswith(f"shop/{server}-")


def test_a_route_that_is_taken_away_leads_nowhere(shop):
    new = http_route("new", "new.example", "a")
    shop.apply(new)
    assert eventually(lambda: asked(shop, "new.example").ok)
    shop.client.ask(api.Delete([new]))
    assert eventually(lambda: asked(shop, "new.example").kind == "http-404")
