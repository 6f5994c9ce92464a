"""What routes do besides forwarding, in the real Envoy: faults, origins, bodies, retries; and what Envoy would refuse."""

import http.client

import pytest
from google.protobuf.json_format import MessageToDict
from tests.controlplane.generators.http.test_routes_in_envoy import PORT, VANTAGE, cluster
from tests.semantics.routing.meshes import REVIEWS, route, routing, vs
from tests.support.envoy import MeshIdentities, running_envoy
from tests.support.envoy_config import extension

from sidestep.controlplane.generators.http.filters import Duty, http_filters
from sidestep.controlplane.generators.http.hashing import hashed_by
from sidestep.controlplane.generators.http.retries import retry_policy
from sidestep.controlplane.generators.http.routes import not_found, routes
from sidestep.controlplane.generators.http.upstreams import outside_name
from sidestep.semantics.routing.retry_policy import INBOUND, default_retries, retries
from sidestep.semantics.routing.route import Retries
from sidestep.semantics.versions import given_version

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("envoy-answers")]

TO = {"route": [{"destination": {"host": "reviews", "port": {"number": PORT}}}]}
NOBODY = {"route": [{"destination": {"host": "reviews", "subset": "gone"}}]}
FULL = {"percentage": {"value": 100}}
ORIGINS = {
    "allowOrigins": [{"exact": "https://a.example"}, {"prefix": "https://b."}, {"regex": "https://c[0-9].example"}]
}
PREFLIGHT = {"Access-Control-Request-Method": "PUT"}
NOW = given_version("1.31")


def gateway_cors(**more):
    parent = {"group": "", "kind": "Service", "name": "reviews"}
    rule = {
        "filters": [{"type": "CORS", "cors": {"allowMethods": ["PUT"], **more}}],
        "backendRefs": [{"name": "reviews", "port": PORT}],
    }
    return route("HTTPRoute", "r", {"parentRefs": [parent], "rules": [rule]})


def rules(*made):
    return vs("r", {"hosts": ["reviews"], "http": list(made)})


CASES = {
    "abort": rules({"fault": {"abort": {"httpStatus": 418, **FULL}}, **TO}),
    "abort-before-nobody": rules({"fault": {"abort": {"httpStatus": 418, **FULL}}, "headers": {"response": {"set": {"x-seen": "yes"}}}, **NOBODY}),
    "nobody": rules({"headers": {"response": {"set": {"x-seen": "yes"}}}, **NOBODY}),
    "grpc": rules({"fault": {"abort": {"grpcStatus": "NOT_FOUND", **FULL}}, **TO}),
    "delayed": rules({"fault": {"delay": {"fixedDelay": "10ms", **FULL}}, **TO}),
    "unknown-faults": rules({"fault": {"abort": {"httpStatus": 99, **FULL}, "delay": {"fixedDelay": "soon", **FULL}}, **TO}),
    "unknown-status": rules({"directResponse": {"status": 99}}),
    "body": rules({"directResponse": {"status": 202, "body": {"string": "here you are"}}}),
    "bytes": rules({"directResponse": {"status": 202, "body": {"bytes": "aGVyZQ=="}}}),
    "cors": rules({"corsPolicy": {**ORIGINS, "allowMethods": ["PUT"], "allowHeaders": ["x-a", "x-b"], "exposeHeaders": ["x-c"], "maxAge": "1m", "allowCredentials": True}, **TO}),
    "cors-alone": rules({"corsPolicy": {**ORIGINS, "unmatchedPreflights": "IGNORE"}, **TO}),
    "gateway-cors": gateway_cors(allowOrigins=["https://a.example", "https://*.b.example"], maxAge=60),
    "gateway-any": gateway_cors(allowOrigins=["*"]),
    "bad-expression": rules({"match": [{"headers": {"x": {"regex": "("}}}], "directResponse": {"status": 204}}, TO),
    "bad-header": rules({"match": [{"headers": {"x y": {"exact": "1"}}}], "directResponse": {"status": 204}}, {**TO, "headers": {"request": {"set": {"bad name": "1", "good": "1", "worse": "a\nb"}}}}),
    "formatted": rules({**TO, "headers": {"request": {"set": {"good": "%REQ(x-user):3% has 100%%", "bad": "100%", "worse": "%REQ(x%"}}}}),
    "bad-time": rules({**TO, "timeout": "banana", "retries": {"attempts": 1, "perTryTimeout": "kiwi"}}),
    "some": rules({"match": [{"uri": {"exact": "/a"}}], **TO}),
}  # fmt: skip


