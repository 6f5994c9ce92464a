"""Routes that we generate, in the real Envoy: what becomes of a request is what `semantics.routing` says."""

import http.client
import random

import pytest
from google.protobuf.json_format import MessageToDict
from tests.semantics.routing.meshes import DETAILS, RATINGS, REVIEWS, WEB, route, routing, vs
from tests.support.envoy import MeshIdentities, running_envoy
from tests.support.envoy_config import extension

from sidestep.controlplane.generators.http.routes import routes
from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.route import AnswerKind, Retries

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("envoy-routing")]

NONE = Retries()
CASES, REQUESTS, SEED, PORT = 160, 24, 20260801, 9080
KNOWN = {each.name for each in (DETAILS, RATINGS, REVIEWS)}
PATHS = ["/", "/a", "/A", "/a/", "/ab", "/a/b", "/a?q=1", "/a/b?q=abc&p", "/b", "/a//b", "/ax/b"]
HEADERS = [{}, {"x": "1"}, {"x": "2"}, {"x": ""}, {"x": "1", "y": "z"}]


def pick(dice, *choices):
    return dice.choice(choices)


def matches(dice):
    found = {}
    if dice.random() < 0.8:
        uri = pick(
            dice,
            {"exact": "/a"},
            {"prefix": "/a"},
            {"prefix": "/a/"},
            {"prefix": "/"},
            {"regex": "/a(/.*)?"},
            {"exact": "/A"},
        )
        found["uri"] = uri
        if "regex" not in uri and dice.random() < 0.3:
            found["ignoreUriCase"] = True
    if dice.random() < 0.4:
        found["headers"] = {"x": pick(dice, {"exact": "1"}, {"prefix": ""}, {"regex": "1|2"}, {})}
    if dice.random() < 0.2:
        found["withoutHeaders"] = {"y": pick(dice, {"exact": "z"}, {})}
    if dice.random() < 0.2:
        found["queryParams"] = {"q": pick(dice, {"exact": "1"}, {"prefix": "a"}, {})}
    if dice.random() < 0.3:
        found["method"] = {"exact": pick(dice, "GET", "POST")}
    if dice.random() < 0.2:
        found["authority"] = {"prefix": pick(dice, "rev", "other")}
    return found


def rule(dice):
    made = {"match": [matches(dice) for _ in range(dice.randint(1, 2))]} if dice.random() < 0.85 else {}
    kind = dice.random()
    if kind < 0.12:
        made["redirect"] = {
            **pick(dice, {}, {"uri": "/new"}),
            **pick(dice, {}, {"authority": "else.example"}),
            **pick(dice, {}, {"redirectCode": 302}, {"port": 8443}),
        }
        return made
    if kind < 0.2:
        made["directResponse"] = {"status": pick(dice, 418, 503)}
        return made
    made["route"] = [
        {"destination": {"host": pick(dice, "ratings", "details", "reviews", "gone"), "port": {"number": PORT}}}
    ]
    if dice.random() < 0.4:
        made["rewrite"] = pick(dice, {"uri": "/n"}, {"uri": "/"}, {"uri": "/n", "authority": "new.example"}, {"authority": "new.example"},
                               {"uriRegexRewrite": {"match": "^/(a)/(.*)$", "rewrite": "/\\2/\\1"}})  # fmt: skip
    if dice.random() < 0.4:
        made["headers"] = {
            "request": pick(
                dice, {"set": {"x": "set"}}, {"add": {"n": "added"}}, {"remove": ["x"]}, {"set": {"n": "100%%"}}
            )
        }
    return made


def gateway_rule(dice):
    path = {"type": pick(dice, "Exact", "PathPrefix", "RegularExpression"), "value": pick(dice, "/a", "/")}
    made = {
        "backendRefs": [{"name": pick(dice, "ratings", "details", "gone"), "port": PORT}],
        "matches": [{"path": path}],
    }
    if dice.random() < 0.5 and path["type"] == "PathPrefix":
        prefix = {"type": "ReplacePrefixMatch", "replacePrefixMatch": pick(dice, "/n", "/")}
        made["filters"] = [{"type": "URLRewrite", "urlRewrite": {"path": prefix}}]
    elif dice.random() < 0.5:
        made["filters"] = [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x", "value": "set"}]}}
        ]
    return made


def mesh(number):
    dice = random.Random(SEED + number)  # noqa: S311
    if number % 3 == 2:
        parent = {"group": "", "kind": "Service", "name": "reviews"}
        return routing(
            route(
                "HTTPRoute",
                "r",
                {"parentRefs": [parent], "rules": [gateway_rule(dice) for _ in range(dice.randint(1, 4))]},
            )
        )
    return routing(vs("r", {"hosts": ["reviews"], "http": [rule(dice) for _ in range(dice.randint(1, 4))]}))


