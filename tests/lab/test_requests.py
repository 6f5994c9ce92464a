"""Requests in a whole lab: tokens and authorizers that judge them, and what is counted, written and told of them."""

import json
import re

import pytest
from tests.support.labs import eventually, lab, namespace, workload
from tests.support.scenes import mesh_config

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

SECURITY, TELEMETRY = "security.istio.io/v1", "telemetry.istio.io/v1"
AUTHORIZER, COLLECTOR = "authorizer.tools.svc.cluster.local", "collector.tools.svc.cluster.local"
TRACE, PARENT = "a" * 32, "b" * 16
CALLS = 5
SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\d+)$")


def serving(name, service, space="tools", **more):
    told = json.dumps({"service": service, **more.pop("behaviour", {})})
    return workload(name, space, annotations={"sidestep.dev/behaviour": told, **more.pop("annotations", {})}, **more)


def speaks_grpc(name, service):
    deployment, port = serving(name, service, behaviour={"protocol": {"8080": "grpc"}})
    port["spec"]["ports"][0]["name"] = "grpc"
    return [deployment, port]


def calls(name):
    """A server of gRPC alone, called by two names: labels of Istio and of Kubernetes."""
    told = json.dumps({"protocol": {"8080": "grpc"}})
    deployment, service = workload(name, annotations={"sidestep.dev/behaviour": told})
    deployment["spec"]["template"]["metadata"]["labels"] |= {"app.kubernetes.io/name": f"{name}-told", "version": "v7"}
    service["spec"]["ports"][0]["name"] = "grpc"
    return [deployment, service]


def istio(group, kind, name, spec, space="shop", app=""):
    chosen = {"selector": {"matchLabels": {"app": app}}} if app else {}
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": name, "namespace": space},
        "spec": {**chosen, **spec},
    }


def of_bytes(name):
    """A server at a port that is declared to carry bytes, about which an authorizer is asked."""
    deployment, service = workload(name)
    service["spec"]["ports"][0]["name"] = "tcp"
    told = {"action": "CUSTOM", "provider": {"name": "grpc"}, "rules": [{"to": [{"operation": {"ports": ["8080"]}}]}]}
    return [deployment, service, istio(SECURITY, "AuthorizationPolicy", f"custom-{name}", told, app=name)]


def custom(app, provider):
    told = {
        "action": "CUSTOM",
        "provider": {"name": provider},
        "rules": [{"to": [{"operation": {"paths": ["/asked*"]}}]}],
    }
    return istio(SECURITY, "AuthorizationPolicy", f"custom-{app}", told, app=app)


MESH = mesh_config(
    accessLogFile="/dev/stdout",
    extensionProviders=[
        {"name": "http", "envoyExtAuthzHttp": {"service": AUTHORIZER, "port": 80, "includeRequestHeadersInCheck": ["x-ext-authz"], "timeout": "2s"}},
        {"name": "grpc", "envoyExtAuthzGrpc": {"service": "grpc-authorizer.tools.svc.cluster.local", "port": 80, "timeout": "2s"}},
        {"name": "spans", "opentelemetry": {"service": COLLECTOR, "port": 80, "http": {"path": "/v1/traces"}}},
    ],
)  # fmt: skip
LIMIT = "envoy.filters.http.local_ratelimit"
ALWAYS = {"default_value": {"numerator": 100}}
LIMITED = {"name": LIMIT, "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "limit",
    "token_bucket": {"max_tokens": 2, "tokens_per_fill": 2, "fill_interval": "3600s"}, "filter_enabled": ALWAYS, "filter_enforced": ALWAYS}}  # fmt: skip