def listener(name, made):
    entries = [each for bound in routing(made).bounds(REVIEWS) if bound.http is not None for each in bound.http]
    hosts = [
        {
            "name": "all",
            "domains": ["*"],
            "routes": [MessageToDict(each) for each in (*routes(entries, VANTAGE, cluster, Retries()), not_found())],
        }
    ]
    filters = [MessageToDict(each) for each in http_filters(frozenset({Duty.ROUTE}), (), outside_name)]
    manager = extension(
        "manager", "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix=name,
        route_config={"validate_clusters": False, "virtual_hosts": hosts}, http_filters=filters,
    )  # fmt: skip
    where = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    return {"name": name, "address": where, "filter_chains": [{"filters": [manager]}]}


def backend():
    told = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200},
        "response_headers_to_add": [{"header": {"key": "x-good", "value": "%REQ(good)%"}}],
    }
    manager = extension(
        "manager", "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix="backend",
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [told]}]}, http_filters=[extension("router", "filters.http.router.v3.Router")],
    )  # fmt: skip
    return {"name": "backend", "internal_listener": {}, "filter_chains": [{"filters": [manager]}]}


@pytest.fixture(scope="module")
def envoy(tmp_path_factory):
    inside = {"endpoint": {"address": {"envoy_internal_address": {"server_listener_name": "backend"}}}}
    clusters = [
        {"name": name, "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [inside]}]}}
        for name in (f"{REVIEWS.name}:{PORT}",)
    ]
    listeners = [*(listener(name, made) for name, made in CASES.items()), backend()]
    config = {
        "bootstrap_extensions": [extension("inside", "bootstrap.internal_listener.v3.InternalListener")],
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }
    with running_envoy(config, MeshIdentities(tmp_path_factory.mktemp("envoy"))) as running:
        yield running


def ask(envoy, case, method="GET", path="/", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", envoy.ports[case], timeout=10)
    connection.request(
        method, path, headers={"Host": "reviews", **{name.replace("_", "-"): value for name, value in headers.items()}}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


@pytest.mark.parametrize(
    ("case", "path", "status"),
    [
        ("abort", "/", 418), ("abort-before-nobody", "/", 418), ("nobody", "/", 503), ("delayed", "/", 200), ("unknown-faults", "/", 200), ("unknown-status", "/", 500), ("bad-expression", "/", 200),
        ("bad-header", "/", 200), ("bad-time", "/", 200), ("some", "/a", 200), ("some", "/b", 404),
    ],
)  # fmt: skip
def test_statuses(envoy, case, path, status):
    assert ask(envoy, case, path=path, x="(")[0].status == status


@pytest.mark.parametrize("case", ["abort-before-nobody", "nobody"])
def test_answers_in_place_of_a_destination_that_is_not_there_are_edited_as_its_own_would_be(envoy, case):
    assert ask(envoy, case)[0].getheader("x-seen") == "yes"


def test_a_fault_of_grpc(envoy):
    answer, _ = ask(envoy, "grpc", "POST", content_type="application/grpc")
    assert answer.getheader("grpc-status") == "5"


@pytest.mark.parametrize(("case", "body"), [("body", b"here you are"), ("bytes", b"here")])
def test_bodies(envoy, case, body):
    answer, found = ask(envoy, case)
    assert (answer.status, found) == (202, body)


def test_headers_that_may_be_set_are(envoy):
    assert ask(envoy, "bad-header")[0].getheader("x-good") == "1"


@pytest.mark.parametrize("origin", ["https://a.example", "https://b.anything", "https://c1.example"])
def test_preflights_of_allowed_origins_are_answered(envoy, origin):
    answer, _ = ask(envoy, "cors", "OPTIONS", Origin=origin, **PREFLIGHT)
    names = ("origin", "methods", "headers", "max-age", "credentials")
    told = [answer.getheader(f"access-control-{'' if name == 'max-age' else 'allow-'}{name}") for name in names]
    assert told == [origin, "PUT", "x-a,x-b", "60", "true"]
    assert answer.getheader("x-good") is None


@pytest.mark.parametrize(("case", "forwarded"), [("cors", True), ("cors-alone", False), ("gateway-cors", False)])
def test_preflights_of_other_origins_are_forwarded_or_not(envoy, case, forwarded):
    answer, _ = ask(envoy, case, "OPTIONS", Origin="https://else.example", good="1", **PREFLIGHT)
    assert answer.getheader("access-control-allow-origin") is None
    assert (answer.getheader("x-good") == "1") is forwarded


def test_other_requests_go_on_and_are_told_what_scripts_may_read(envoy):
    answer, _ = ask(envoy, "cors", Origin="https://a.example", good="1")
    assert (answer.status, answer.getheader("x-good")) == (200, "1")
    assert answer.getheader("access-control-expose-headers") == "x-c"


@pytest.mark.parametrize(
    ("case", "origin", "allowed"),
    [
        ("gateway-cors", "https://a.example", True), ("gateway-cors", "https://x.b.example", True), ("gateway-cors", "https://xb.example", False),
        ("gateway-any", "https://any.example:8443", True), ("gateway-any", "null", False),
    ],
)  # fmt: skip
def test_stars_in_origins_of_routes(envoy, case, origin, allowed):
    answer, _ = ask(envoy, case, "OPTIONS", Origin=origin, **PREFLIGHT)
    assert (answer.getheader("access-control-allow-origin") == origin) is allowed


def test_retries_go_to_other_hosts_unless_hashing_chooses():
    told = retry_policy(default_retries(NOW))
    assert (told.num_retries.value, told.host_selection_retry_max_attempts) == (2, 5)
    assert [each.name for each in told.retry_host_predicate] == ["envoy.retry_host_predicates.previous_hosts"]
    assert not retry_policy(default_retries(NOW), hashed=True).retry_host_predicate
    assert not retry_policy(INBOUND).host_selection_retry_max_attempts


def test_retries_as_asked_for():
    asked = {
        "attempts": 3,
        "retryOn": "5xx,503",
        "perTryTimeout": "2s",
        "backoff": "50ms",
        "retryRemoteLocalities": True,
        "retryIgnorePreviousHosts": False,
    }
    told = retry_policy(retries(asked, "retries", NOW))
    assert (told.num_retries.value, told.retry_on, list(told.retriable_status_codes)) == (
        3,
        "5xx,retriable-status-codes",
        [503],
    )
    assert (told.per_try_timeout.seconds, told.retry_back_off.base_interval.nanos) == (2, 50_000_000)
    assert told.retry_priority.name == "envoy.retry_priorities.previous_priorities"
    assert not told.retry_host_predicate


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"httpHeaderName": "x-user"}, {"header": {"headerName": "x-user"}}), ({"useSourceIp": True}, {"connectionProperties": {"sourceIp": True}}),
        ({"httpQueryParameterName": "q"}, {"queryParameter": {"name": "q"}}),
        ({"httpCookie": {"name": "c", "path": "/", "ttl": "60s"}}, {"cookie": {"name": "c", "path": "/", "ttl": "60s"}}),
        ({"httpCookie": {"name": "c", "ttl": "soon"}}, {"cookie": {"name": "c"}}), ({}, None), ({"httpCookie": {}}, None),
    ],
)  # fmt: skip
def test_hashes(asked, expected):
    found = hashed_by({"loadBalancer": {"consistentHash": asked}})
    assert (None if found is None else MessageToDict(found)) == expected


def test_values_of_headers_are_formats_of_envoy(envoy):
    """As istiod hands them on; one that is none is left out, or Envoy would refuse every route."""
    answer, _ = ask(envoy, "formatted", x_user="annabel")
    assert (answer.status, answer.headers["x-good"]) == (200, "ann has 100%")