def cluster(target):
    return f"{target.host}:{target.port}" if target.host in KNOWN and not target.missing else None


MESHES = [mesh(number) for number in range(CASES)]
VANTAGE = Vantage(PORT, "shop", {"app": "web"})


def listener(number, made):
    bounds = [each for each in made.bounds(REVIEWS) if each.http is not None]
    entries = bounds[0].http if bounds else ()
    generated = [MessageToDict(each) for each in routes(entries, VANTAGE, cluster, NONE)]
    host = {"name": "all", "domains": ["*"], "routes": generated,
            "response_headers_to_add": [{"header": {"key": "x-cluster", "value": "%UPSTREAM_CLUSTER%"}}]}  # fmt: skip
    return served(f"case-{number}", [host])


def served(name, hosts, address=None):
    manager = extension(
        "manager", "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix=name,
        route_config={"virtual_hosts": hosts, "validate_clusters": False}, http_filters=[extension("router", "filters.http.router.v3.Router")],
    )  # fmt: skip
    where = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}} if address is None else address
    return {"name": name, **where, "filter_chains": [{"filters": [manager]}]}


def echo():
    """Tells what it got."""
    shown = [("path", ":path"), ("host", ":authority"), ("x", "x"), ("n", "n")]
    headers = [{"header": {"key": f"x-got-{name}", "value": f"%REQ({header})%"}} for name, header in shown]
    told = {"match": {"prefix": "/"}, "direct_response": {"status": 200}, "response_headers_to_add": headers}
    return served("echo", [{"name": "all", "domains": ["*"], "routes": [told]}], {"internal_listener": {}})


@pytest.fixture(scope="module")
def envoy(tmp_path_factory):
    inside = {"endpoint": {"address": {"envoy_internal_address": {"server_listener_name": "echo"}}}}
    names = [f"{host}:{PORT}" for host in KNOWN]
    clusters = [
        {"name": name, "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [inside]}]}}
        for name in names
    ]
    listeners = [*(listener(number, made) for number, made in enumerate(MESHES)), echo()]
    config = {
        "bootstrap_extensions": [extension("inside", "bootstrap.internal_listener.v3.InternalListener")],
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }
    with running_envoy(config, MeshIdentities(tmp_path_factory.mktemp("envoy"))) as running:
        yield running


def ask(connection, method, path, headers):
    connection.request(method, path, headers={"Host": "reviews", **headers})
    answer = connection.getresponse()
    answer.read()
    return answer


def predicted(found, path, headers):
    """What a client and the backend see."""
    if found is None:
        return {"status": 404}
    if found.answer is not None:
        if found.answer.kind is AnswerKind.REDIRECT:
            return {"status": found.answer.status, "location": found.answer.location}
        return {"status": found.answer.status}
    backend = found.backends[0]
    edited = {word.partition(" ")[2].partition(": ")[0]: word for word in found.request_edits}
    return {
        "status": 200,
        "cluster": f"{backend.host}:{backend.port}",
        "path": found.rewrite_path or path,
        "host": found.rewrite_host or "reviews",
        "x": header("x", edited.get("x"), headers.get("x")),
        "n": header("n", edited.get("n"), None),
    }


def header(name, word, sent):
    if word is None:
        return sent or None
    verb, _, value = word.partition(" ")
    value = value.partition(": ")[2]
    if verb == "remove":
        return None
    return value.replace("%%", "%")


def observed(answer):
    if answer.status != 200:
        location = answer.getheader("location")
        return {"status": answer.status, **({"location": location} if location else {})}
    names = {"cluster": "x-cluster", "path": "x-got-path", "host": "x-got-host", "x": "x-got-x", "n": "x-got-n"}
    return {"status": 200, **{name: answer.getheader(key) for name, key in names.items()}}


def test_requests_go_where_semantics_says_and_look_so(envoy):
    asked = 0
    for number, made in enumerate(MESHES):
        dice = random.Random(number)  # noqa: S311
        connection = http.client.HTTPConnection("127.0.0.1", envoy.ports[f"case-{number}"], timeout=10)
        for _ in range(REQUESTS):
            method, path, headers = pick(dice, "GET", "POST"), pick(dice, *PATHS), pick(dice, *HEADERS)
            seen = HttpSeen(method, path, "reviews", headers)
            found = made.sidecar_http(WEB, REVIEWS, "reviews", PORT, seen)
            assert not found.unknown, found.unknown
            told = observed(ask(connection, method, path, headers))
            assert told == predicted(found, path, headers), (number, method, path, headers, found)
            asked += 1
        connection.close()
    assert asked == CASES * REQUESTS
