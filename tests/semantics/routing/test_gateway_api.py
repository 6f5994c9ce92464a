"""HTTPRoutes and GRPCRoutes of Services and ServiceEntries (§4.3, D41, D42, D58)."""

import pytest
from tests.semantics.routing.meshes import (
    DETAILS,
    HOSTS,
    OTHER,
    RATINGS,
    REVIEWS,
    WEB,
    entry,
    get,
    istio,
    route,
    routing,
    service,
    version,
)

from sidestep.semantics.routing.hosts import HostPort
from sidestep.semantics.routing.route import Answer, AnswerKind, Retries, RouteSource

PARENT = {"group": "", "kind": "Service", "name": "reviews"}
ON = "connect-failure,refused-stream,unavailable,cancelled"


def ref(name, port=9080, **rest):
    return {"name": name, "port": port, **rest}


def http_route(name, *rules, parent=None, namespace="shop", age=1, kind="HTTPRoute", **spec):
    return route(kind, name, {"parentRefs": [parent or PARENT], "rules": list(rules), **spec}, namespace, age)


def sent(*objects, http=None, client=WEB, host=REVIEWS, **how):
    http = http or get()
    return routing(*objects, **how).sidecar_http(client, host, host.name, 9080, http)


def takes(matches, http, **how):
    """Whether a rule with these matches takes a request; an expression for everything stands behind it."""
    first = {"name": "first", "matches": matches, "backendRefs": [ref("ratings")]}
    rest = {
        "name": "rest",
        "matches": [{"path": {"type": "RegularExpression", "value": ".*"}}],
        "backendRefs": [ref("details")],
    }
    found = sent(http_route("r", first, rest), http=http, **how)
    assert not found.unknown
    return found.rule == "first"


def does(rule, http=None, **how):
    return sent(http_route("r", {"backendRefs": [ref("reviews")], **rule}), http=http, **how)


@pytest.mark.parametrize(
    ("path", "request_path", "expected"),
    [
        ({"value": "/foo"}, "/foo", True), ({"value": "/foo"}, "/foo/bar", True), ({"value": "/foo"}, "/foobar", False),
        ({"value": "/foo/"}, "/foo", True), ({"type": "PathPrefix", "value": "/"}, "/x", True), ({"type": "Exact", "value": "/foo"}, "/foo/", False),
        ({"type": "Exact", "value": "/foo"}, "/foo?q", True), ({"type": "RegularExpression", "value": "/f.*"}, "/foo", True),
        ({"type": "RegularExpression", "value": "/f"}, "/foo", False), (None, "/x", True), ({}, "/x", True),
    ],
)  # fmt: skip
def test_paths(path, request_path, expected):
    """D41: prefixes end where a segment ends."""
    longer = [{"path": path, "method": "GET", "headers": []}]
    assert takes(longer, get(request_path)) is expected


def test_headers_methods_parameters():
    matches = [
        {"method": "POST", "headers": [{"name": "X-A", "value": "1"}], "queryParams": [{"name": "q", "value": "2"}]}
    ]
    assert takes(matches, get("/?q=2", method="POST", x_a="1"))
    for other in (
        get("/?q=2", method="GET", x_a="1"),
        get("/?q=3", method="POST", x_a="1"),
        get("/?q=2", method="POST", x_a="2"),
    ):
        assert not takes(matches, other)
    assert takes([{"headers": [{"name": "x", "type": "RegularExpression", "value": "a|b"}]}], get(x="b"))
    assert takes([{"queryParams": [{"name": "q", "type": "RegularExpression", "value": "[0-9]+"}]}], get("/?q=12"))


def paths(*values):
    return [{"path": {"type": kind, "value": value}} for kind, value in values]


