"""HTTP rules of VirtualServices: which one takes a request, and what it does (§4.3)."""

import pytest
from tests.semantics.routing.meshes import DETAILS, RATINGS, REVIEWS, WEB, dr, get, routing, service, to, version, vs

from sidestep.semantics.routing.hosts import HostPort
from sidestep.semantics.routing.route import Answer, AnswerKind, Retries, RouteSource

DEFAULT_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"


def chosen(match, http, **how):
    """Whether a rule with this match takes a request; else the one behind it does."""
    rules = [{"name": "first", "match": match, "route": to("ratings")}, {"name": "rest", "route": to("reviews")}]
    client = how.pop("client", WEB)
    found = routing(vs("r", {"hosts": ["reviews"], "http": rules}), **how)
    route = found.sidecar_http(client, REVIEWS, http.authority, 9080, http)
    assert not route.unknown
    return route.rule == "first"


def does(rule, http=None, *others, **how):
    """What a rule does with a request."""
    made = routing(vs("r", {"hosts": ["reviews"], "http": [{"route": to("reviews"), **rule}]}), *others, **how)
    http = http or get()
    return made.sidecar_http(WEB, REVIEWS, http.authority, 9080, http)


@pytest.mark.parametrize(
    ("uri", "path", "taken"),
    [
        ({"exact": "/a"}, "/a", True), ({"exact": "/a"}, "/a?x=1", True), ({"exact": "/a"}, "/a/", False),
        ({"exact": "/a"}, "/A", False), ({"prefix": "/foo"}, "/foobar", True), ({"prefix": "/foo"}, "/fo", False),
        ({"prefix": "/foo/"}, "/foo", False), ({"regex": "/v[12]/.*"}, "/v1/x", True),
        ({"regex": "/v[12]"}, "/v1/x", False), ({"regex": "/v1"}, "/v1?q=2", True), ({}, "/any", True),
        (None, "/any", True), ({"suffix": "x"}, "/any", True),
    ],
)  # fmt: skip
def test_paths(uri, path, taken):
    """D41: a prefix is one of characters; queries do not count; an unknown form asks for nothing."""
    assert chosen([{"uri": uri}], get(path)) is taken


@pytest.mark.parametrize(
    ("uri", "taken"), [({"prefix": "/FOO"}, True), ({"exact": "/FOO"}, True), ({"regex": "/FOO"}, False)]
)
def test_case_of_paths(uri, taken):
    assert chosen([{"uri": uri, "ignoreUriCase": True}], get("/foo")) is taken
    assert not chosen([{"uri": uri}], get("/foo"))


@pytest.mark.parametrize(
    ("header", "sent", "taken"),
    [
        ({"exact": "jason"}, {"end_user": "jason"}, True), ({"exact": "jason"}, {"end_user": "Jason"}, False),
        ({"exact": "jason"}, {}, False), ({"prefix": "ja"}, {"end_user": "jason"}, True),
        ({"regex": "j.*n"}, {"end_user": "jason"}, True), ({"regex": "j.*"}, {"end_user": "xjason"}, False),
        ({}, {"end_user": ""}, True), ({}, {}, False), ({"regex": "*"}, {"end_user": "x"}, True),
        ({"regex": "*"}, {}, False), (None, {"end_user": "x"}, True),
    ],
)  # fmt: skip
def test_headers(header, sent, taken):
    """Names in any case; a matcher without a form, and the expression `*`, ask for presence."""
    assert chosen([{"headers": {"End-User": header}}], get(**sent)) is taken


@pytest.mark.parametrize(
    ("header", "sent", "taken"),
    [
        ({"exact": "a"}, {}, True), ({"exact": "a"}, {"x": "b"}, True), ({"exact": "a"}, {"x": "a"}, False),
        ({}, {}, True), ({}, {"x": ""}, False), ({"regex": ".*"}, {}, False), ({"exact": ""}, {}, False),
    ],
)  # fmt: skip
def test_without_headers(header, sent, taken):
    """A missing header counts as empty, unless presence is what is asked for."""
    assert chosen([{"withoutHeaders": {"x": header}}], get(**sent)) is taken


