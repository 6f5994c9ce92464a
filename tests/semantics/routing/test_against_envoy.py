"""Matches, rewrites and redirects compared with Envoy itself: one route for each case, asked with every path."""

import http.client
import itertools

import pytest
from tests.semantics.routing.meshes import REVIEWS, WEB, routing, to, vs
from tests.support.envoy import MeshIdentities, running_envoy
from tests.support.envoy_config import extension

from sidestep.semantics.authorization.seen import HttpSeen

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("envoy-routing")]

MATCHES = [
    {"uri": {"exact": "/a"}}, {"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/A"}, "ignoreUriCase": True}, {"uri": {"exact": "/A/b"}, "ignoreUriCase": True},
    {"uri": {"regex": "/a(/.*)?"}}, {"uri": {"regex": "/A.*"}, "ignoreUriCase": True}, {"headers": {"X": {"exact": "1"}}}, {"headers": {"x": {}}},
    {"headers": {"x": {"regex": "1|2"}}}, {"withoutHeaders": {"x": {"exact": "1"}}}, {"withoutHeaders": {"x": {}}}, {"withoutHeaders": {"x": {"regex": ".*"}}},
    {"queryParams": {"q": {"exact": "1"}}}, {"queryParams": {"q": {}}}, {"queryParams": {"q": {"exact": "a b"}}}, {"queryParams": {"q": {"prefix": "a"}}},
    {"method": {"exact": "GET"}, "uri": {"prefix": "/a/"}}, {"authority": {"prefix": "host"}},
]  # fmt: skip
PATHS = ["/", "/a", "/A", "/a/", "/ab", "/a/b", "/a?q=1", "/a?q", "/?q=2&q=1", "/?q=a%20b", "/?p=1", "/a/b?q=abc"]
HEADERS = [{}, {"x": "1"}, {"x": "2"}, {"x": "3"}, {"x": ""}]

REWRITES = [
    ({"prefix": "/a"}, {"uri": "/b"}), ({"prefix": "/a"}, {"uri": "/"}), ({"prefix": "/"}, {"uri": "/pre"}), ({"exact": "/a"}, {"uri": "/b/c"}),
    ({"regex": "/a.*"}, {"uri": "/b"}), ({"prefix": "/"}, {"uriRegexRewrite": {"match": "/.*", "rewrite": "/all"}}),
    ({"prefix": "/"}, {"uriRegexRewrite": {"match": "^/(a)/(.*)$", "rewrite": "/\\2/\\1\\\\"}}), ({"prefix": "/"}, {"uriRegexRewrite": {"match": "b*", "rewrite": "/"}}),
]  # fmt: skip


def text(form):
    match form:
        case {"exact": value}:
            return {"exact": value}
        case {"prefix": value}:
            return {"prefix": value}
        case {"regex": value}:
            return {"safe_regex": {"regex": value}}
    raise AssertionError(form)


def named(name, form):
    return {"name": name, **({"string_match": text(form)} if form else {"present_match": True})}


def as_envoy(match):
    """What istiod makes of a match (TranslateRouteMatch)."""
    uri = match.get("uri", {"prefix": "/"})
    field = {"exact": "path", "prefix": "prefix", "regex": "safe_regex"}[next(iter(uri))]
    value = next(iter(uri.values()))
    headers = [named(name, form) for name, form in match.get("headers", {}).items()]
    for name, form in match.get("withoutHeaders", {}).items():
        headers.append(
            {**named(name, form), "invert_match": True, **({"treat_missing_header_as_empty": True} if form else {})}
        )
    headers += [named(f":{name}", match[name]) for name in ("method", "authority") if name in match]
    return {
        field: {"regex": value} if field == "safe_regex" else value,
        "case_sensitive": not match.get("ignoreUriCase", False),
        "headers": headers,
        "query_parameters": [named(name, form) for name, form in match.get("queryParams", {}).items()],
    }


def serving(name, routes):
    hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
    manager = extension(
        "manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config={"virtual_hosts": hosts},
        http_filters=[extension("router", "filters.http.router.v3.Router")],
    )
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    return {"name": name, "address": address, "filter_chains": [{"filters": [manager]}]}


def redirected(match, rewrite):
    """The rewrite as a redirect, whose location shows the path."""
    how = {"prefix_rewrite": rewrite["uri"]} if "uri" in rewrite else {}
    if "uriRegexRewrite" in rewrite:
        parts = rewrite["uriRegexRewrite"]
        how = {"regex_rewrite": {"pattern": {"regex": parts["match"]}, "substitution": parts["rewrite"]}}
    return [{"match": as_envoy({"uri": match}), "redirect": how}]


@pytest.fixture(scope="module")
def envoy(tmp_path_factory):
    taken = {"direct_response": {"status": 204}}
    listeners = [serving(f"match-{at}", [{"match": as_envoy(match), **taken}]) for at, match in enumerate(MATCHES)]
    listeners += [serving(f"rewrite-{at}", redirected(*case)) for at, case in enumerate(REWRITES)]
    with running_envoy(
        {"static_resources": {"listeners": listeners}}, MeshIdentities(tmp_path_factory.mktemp("envoy"))
    ) as running:
        yield running


def ask(envoy, name, path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", envoy.ports[name], timeout=10)
    connection.request("GET", path, headers={"Host": "host", **headers})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.mark.parametrize("at", range(len(MATCHES)))
def test_matches(envoy, at):
    rules = [{"match": [MATCHES[at]], "route": to("ratings")}]
    made = routing(vs("r", {"hosts": ["reviews"], "http": rules}))
    for path, headers in itertools.product(PATHS, HEADERS):
        route = made.sidecar_http(WEB, REVIEWS, "reviews", 9080, HttpSeen("GET", path, "host", headers))
        assert bool(route.backends) == (ask(envoy, f"match-{at}", path, headers).status == 204), (path, headers)


@pytest.mark.parametrize("at", range(len(REWRITES)))
def test_rewrites(envoy, at):
    match, rewrite = REWRITES[at]
    made = routing(
        vs(
            "r",
            {"hosts": ["reviews"], "http": [{"match": [{"uri": match}], "rewrite": rewrite, "route": to("ratings")}]},
        )
    )
    for path in PATHS:
        answer = ask(envoy, f"rewrite-{at}", path, {})
        route = made.sidecar_http(WEB, REVIEWS, "reviews", 9080, HttpSeen("GET", path, "host"))
        location = answer.getheader("location")
        assert (f"http://host{route.rewrite_path}" if route.backends else None) == location, path