@pytest.mark.parametrize(
    ("one", "other", "http", "winner"),
    [
        (paths(("PathPrefix", "/")), paths(("Exact", "/a")), get("/a"), "other"),
        (paths(("RegularExpression", "/abcdefgh.*")), paths(("PathPrefix", "/")), get("/abcdefghi"), "other"),
        (paths(("PathPrefix", "/a")), paths(("PathPrefix", "/a/b")), get("/a/b"), "other"),
        ([{}], [{"method": "GET"}], get(), "other"), ([{}], [{"headers": [{"name": "x", "value": "1"}]}], get(x="1"), "other"),
        ([{"headers": [{"name": "x", "value": "1"}]}], [{"method": "GET"}], get(x="1"), "other"),
        ([{"queryParams": [{"name": "q", "value": "1"}]}], [{"headers": [{"name": "x", "value": "1"}]}], get("/?q=1", x="1"), "other"),
        ([{}], [{"queryParams": [{"name": "q", "value": "1"}]}], get("/?q=1"), "other"), ([{}], [{}], get(), "one"), ([], [{}], get(), "other"),
    ],
)  # fmt: skip
def test_the_more_specific_goes_first(one, other, http, winner):
    """D42: within an object, and across the objects of a namespace; ties go to the order written and to the older."""
    first = {"name": "one", "matches": one, "backendRefs": [ref("ratings")]}
    second = {"name": "other", "matches": other, "backendRefs": [ref("details")]}
    assert sent(http_route("r", first, second), http=http).rule == winner
    assert sent(http_route("z", first, age=1), http_route("a", second, age=2), http=http).rule == winner


def test_every_match_is_ranked_alone():
    rules = [
        {"name": "wide", "matches": [*paths(("Exact", "/x")), {}], "backendRefs": [ref("ratings")]},
        {"name": "narrow", "matches": paths(("PathPrefix", "/a")), "backendRefs": [ref("details")]},
    ]
    found = http_route("r", *rules)
    assert sent(found, http=get("/a")).rule == "narrow"
    told = sent(found, http=get("/b"))
    assert (told.rule, told.match) == ("wide", "matches[1]")


def test_producers_and_consumers():
    """A route of the Service's namespace counts for all clients, any other for its own namespace, where it is preferred."""
    far = {**PARENT, "namespace": "shop"}
    rule = {"backendRefs": [ref("details", namespace="shop")]}
    producer, consumer = (
        http_route("producer", rule, age=1),
        http_route("consumer", rule, parent=far, namespace="other", age=2),
    )
    assert sent(producer, consumer).object.name == "producer"
    assert sent(producer, consumer, client=OTHER).object.name == "consumer"
    assert sent(consumer).source is RouteSource.DEFAULT
    made = routing(producer, consumer)
    assert made.waypoint_http("shop", REVIEWS, 9080, get()).object.name == "producer"
    assert made.waypoint_http("other", REVIEWS, 9080, get()).object.name == "consumer"
    assert routing(consumer).waypoint_http("shop", REVIEWS, 9080, get()).source is RouteSource.DEFAULT


def test_ports_of_parents():
    rule = {"backendRefs": [ref("details")]}
    assert sent(http_route("r", rule, parent={**PARENT, "port": 9080})).object.name == "r"
    assert sent(http_route("r", rule, parent={**PARENT, "port": 80})).source is RouteSource.DEFAULT
    plain, ported = http_route("plain", rule, age=1), http_route("ported", rule, parent={**PARENT, "port": 9080}, age=2)
    assert sent(plain, ported).object.name == "plain", "two objects in force: the older wins"


def test_hostnames_are_ignored_in_the_mesh():
    assert sent(http_route("r", {"backendRefs": [ref("details")]}, hostnames=["example.com"])).object.name == "r"


@pytest.mark.parametrize(
    "parent", [{**PARENT, "name": "gone"}, {**PARENT, "kind": "Pod"}, {"name": "reviews"}, {**PARENT, "group": "apps"}]
)
def test_parents_that_do_not_count(parent):
    assert sent(http_route("r", {"backendRefs": [ref("details")]}, parent=parent)).source is RouteSource.DEFAULT


def test_service_entries():
    api = entry("api.example.com", "third")
    declared = istio("ServiceEntry", "api", {"hosts": ["api.example.com"]})
    parent = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "api"}
    back = {"group": "networking.istio.io", "kind": "Hostname", "name": "api.example.com", "port": 9080}
    made = http_route("r", {"backendRefs": [back]}, parent=parent)
    here = entry("api.example.com")
    found = sent(made, declared, hosts=(*HOSTS, here), host=here)
    assert (found.object.name, found.backends[0].host, found.backends[0].known) == ("r", "api.example.com", True)
    assert sent(made, hosts=(*HOSTS, here), host=here).source is RouteSource.DEFAULT, "no such ServiceEntry"
    foreign = sent(made, declared, hosts=(*HOSTS, api), host=api)
    assert foreign.object.name == "r", "for clients of the route's own namespace"