@pytest.mark.parametrize(
    ("wanted", "path", "taken"),
    [
        ({"exact": "1"}, "/?q=1", True), ({"exact": "1"}, "/?q=2&q=1", False), ({"exact": "1"}, "/?p=1", False),
        ({"exact": ""}, "/?q", True), ({}, "/?q", True), ({}, "/", False), ({"prefix": "a"}, "/?q=abc", True),
        ({"regex": "[0-9]+"}, "/?q=42#q=x", True), ({"exact": "a b"}, "/?q=a%20b", False),
    ],
)  # fmt: skip
def test_query_parameters(wanted, path, taken):
    assert chosen([{"queryParams": {"q": wanted}}], get(path)) is taken


def test_method_authority_scheme():
    assert chosen([{"method": {"exact": "POST"}}], get(method="POST"))
    assert not chosen([{"method": {"exact": "post"}}], get(method="POST"))
    assert chosen([{"authority": {"prefix": "reviews."}}], get())
    assert not chosen([{"authority": {"exact": "reviews"}}], get(authority="reviews:9080"))
    assert chosen([{"scheme": {"exact": "http"}}], get())
    assert not chosen([{"scheme": {"exact": "https"}}], get())


def test_where_it_is_read():
    """Port, source and gateways are settled when the proxy is configured; gateways make labels void."""
    assert chosen([{"port": 9080}], get())
    assert not chosen([{"port": 80}], get())
    assert chosen([{"sourceLabels": {"app": "web"}}], get())
    assert not chosen([{"sourceLabels": {"app": "web", "v": "2"}}], get())
    assert chosen([{"sourceNamespace": "shop"}], get())
    assert not chosen([{"sourceNamespace": "other"}], get())
    assert chosen([{"gateways": ["mesh"], "sourceLabels": {"app": "nobody"}}], get())
    assert not chosen([{"gateways": ["ingress"]}], get())


def test_all_conditions_of_one_match_and_any_of_several():
    both = {"uri": {"prefix": "/a"}, "headers": {"x": {"exact": "1"}}}
    assert not chosen([both], get("/a"))
    assert chosen([both], get("/a", x="1"))
    assert chosen([both, {"uri": {"exact": "/b"}}], get("/b"))
    assert chosen([], get("/b"))


def test_claims_are_nothing_to_a_client():
    """Sidecars of clients validate no token; a waypoint does."""
    http = get()
    assert not chosen([{"headers": {"@request.auth.claims.group": {"exact": "dev"}}}], http)
    assert chosen([{"withoutHeaders": {"@request.auth.claims.group": {"exact": "dev"}}}], http)


def test_first_match_in_the_order_of_the_list():
    """D42: not the most specific."""
    rules = [
        {"match": [{"uri": {"prefix": "/"}}], "route": to("ratings")},
        {"match": [{"uri": {"exact": "/a"}}], "route": to("details")},
    ]
    route = routing(vs("r", {"hosts": ["reviews"], "http": rules})).sidecar_http(
        WEB, REVIEWS, "reviews", 9080, get("/a")
    )
    assert (route.rule, route.match, route.backends[0].host) == ("http[0]", "match[0]", RATINGS.name)


def test_no_rule_takes_it():
    route = does({"match": [{"uri": {"exact": "/a"}}]}, get("/b"))
    assert (route.source, route.answer) == (RouteSource.VIRTUAL_SERVICE, Answer(AnswerKind.NOT_FOUND, 404))


def test_nothing_speaks_about_the_service():
    route = routing().sidecar_http(WEB, REVIEWS, "reviews", 9080, get())
    assert (route.source, route.object, route.timeout) == (RouteSource.DEFAULT, None, "")
    assert [(b.host, b.port, b.known) for b in route.backends] == [(REVIEWS.name, 9080, True)]
    assert route.retries == Retries(2, DEFAULT_ON)