INSERTED = {
    "applyTo": "HTTP_FILTER", "patch": {"operation": "INSERT_BEFORE", "value": LIMITED},
    "match": {"context": "SIDECAR_INBOUND", "listener": {"filterChain": {"filter": {"name": "envoy.filters.network.http_connection_manager"}}}},
}  # fmt: skip
OBJECTS = [
    MESH,
    namespace("shop", **{"istio-injection": "enabled"}),
    namespace("tools"),
    *workload("web", annotations={"sidestep.dev/calls": "http://cart/"}),
    *(each for name in ("client", "cart", "counted", "limited", "tokens", "asks-http", "asks-grpc") for each in workload(name)),
    *of_bytes("asks-bytes"),
    *calls("calls"),
    *serving("payments", "payments", "shop"),
    *serving("issuer", "issuer"),
    *serving("authorizer", "authorizer"),
    *speaks_grpc("grpc-authorizer", "authorizer"),
    *serving("collector", "collector"),
    custom("asks-http", "http"),
    custom("asks-grpc", "grpc"),
    istio(SECURITY, "RequestAuthentication", "tokens", {"jwtRules": [
        {"issuer": "https://issuer.sidestep.dev", "jwksUri": "http://issuer.tools.svc.cluster.local/jwks.json"}]}, app="tokens"),
    istio(SECURITY, "AuthorizationPolicy", "tokens", {"rules": [
        {"when": [{"key": "request.auth.claims[groups]", "values": ["admin"]}]}]}, app="tokens"),
    istio("networking.istio.io/v1alpha3", "EnvoyFilter", "limit", {"workloadSelector": {"labels": {"app": "limited"}}, "configPatches": [INSERTED]}),
    istio(TELEMETRY, "Telemetry", "mesh", {"tracing": [{"providers": [{"name": "spans"}], "randomSamplingPercentage": 100}]}, "istio-system"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop():
    with lab(*OBJECTS) as made:
        yield made


def code(made, url, **headers):
    (outcome,) = made.call(
        "shop/client", url, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    return outcome.code


def bearer(made, *, seconds=60, **claims):
    return f"Bearer {made.client.ask(api.Token(claims, seconds))}"


def test_tokens_of_the_labs_issuer(shop):
    url = "http://tokens/"
    assert eventually(lambda: code(shop, url, authorization=bearer(shop, groups="admin")) == 200)
    assert code(shop, url) == 403
    assert code(shop, url, authorization=bearer(shop, groups="user")) == 403
    assert code(shop, url, authorization=bearer(shop, seconds=-600, groups="admin")) == 401
    assert code(shop, url, authorization=bearer(shop, iss="https://else.example", groups="admin")) == 401


@pytest.mark.parametrize("server", ["asks-http", "asks-grpc"])
def test_an_authorizer_is_asked_about_what_its_policy_names(shop, server):
    asked, other = f"http://{server}/asked", f"http://{server}/other"
    assert [code(shop, asked, x_ext_authz="allow"), code(shop, asked, x_ext_authz="deny"), code(shop, asked)] == [
        200,
        403,
        403,
    ]
    assert code(shop, other, x_ext_authz="deny") == 200


def test_an_authorizers_answer_changes_while_it_runs(shop):
    asked = "http://asks-http/asked"
    for says, expected in (("allow", 200), ("deny", 403), ("header", 403)):
        assert code(shop, f"http://authorizer.tools/.sidestep/answer/{says}") == 200
        assert code(shop, asked) == expected


def test_an_authorizer_by_grpc_is_asked_about_bytes(shop):
    for says, good in (("allow", True), ("deny", False), ("header", False)):
        assert code(shop, f"h2c://grpc-authorizer.tools/.sidestep/answer/{says}") == 200
        (outcome,) = shop.call("shop/client", "tcp://asks-bytes:80")
        assert outcome.ok is good


def test_a_rate_limit_of_an_envoy_filter(shop):
    assert [code(shop, "http://limited/") for _ in range(4)] == [200, 200, 429, 429]


def test_payments(shop):
    def paid(body, method="POST"):
        call = api.Call("shop/client", "http://payments/api/v1/payments", method=method, body=body)
        return shop.client.ask(call)[0]["code"]

    good = '{"amount": 5, "currency": "EUR", "user_id": "ann"}'
    assert [paid(good), paid("{"), paid(good.replace("EUR", "GBP")), paid(good, "PUT")] == [201, 400, 422, 405]


def samples(made, name):
    told = (SAMPLE.match(line) for line in made.client.ask(api.Metrics()).splitlines())
    return [(dict(re.findall(r'(\w+)="([^"]*)"', each[2])), int(each[3])) for each in told if each and each[1] == name]


def total(made, name, **labels):
    return sum(value for has, value in samples(made, name) if labels.items() <= has.items())


COUNTED = {
    "source_workload": "client", "destination_workload": "counted", "destination_service": "counted.shop.svc.cluster.local",
    "source_principal": "spiffe://cluster.local/ns/shop/sa/client", "destination_principal": "spiffe://cluster.local/ns/shop/sa/counted",
    "response_code": "200", "request_protocol": "http",
}  # fmt: skip


def counted(made):
    return [each for each in samples(made, "istio_requests_total") if "counted" in str(each)]


def test_requests_are_counted_at_both_ends(shop):
    assert [code(shop, "http://counted/") for _ in range(CALLS)] == [200] * CALLS
    for reporter in ("source", "destination"):
        labels = {"reporter": reporter, **COUNTED}
        assert eventually(lambda of=labels: total(shop, "istio_requests_total", **of) == CALLS), str(counted(shop))
        assert total(shop, "istio_request_duration_milliseconds_count", **labels) == CALLS


def test_refusals_are_counted_as_such(shop):
    assert code(shop, "http://tokens/") == 403
    refused = {"reporter": "destination", "destination_workload": "tokens", "response_code": "403"}
    assert eventually(lambda: total(shop, "istio_requests_total", **refused) >= 1)


CALLED = [
    ("source", {"source_workload": "client", "destination_app": "calls-told"}),
    ("destination", {"source_app": "client", "destination_app": "calls"}),
]


def test_calls_and_their_messages_are_counted_at_both_ends(shop):
    assert [each.ok for each in shop.call("shop/client", "grpc://calls/shop.Cart/Get", CALLS)] == [True] * CALLS
    whom = {"destination_service_name": "calls", "destination_version": "v7", "destination_canonical_revision": "v7"}
    for reporter, who in CALLED:
        labels = {"reporter": reporter, **whom, **who}
        of = {**labels, "request_protocol": "grpc", "grpc_response_status": "0", "response_code": "200"}
        assert eventually(lambda of=of: total(shop, "istio_requests_total", **of) == CALLS)
        for name in ("istio_request_messages_total", "istio_response_messages_total"):
            assert total(shop, name, **labels) == CALLS


def test_sidecars_write_in_istios_form(shop):
    assert code(shop, "http://cart/written") == 200
    pod = next(
        each["metadata"]["name"]
        for each in shop.client.ask(api.List("pods", "shop"))
        if each["metadata"]["labels"].get("app") == "cart"
    )
    written = re.compile(r'^\[.*\] "GET /written HTTP/1.1" 200 - via_upstream - "-" 0 \d+ \d+ \d+ ')
    assert eventually(lambda: any(map(written.match, shop.client.ask(api.Logs(f"shop/{pod}", 200, "istio-proxy")))))


def test_a_trace_has_the_spans_of_proxies_and_of_workloads_and_no_gap(shop):
    assert code(shop, "http://web/", traceparent=f"00-{TRACE}-{PARENT}-01") == 200

    def services():
        found = shop.client.ask(api.Traces(TRACE))
        return [(row["service"], row["kind"]) for each in found for row in each["rows"]]

    expected = {("web.shop", "server"), ("web.shop", "client"), ("cart.shop", "server"), ("client.shop", "server")}
    assert eventually(lambda: set(services()) >= expected and len(services()) >= 8, 30), services()
    assert eventually(lambda: [row["depth"] for row in shop.client.ask(api.Traces(TRACE))[0]["rows"]].count(0) == 1, 30)