@pytest.mark.parametrize(
    ("refs", "expected"),
    [
        ([ref("gone")], 500), ([ref("gone", kind="Service", group="")], 500), ([ref("x", kind="Bucket", group="s3.example")], 500),
        ([ref("ratings", weight=0)], 500), ([ref("ratings", weight=0), ref("details", weight=0)], 500),
        ([ref("x.example", kind="Hostname", group="networking.istio.io")], 500), ([ref("ratings", port=1)], 500),
    ],
)  # fmt: skip
def test_references_to_nothing(refs, expected):
    """D58: 500, where a VirtualService answers 503."""
    assert does({"backendRefs": refs}).answer.status == expected


@pytest.mark.parametrize(("minor", "expected"), [(24, 500), (29, 500), (30, 404), (31, 500)])
def test_no_references_at_all(minor, expected):
    """D58, as conversion.go of each release has it: 404 in 1.30 alone."""
    found = does({"backendRefs": []}, at=version(minor))
    assert found.answer == Answer(AnswerKind.DIRECT, expected)
    assert not found.backends
    grpc = sent(http_route("g", {"backendRefs": []}, kind="GRPCRoute"), at=version(minor))
    assert grpc.answer.status == 500


def test_weights():
    found = does(
        {"backendRefs": [ref("ratings", weight=3), ref("details"), ref("gone", weight=2), ref("reviews", weight=0)]}
    )
    assert [(b.host, b.weight, b.known) for b in found.backends][:2] == [
        (RATINGS.name, 3, True),
        (DETAILS.name, 1, True),
    ]
    assert [(b.weight, b.known) for b in found.backends][2:] == [(2, False)]
    assert found.answer is None


@pytest.mark.parametrize(
    "rule",
    [
        {"backendRefs": [{"name": "ratings"}]}, {"backendRefs": [ref("ratings.shop")]}, {"filters": [{"type": "ExtensionRef"}]},
        {"backendRefs": [ref("x", kind="Hostname", group="networking.istio.io", namespace="shop")]},
        {"matches": [{"path": {"type": "Glob", "value": "/"}}]}, {"backendRefs": [ref("ratings", filters=[{"type": "CORS"}])]},
    ],
)  # fmt: skip
def test_objects_that_istio_refuses_are_not_there(rule):
    good = {"matches": paths(("Exact", "/a")), "backendRefs": [ref("ratings")]}
    assert (
        sent(http_route("r", good, {"backendRefs": [ref("ratings")], **rule}), http=get("/a")).source
        is RouteSource.DEFAULT
    )


@pytest.mark.parametrize(
    "rule",
    [
        {"backendRefs": "x"}, {"matches": 3}, {"backendRefs": [ref("ratings", port="80")]}, {"filters": [1]}, {"timeouts": []},
        {"backendRefs": [ref("pool", kind="InferencePool", group="inference.networking.k8s.io")]},
        {"matches": [{"path": {"type": "RegularExpression", "value": "("}}]},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(rule):
    assert "HTTPRoute shop/odd" in sent(http_route("odd", {"backendRefs": [ref("ratings")], **rule})).unknown


def test_parents_that_cannot_be_read_make_everything_doubtful():
    assert "HTTPRoute shop/odd" in sent(route("HTTPRoute", "odd", {"parentRefs": 3})).unknown


def test_header_filters():
    told = {
        "set": [{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}, {"name": "Host", "value": "h"}],
        "add": [{"name": "b", "value": "3"}],
        "remove": ["c"],
    }
    rule = {
        "filters": [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": told},
            {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["server"]}},
        ]
    }
    found = does(rule)
    assert found.request_edits == ("set x-a: 1", "add b: 3", "remove c")
    assert (found.response_edits, found.rewrite_host) == (("remove server",), "h")
    per_backend = ref(
        "ratings",
        filters=[{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "v", "value": "1"}]}}],
    )
    assert does({"backendRefs": [per_backend]}).backends[0].request_edits == ("set v: 1",)