def test_weights_and_ports():
    several = service("several", ports=(HostPort(80, "http", "HTTP"), HostPort(81, "http-b", "HTTP")))
    rule = {
        "route": [
            {"destination": {"host": "reviews", "port": {"number": 9080}}, "weight": 90},
            {"destination": {"host": "several", "port": {"number": 81}}, "weight": 10},
            {"destination": {"host": "details"}, "weight": 0},
        ]
    }
    route = does(rule, hosts=(REVIEWS, several, DETAILS))
    assert [(b.host, b.port, b.weight, b.known) for b in route.backends] == [
        (REVIEWS.name, 9080, 90, True), (several.name, 81, 10, True),
    ]  # fmt: skip
    route = does({"route": to("several")}, hosts=(REVIEWS, several))
    assert (route.backends[0].port, route.backends[0].known) == (9080, False), "two ports, and none of them is dialled"
    one = service("one", ports=(HostPort(8000, "http", "HTTP"),))
    assert does({"route": to("one")}, hosts=(REVIEWS, one)).backends[0].port == 8000


@pytest.mark.parametrize("host", ["nowhere", "nowhere.shop.svc.cluster.local", "example.com"])
def test_missing_destination(host):
    """D58: 503."""
    route = does({"route": to(host)})
    assert route.answer == Answer(AnswerKind.ERROR, 503)
    assert not route.backends[0].known


def test_part_of_the_destinations_is_missing():
    rule = {
        "route": [{"destination": {"host": "reviews"}, "weight": 1}, {"destination": {"host": "gone"}, "weight": 1}]
    }
    route = does(rule)
    assert route.answer is None
    assert [b.known for b in route.backends] == [True, False]


def test_short_names_are_the_objects_own():
    """A name without dots is a Service of the VirtualService's namespace, not of the client's."""
    elsewhere = service("reviews", "other")
    made = routing(vs("r", {"hosts": [elsewhere.name], "http": [{"route": to("reviews")}]}), hosts=(REVIEWS, elsewhere))
    assert made.sidecar_http(WEB, elsewhere, elsewhere.name, 9080, get()).backends[0].host == REVIEWS.name
    made = routing(vs("r", {"hosts": ["reviews.shop"], "http": [{"route": to("ratings")}]}))
    assert made.sidecar_http(WEB, REVIEWS, REVIEWS.name, 9080, get()).source is RouteSource.DEFAULT


def test_headers_in_words():
    rule = {
        "headers": {
            "request": {"set": {"x-b": "1", "x-a": "2", "host": "h.example", ":path": "/no"}, "add": {"y": "3"}, "remove": ["z", "host"]},
            "response": {"remove": ["server"]},
        },
        "route": [{"destination": {"host": "reviews"}, "headers": {"request": {"set": {"v": "1"}}}}],
    }  # fmt: skip
    route = does(rule)
    assert route.request_edits == ("set x-a: 2", "set x-b: 1", "add y: 3", "remove z")
    assert route.response_edits == ("remove server",)
    assert route.rewrite_host == "h.example"
    assert route.backends[0].request_edits == ("set v: 1",)


@pytest.mark.parametrize(
    ("match", "rewrite", "path", "expected"),
    [
        ({"prefix": "/a"}, {"uri": "/b"}, "/a/c?q=1", "/b/c?q=1"), ({"prefix": "/a"}, {"uri": "/b"}, "/abc", "/bbc"),
        ({"prefix": "/a/"}, {"uri": "/"}, "/a/c", "/c"), ({"prefix": "/a"}, {"uri": "/"}, "/a/c", "//c"),
        ({"exact": "/a"}, {"uri": "/b/c"}, "/a?q", "/b/c?q"), ({"regex": "/a.*"}, {"uri": "/b"}, "/abc?q", "/b?q"),
        (None, {"uri": "/pre"}, "/a", "/prea"),
        ({"prefix": "/"}, {"uriRegexRewrite": {"match": "^/(a)/(.*)$", "rewrite": r"/\2/\1\\"}}, "/a/z?q", "/z/a\\?q"),
        ({"prefix": "/"}, {"uriRegexRewrite": {"match": "o", "rewrite": "0"}}, "/foo", "/f00"),
        ({"prefix": "/"}, {"uriRegexRewrite": {"match": "/.*", "rewrite": "/all"}}, "/x/y", "/all"),
        ({"prefix": "/"}, {"authority": "b.example"}, "/x", ""),
    ],
)  # fmt: skip
def test_rewrites(match, rewrite, path, expected):
    route = does({"match": [{"uri": match}] if match else [], "rewrite": rewrite}, get(path))
    assert (route.rewrite_path, route.rewrite_host) == (expected, rewrite.get("authority", ""))


