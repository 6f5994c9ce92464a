"""What sidecars let through and send where: certificates, policies, routes, and what the mesh does not know."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.labs import AMBIENT, eventually, lab, namespace, workload

from sidestep.lab.api import messages as api
from sidestep.lab.bench.usage import handshakes

pytestmark = pytest.mark.real

INJECTED = {"istio-injection": "enabled"}
NETWORKING, SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
CLIENT = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/client"]}}]}
STRANGER = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/stranger"]}}]}
NO_HTTP = "these are no words of HTTP\r\n"


def istio(group, kind, name, spec, space="shop"):
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": space}, "spec": spec}


def guard(kind, name, space="shop", **spec):
    return istio(SECURITY, kind, name, {"selector": {"matchLabels": {"app": name}}, **spec}, space)


def speaking(name, protocol, port, *, port_name="tcp", headless=False):
    """A workload of another protocol than HTTP."""
    told = json.dumps({"protocol": {str(port): protocol}})
    deployment, service = workload(name, port=port, annotations={"sidestep.dev/behaviour": told})
    service["spec"]["ports"] = [{"name": port_name, "port": port, "targetPort": port}]
    if headless:
        service["spec"]["clusterIP"] = "None"
    return [deployment, service]


def brief(name, space):
    """A server that closes first, at a port that is declared to carry bytes."""
    told = json.dumps({"keep_alive": 1, "protocol": {"8080": "http"}})
    deployment, service = workload(name, space, annotations={"sidestep.dev/behaviour": told})
    service["spec"]["ports"][0]["name"] = "tcp"
    return [deployment, service]


def versions():
    """Two workloads behind one Service, told apart by a label."""
    made = []
    for version in ("v1", "v2"):
        deployment, service = workload(f"reviews-{version}")
        deployment["spec"]["template"]["metadata"]["labels"] |= {"service": "reviews", "version": version}
        made.append(deployment)
    spec = {**service["spec"], "selector": {"service": "reviews"}}
    return [*made, {**service, "metadata": {"name": "reviews", "namespace": "shop"}, "spec": spec}]


def to(host, **more):
    return {"route": [{"destination": {"host": host, **more}}]}


MOVED = workload("moved")
MOVED[0]["spec"]["template"]["spec"]["containers"][0]["ports"].append({"containerPort": 9090})
MOVED[1]["spec"]["ports"] += [{"name": f"http-{port}", "port": port, "targetPort": port} for port in (8081, 8082, 9090)]
OBJECTS = [
    namespace("shop", **INJECTED),
    namespace("plain"),
    namespace("fleet", **AMBIENT),
    *(each for name in ("client", "stranger", "open", "strict", "off", "guarded") for each in workload(name)),
    *workload("outside", "plain"),
    *workload("ship", "fleet"),
    *speaking("echo", "tcp", 5000),
    *speaking("odd", "tcp", 5001, port_name="odd"),
    *speaking("alone", "tcp", 5002, headless=True),
    *brief("once", "fleet"),
    *MOVED,
    istio(NETWORKING, "Sidecar", "moved", {"workloadSelector": {"labels": {"app": "moved"}}, "ingress": [
        {"port": {"number": 8080, "protocol": "HTTP", "name": "http"}, "defaultEndpoint": "127.0.0.1:9090"},
        {"port": {"number": 8081, "protocol": "HTTP", "name": "too"}, "defaultEndpoint": "0.0.0.0:9090"},
        {"port": {"number": 8082, "protocol": "HTTP", "name": "socket"}, "defaultEndpoint": "unix:///app"},
        {"port": {"number": 9090, "protocol": "HTTP", "name": "same"}, "defaultEndpoint": "0.0.0.0:9090"}]}),
    *versions(),
    guard("PeerAuthentication", "strict", mtls={"mode": "STRICT"}),
    guard("PeerAuthentication", "off", mtls={"mode": "DISABLE"}),
    guard("AuthorizationPolicy", "guarded", rules=[
        {**CLIENT, "to": [{"operation": {"methods": ["GET"], "paths": ["/public*"]}}]}]),
    guard("AuthorizationPolicy", "echo", rules=[CLIENT]),
    guard("AuthorizationPolicy", "ship", "fleet", rules=[CLIENT]),
    istio(NETWORKING, "DestinationRule", "reviews", {
        "host": "reviews", "trafficPolicy": {"outlierDetection": {"interval": "soon"}},
        "subsets": [{"name": each, "labels": {"version": each}} for each in ("v1", "v2")]}),
    istio(NETWORKING, "VirtualService", "reviews", {"hosts": ["reviews"], "http": [
        {"match": [{"headers": {"x-user": {"exact": "tester"}}}], "rewrite": {"uri": "/rewritten"},
         **to("reviews", subset="v2")},
        {"match": [{"uri": {"prefix": "/gone"}}], **to("nowhere")},
        to("reviews", subset="v1")]}),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop():
    with lab(*OBJECTS) as made:
        yield made


def asked(made, client, url, **more):
    """What becomes of one request, in a word."""
    (outcome,) = made.call(client, url, **more)
    return outcome.kind


def seen(made, client, url, **more):
    """What the server says of a request that it got."""
    (outcome,) = made.call(client, url, **more)
    assert outcome.ok, outcome
    return json.loads(outcome.body)


def certificate(told):
    return dict(told["headers"]).get("x-forwarded-client-cert", "")


@pytest.mark.parametrize("server", ["open", "strict", "client"])
def test_sidecars_prove_to_each_other_who_they_are(shop, server):
    told = certificate(seen(shop, "shop/client", f"http://{server}/"))
    assert "URI=spiffe://cluster.local/ns/shop/sa/client" in told
    assert f"By=spiffe://cluster.local/ns/shop/sa/{server};" in told


@pytest.mark.parametrize(
    ("client", "server", "kind"),
    [
        ("plain/outside", "open.shop", "ok"),
        ("plain/outside", "strict.shop", "reset"),
        ("plain/outside", "off.shop", "ok"),
        ("shop/client", "off.shop", "ok"),
        ("shop/client", "outside.plain", "ok"),
        ("fleet/ship", "open.shop", "ok"),
        ("fleet/ship", "strict.shop", "ok"),
    ],
)
def test_what_is_sent_without_certificates_is_taken_as_peer_authentication_says(shop, client, server, kind):
    assert asked(shop, client, f"http://{server}/") == kind


def test_a_connection_of_bytes_takes_a_handshake_of_its_own(shop):
    before = handshakes(shop.scratch.root)
    assert [each.ok for each in shop.call("shop/client", "tcp://echo:5000", 3, fresh=True)] == [True] * 3
    assert eventually(lambda: handshakes(shop.scratch.root) >= before + 3)


def test_a_pod_that_asks_its_own_service_passes_its_own_sidecar_twice(shop):
    (found,) = shop.call("shop/client", "http://client/")
    assert (found.kind, found.pod.partition("-")[0]) == ("ok", "shop/client")


def test_where_mutual_tls_is_off_nothing_is_proved(shop):
    assert not certificate(seen(shop, "shop/client", "http://off/"))


@pytest.mark.parametrize(
    ("client", "path", "method", "kind"),
    [
        ("shop/client", "/public/a", "GET", "ok"),
        ("shop/client", "/public/a", "POST", "http-403"),
        ("shop/client", "/private", "GET", "http-403"),
        ("shop/stranger", "/public/a", "GET", "http-403"),
        ("plain/outside", "/public/a", "GET", "http-403"),
    ],
)
def test_policies_look_at_who_asks_and_what(shop, client, path, method, kind):
    assert asked(shop, client, f"http://guarded.shop{path}", method=method) == kind


def test_policies_on_connections_look_at_who_connects(shop):
    assert asked(shop, "shop/client", "tcp://echo:5000") == "ok"
    assert asked(shop, "shop/stranger", "tcp://echo:5000") == "closed"


@pytest.mark.parametrize("url", ["tcp://odd:5001", "tcp://alone:5002"])
def test_bytes_pass_whether_declared_or_not_and_to_pods_that_are_dialled_themselves(shop, url):
    assert asked(shop, "shop/client", url, body=NO_HTTP) == "ok"


def test_ambient_pods_are_reached_by_a_tunnel_that_says_who_comes(shop):
    assert asked(shop, "shop/client", "http://ship.fleet/") == "ok"
    assert asked(shop, "shop/stranger", "http://ship.fleet/") == "http-503"


def test_what_a_server_says_before_it_closes_arrives_through_a_tunnel(shop):
    assert {each.kind for each in shop.call("shop/client", "http://once.fleet/", 40)} == {"ok"}


def test_requests_take_routes(shop):
    assert "v1" in seen(shop, "shop/client", "http://reviews/")["pod"]
    told = seen(shop, "shop/client", "http://reviews.shop.svc.cluster.local/", headers={"x-user": "tester"})
    assert "v2" in told["pod"]
    assert told["path"] == "/rewritten"
    assert asked(shop, "shop/client", "http://reviews/gone") == "http-503"


def test_routes_are_the_clients_and_nobody_else_is_bound_by_them(shop):
    pods = {each.pod.split("-")[1] for each in shop.call("plain/outside", "http://reviews.shop/", 20)}
    assert pods == {"v1", "v2"}


def test_what_a_scope_keeps_out_is_passed_on_or_refused_as_it_says(shop):
    assert asked(shop, "shop/stranger", "http://outside.plain/") == "ok"
    spec = {
        "workloadSelector": {"labels": {"app": "stranger"}},
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
        "egress": [{"hosts": ["./*"]}],
    }
    narrow = istio(NETWORKING, "Sidecar", "narrow", spec)
    shop.apply(narrow)
    assert eventually(lambda: asked(shop, "shop/stranger", "http://outside.plain/") == "http-502")
    assert asked(shop, "shop/stranger", "http://open/") == "ok"
    assert asked(shop, "shop/client", "http://outside.plain/") == "ok"
    shop.client.ask(api.Delete([narrow]))
    assert eventually(lambda: asked(shop, "shop/stranger", "http://outside.plain/") == "ok")


def test_a_field_that_cannot_be_told_is_named_and_everything_else_holds(shop):
    told = shop.client.ask(api.Status())["misgivings"]
    assert "DestinationRule shop/reviews: trafficPolicy.outlierDetection.interval: expected a time such as 1.5s, found 'soon'" in told  # fmt: skip
    assert "v1" in seen(shop, "shop/client", "http://reviews/")["pod"]


def test_a_proxy_says_that_it_serves_and_what_it_counted(shop):
    (pod,) = [each for each in shop.client.ask(api.List("pods", "shop")) if each["metadata"]["labels"]["app"] == "open"]
    address = pod["status"]["podIP"]
    assert asked(shop, "plain/outside", f"http://{address}:15021/healthz/ready") == "ok"
    (outcome,) = shop.call("plain/outside", f"http://{address}:15090/stats/prometheus")
    assert "envoy_server_live" in outcome.body


def test_a_patch_of_the_proxy_is_carried_out_for_whom_it_selects(shop):
    lua = {
        "name": "own",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {
                "inline_string": 'function envoy_on_response(handle) handle:headers():add("x-patched", "yes") end'
            },
        },
    }
    where = {"context": "SIDECAR_INBOUND", "listener": {"filterChain": {"filter": {
        "name": "envoy.filters.network.http_connection_manager",
        "subFilter": {"name": "envoy.filters.http.router"}}}}}  # fmt: skip
    patch = {"applyTo": "HTTP_FILTER", "match": where, "patch": {"operation": "INSERT_BEFORE", "value": lua}}
    spec = {"workloadSelector": {"labels": {"app": "off"}}, "configPatches": [patch, {"applyTo": "NOTHING"}]}
    shop.apply(istio("networking.istio.io/v1alpha3", "EnvoyFilter", "own", spec))

    def told(server):
        return dict(shop.call("shop/client", f"http://{server}/")[0].headers).get("x-patched")

    assert eventually(lambda: told("off") == "yes")
    assert told("open") is None


def test_an_edited_policy_counts_at_once_and_for_whom_it_names(shop):
    shop.apply(guard("AuthorizationPolicy", "open", action="DENY", rules=[STRANGER]))
    assert eventually(lambda: asked(shop, "shop/stranger", "http://open/") == "http-403")
    assert asked(shop, "shop/client", "http://open/") == "ok"


@pytest.mark.parametrize("client", ["shop/client", "plain/outside", "fleet/ship"])
def test_a_sidecar_object_says_where_the_application_listens(shop, client):
    """At the loopback, at the pod's own address, at the very port that was dialled too, and at a socket where nobody is."""
    assert seen(shop, client, "http://moved.shop/")["local"] == "127.0.0.1:9090"
    for dialled in (8081, 9090):
        address, _, port = seen(shop, client, f"http://moved.shop:{dialled}/")["local"].rpartition(":")
        assert (address.startswith("127."), port) == (False, "9090")
    assert asked(shop, client, "http://moved.shop:8082/") == "http-503"


def test_a_rule_about_connections_bounds_what_a_sidecar_takes_in_from_anybody(shop):
    """Its own pod counts who is served at once, whether or not a proxy of the client's would."""

    def at_once():
        with ThreadPoolExecutor(4) as pool:
            return set(pool.map(lambda _: asked(shop, "plain/outside", "http://off.shop/delay/1"), range(4)))

    assert at_once() == {"ok"}
    pool = {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1}}
    rule = istio(NETWORKING, "DestinationRule", "few", {"host": "off", "trafficPolicy": {"connectionPool": pool}})
    shop.apply(rule)
    assert eventually(lambda: at_once() == {"ok", "http-503"})
    shop.client.ask(api.Delete([rule]))
    assert eventually(lambda: at_once() == {"ok"})