@pytest.mark.parametrize(
    ("match", "rewrite", "path", "expected"),
    [
        ("/old", {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new/"}, "/old/a?q", "/new/a?q"),
        ("/old", {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}, "/old", "/new"),
        ("/old", {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}, "/old/a", "/a"),
        ("/old", {"type": "ReplacePrefixMatch", "replacePrefixMatch": ""}, "/old", "/"),
        ("/", {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}, "/a", "/a"),
        ("/old", {"type": "ReplaceFullPath", "replaceFullPath": "/all"}, "/old/a?q=1", "/all?q=1"),
    ],
)  # fmt: skip
def test_rewrites(match, rewrite, path, expected):
    rule = {
        "matches": [{"path": {"value": match}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"hostname": "h", "path": rewrite}}],
    }
    found = does(rule, get(path))
    assert (found.rewrite_path, found.rewrite_host) == (expected, "h")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"hostname": "b.example"}, (302, "http://b.example:9080/old/x")), ({"scheme": "https", "statusCode": 301}, (301, "https://reviews/old/x")),
        ({"port": 8443}, (302, "http://reviews:8443/old/x")), ({"path": {"type": "ReplaceFullPath", "replaceFullPath": "/n"}}, (302, "http://reviews:9080/n")),
        ({"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/n"}}, (302, "http://reviews:9080/n/x")),
    ],
)  # fmt: skip
def test_redirects(asked, expected):
    rule = {
        "backendRefs": [],
        "matches": [{"path": {"value": "/old"}}],
        "filters": [{"type": "RequestRedirect", "requestRedirect": asked}],
    }
    assert does(rule, get("/old/x", authority="reviews")).answer == Answer(AnswerKind.REDIRECT, *expected)


def test_mirrors_and_cors():
    mirror = {
        "type": "RequestMirror",
        "requestMirror": {"backendRef": ref("details"), "fraction": {"numerator": 1, "denominator": 8}},
    }
    gone = {"type": "RequestMirror", "requestMirror": {"backendRef": ref("gone")}}
    cors = {"type": "CORS", "cors": {"allowOrigins": ["https://a", "https://*.b"]}}
    found = does({"filters": [mirror, gone, cors]})
    assert found.mirrors == (f"12.5% to {DETAILS.name}:9080",)
    assert found.cors == ("https://a", "https://*.b")
    assert does({"filters": [cors]}, at=version(25)).source is RouteSource.DEFAULT, "before 1.26 the filter is refused"


@pytest.mark.parametrize(
    ("rule", "timeout", "retries"),
    [
        ({}, "", Retries(2, f"{ON},retriable-status-codes")), ({"timeouts": {"request": "5s"}}, "5s", None), ({"timeouts": {"request": "0s"}}, "", None),
        ({"timeouts": {"request": "5s", "backendRequest": "1s"}}, "1s", None),
        ({"timeouts": {"request": "5s", "backendRequest": "1s"}, "retry": {"attempts": 3, "codes": [503]}}, "5s", Retries(3, f"{ON},503,retriable-status-codes", "1s")),
        ({"retry": {}}, "", Retries(2, ON)), ({"retry": {"attempts": 0}}, "", Retries()),
    ],
)  # fmt: skip
def test_timeouts_and_retries(rule, timeout, retries):
    """§4.3: the limit of one attempt replaces that of the whole unless something is retried."""
    found = does(rule)
    assert found.timeout == timeout
    assert retries in (None, found.retries)


def test_retry_is_unknown_before_1_25():
    assert does({"retry": {"attempts": 0}}, at=version(24)).retries.attempts == 2


GRPC = service("reviews", ports=(HostPort(9080, "grpc", "GRPC"),))


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ({"service": "a.B", "method": "C"}, "/a.B/C", True), ({"service": "a.B", "method": "C"}, "/a.B/D", False), ({"service": "a.B"}, "/a.B/D", True),
        ({"service": "a.B"}, "/a.BC/D", False), ({"method": "C"}, "/x/C", True), ({"service": "a.+", "type": "RegularExpression"}, "/abc/C", True), (None, "/x/y", True),
    ],
)  # fmt: skip
def test_grpc_methods(method, path, expected):
    rule = {"name": "first", "matches": [{"method": method}], "backendRefs": [ref("ratings")]}
    found = sent(http_route("g", rule, kind="GRPCRoute"), http=get(path), hosts=(GRPC, RATINGS))
    assert (found.rule == "first") is expected
    assert found.source is RouteSource.GRPC_ROUTE


@pytest.mark.parametrize(("minor", "expected"), [(24, "g"), (26, "h"), (29, "h"), (30, "g"), (31, "g")])
def test_both_kinds_for_one_service(minor, expected):
    """Merged since 1.30 (59222) and before 1.26; in between the older object alone."""
    plain = http_route("h", {"backendRefs": [ref("details")]}, age=1)
    grpc = http_route(
        "g",
        {"matches": [{"method": {"service": "a.B", "method": "C"}}], "backendRefs": [ref("ratings")]},
        kind="GRPCRoute",
        age=2,
    )
    assert sent(plain, grpc, http=get("/a.B/C"), at=version(minor)).object.name == expected