@pytest.mark.parametrize(
    ("redirect", "authority", "expected"),
    [
        ({"uri": "/new"}, "reviews", (301, "http://reviews/new?q=1")),
        ({"authority": "b.example", "redirectCode": 302}, "reviews", (302, "http://b.example/old?q=1")),
        ({"scheme": "https"}, "reviews:80", (301, "https://reviews/old?q=1")),
        ({"scheme": "https"}, "reviews:9080", (301, "https://reviews:9080/old?q=1")),
        ({"port": 8080}, "reviews:9080", (301, "http://reviews:8080/old?q=1")),
        ({"port": 80}, "reviews:9080", (301, "http://reviews:9080/old?q=1")),
        ({"derivePort": "FROM_REQUEST_PORT"}, "reviews", (301, "http://reviews:9080/old?q=1")),
        ({"uri": "/new?p"}, "reviews", (301, "http://reviews/new?p")),
    ],
)  # fmt: skip
def test_redirects(redirect, authority, expected):
    route = does({"route": None, "redirect": redirect}, get("/old?q=1", authority=authority))
    assert route.answer == Answer(AnswerKind.REDIRECT, *expected)
    assert not route.backends
    assert route.retries == Retries()


def test_direct_response():
    route = does({"route": None, "directResponse": {"status": 418, "body": {"string": "x"}}})
    assert route.answer == Answer(AnswerKind.DIRECT, 418, body=b"x")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, Retries(2, DEFAULT_ON)), ({"retries": {"attempts": 0}}, Retries()), ({"retries": {}}, Retries()),
        ({"retries": {"attempts": 3}}, Retries(3, DEFAULT_ON)),
        ({"retries": {"attempts": 3, "retryOn": "5xx, reset", "perTryTimeout": "2s"}}, Retries(3, "5xx,reset", "2s")),
        ({"retries": {"attempts": 1, "retryOn": "503"}}, Retries(1, "503,retriable-status-codes")),
    ],
)  # fmt: skip
def test_retries(rule, expected):
    """D43."""
    assert does(rule).retries == expected


def test_default_retries_by_release_and_by_the_mesh():
    assert does({}, at=version(23)).retries == Retries(2, f"{DEFAULT_ON},503")
    assert does({}, retries={"attempts": 5, "retryOn": "reset"}).retries == Retries(5, "reset")
    assert does({"retries": {"attempts": 1, "retryOn": "5xx"}}, retries={"attempts": 5}).retries == Retries(1, "5xx")


@pytest.mark.parametrize(
    ("written", "expected"), [("5s", "5s"), ("0s", ""), ("0.5s", "0.5s"), (None, ""), ("00.0ms", "")]
)
def test_timeouts(written, expected):
    assert does({"timeout": written}).timeout == expected


def test_mirrors():
    rule = {
        "mirror": {"host": "details"}, "mirrorPercentage": {"value": 12.5},
        "mirrors": [{"destination": {"host": "gone"}}, {"destination": {"host": "ratings"}, "percentage": {"value": 0}}],
    }  # fmt: skip
    gone = "gone.shop.svc.cluster.local"
    assert does(rule).mirrors == (f"12.5% to {DETAILS.name}:9080", f"100% to {gone}:9080 (does not exist)")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"delay": {"fixedDelay": "7s", "percentage": {"value": 100}}}, ("delay 7s for 100%",)),
        ({"delay": {"fixedDelay": "7s", "percent": 10}}, ("delay 7s for 10%",)), ({"delay": {"fixedDelay": "7s"}}, ()),
        ({"abort": {"httpStatus": 500, "percentage": {"value": 0.1}}}, ("abort with 500 for 0.1%",)),
        ({"abort": {"grpcStatus": "NOT_FOUND", "percentage": {"value": 1}}}, ("abort with gRPC NOT_FOUND for 1%",)),
        ({"abort": {"httpStatus": 500}}, ()), ({}, ()), (None, ()),
    ],
)  # fmt: skip
def test_faults(fault, expected):
    assert does({"fault": fault}).faults == expected


@pytest.mark.parametrize(
    ("cors", "expected"),
    [
        (None, None), ({}, ()), ({"allowOrigin": ["https://a"]}, ("https://a",)),
        ({"allowOrigins": [{"exact": "https://a"}, {"prefix": "https://b"}, {"regex": ".*"}]}, ("https://a", "https://b*", "regex .*")),
    ],
)  # fmt: skip
def test_cors(cors, expected):
    assert does({"corsPolicy": cors}).cors == expected


def test_subsets():
    rule = dr("d", {"host": "reviews", "subsets": [{"name": "v2", "labels": {"version": "v2"}}]})
    route = does({"route": to("reviews", subset="v2")}, None, rule)
    assert (route.backends[0].subset, route.backends[0].labels, route.backends[0].known) == (
        "v2",
        {"version": "v2"},
        True,
    )
    assert route.traffic_object.name == "d"
    route = does({"route": to("reviews", subset="v3")}, None, rule)
    assert (route.backends[0].known, route.answer.status) == (False, 503), "a subset that nobody defines has no cluster"


@pytest.mark.parametrize(
    "rule",
    [
        {"match": "x"}, {"match": [3]}, {"match": [{"uri": {"exact": "/", "prefix": "/"}}]}, {"route": "x"},
        {"match": [{"headers": [1]}]}, {"match": [{"port": "80"}]}, {"timeout": 5}, {"route": [{"destination": {}}]}, {"route": []},
        {"match": [{"uri": {"regex": "("}}]}, {"match": [{"headers": {":path": {"regex": "(?!x)"}}}]},
        {"route": None, "redirect": {"redirectCode": 305}}, {"rewrite": {"uriRegexRewrite": {"match": "("}}},
        {"retries": []}, {"fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": "x"}}}}, {"delegate": 4},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(rule):
    """Never a guess: the object is named, and a rule before it still counts."""
    first = {"match": [{"uri": {"exact": "/sure"}}], "route": to("ratings")}
    made = routing(vs("odd", {"hosts": ["reviews"], "http": [first, {"route": to("reviews"), **rule}]}))
    sure = made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get("/sure"))
    assert (sure.unknown, sure.backends[0].host) == ("", RATINGS.name)
    doubtful = made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get("/"))
    assert "VirtualService shop/odd" in doubtful.unknown


def test_a_refused_expression_matters_only_where_the_rest_holds():
    match = [{"uri": {"regex": "("}, "headers": {"x": {"exact": "1"}}}]
    made = routing(
        vs("odd", {"hosts": ["reviews"], "http": [{"match": match, "route": to("ratings")}, {"route": to("reviews")}]})
    )
    assert not made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).unknown
    assert made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get(x="1")).unknown


def test_unknown_fields_break_nothing():
    rule = {
        "future": {"a": 1},
        "match": [{"uri": {"prefix": "/"}, "novel": [1]}],
        "route": [{"destination": {"host": "ratings", "zone": 1}}],
    }
    made = routing(vs("r", {"hosts": ["reviews"], "http": [rule], "else": 1}))
    assert made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).backends[0].host == RATINGS.name
