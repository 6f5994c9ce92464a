"""SID330: each form of a VirtualService, before and after, and what must stay as it is."""

import pytest
from tests.convert.rules.route_scene import (
    NOW,
    PORTS,
    SHOP,
    SUBSETS,
    Asked,
    convert,
    entry,
    fqdn,
    get,
    m,
    route,
    service,
    sidecars,
    to,
    version,
    vs,
)

from sidestep.convert.rewrite import ChangeKind, Severity, Waypoint

RETRIED = route(
    "HTTPRoute", "other", {"parentRefs": [{"group": "", "kind": "Service", "name": "other"}], "rules": [{"retry": {"attempts": 1}}]}
)  # fmt: skip


def reviews(*rules, **spec):
    return vs("reviews", {"hosts": ["reviews"], "http": list(rules), **spec})


def converted(*rules, at=NOW, extra=(), **spec):
    found = convert(*extra, SUBSETS, reviews(*rules, **spec), at=at)
    assert not found.losses, [str(each) for each in found.losses]
    return found


def kept(*rules, at=NOW, extra=(), **spec):
    """The fields that keep a VirtualService as it is."""
    found = convert(*extra, SUBSETS, reviews(*rules, **spec), at=at)
    assert not found.changes
    return found.fields()


def paths(found):
    return [(match["path"]["type"], match["path"]["value"]) for rule in found.rules() for match in rule["matches"]]


def test_one_route_for_all():
    found = converted({"route": to("ratings")})
    assert found.only("HTTPRoute") == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": "reviews",
            "namespace": "shop",
            "annotations": {
                "sidestep.dev/origin": "VirtualService shop/reviews",
                "sidestep.dev/rule": "SID330",
            },
        },
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "reviews"}],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "backendRefs": [{"group": "", "kind": "Service", "name": "ratings", "port": 9080, "weight": 1}],
                }
            ],
        },
    }
    assert [(str(each.object), each.late) for each in found.changes if each.kind is ChangeKind.REMOVE] == [
        ("VirtualService shop/reviews", True)
    ]


@pytest.mark.parametrize(
    ("uris", "expected"),
    [
        ([{"exact": "/a"}], [("Exact", "/a")]),
        ([{"prefix": "/"}], [("PathPrefix", "/")]),
        ([{"prefix": "/a"}], [("RegularExpression", "/a.*")]),
        ([{"prefix": "/a.b/"}], [("RegularExpression", r"/a\.b/.*")]),
        ([{"exact": "/a"}, {"prefix": "/a/"}], [("PathPrefix", "/a")]),
        ([{"prefix": "/a/"}, {"exact": "/c"}, {"exact": "/a"}], [("PathPrefix", "/a"), ("Exact", "/c")]),
        ([{"regex": "/a|/b"}], [("RegularExpression", "/a|/b")]),
        ([{"regex": ".*"}], [("PathPrefix", "/")]),
        ([{"regex": "/login"}], [("Exact", "/login")]),
        ([{"exact": "/a//b"}], [("RegularExpression", "/a//b")]),
    ],
)
def test_paths(uris, expected):
    found = converted({"match": [{"uri": uri} for uri in uris], "route": to("ratings")})
    assert paths(found) == expected


def test_case_is_ignored_by_expression():
    found = converted({"match": [{"uri": {"prefix": "/Cart"}, "ignoreUriCase": True}], "route": to("ratings")})
    assert paths(found) == [("RegularExpression", "(?i)/Cart.*")]


def test_the_order_of_the_list_is_kept():
    """An expression would come after every prefix, and a longer one before a shorter one."""
    found = converted(
        {"match": [{"uri": {"regex": "/a[0-9]"}}], "route": to("details")},
        {"match": [{"uri": {"prefix": "/abc"}}], "route": to("ratings")},
        {"match": [{"uri": {"prefix": "/a"}}], "route": to("details")},
        {"route": to("reviews")},
    )
    assert paths(found) == [
        ("RegularExpression", "/a[0-9]"),
        ("RegularExpression", "/abc.*"),
        ("RegularExpression", "/a.*"),
        ("RegularExpression", "/.*"),
    ]


def test_an_expression_is_made_longer_where_a_longer_one_stands_behind():
    found = converted(
        {"match": [{"uri": {"prefix": "/a"}}], "route": to("details")},
        {"match": [{"uri": {"regex": "/a[bc]+/[0-9]+"}}], "route": to("ratings")},
    )
    assert paths(found) == [
        ("RegularExpression", "(?:)(?:)(?:)/a.*"),
        ("RegularExpression", "/a[bc]+/[0-9]+"),
    ]


def test_what_cannot_meet_needs_no_order():
    found = converted(
        {"match": [{"uri": {"prefix": "/"}, "method": {"exact": "GET"}}], "route": to("details")},
        {"match": [{"uri": {"exact": "/a"}, "method": {"exact": "POST"}}], "route": to("ratings")},
    )
    assert paths(found) == [("PathPrefix", "/"), ("Exact", "/a")]


def test_headers_and_parameters():
    match = {
        "headers": {"a": {"exact": "1"}, "b": {"prefix": "x."}, "c": {"regex": "y+"}, "d": {}},
        "queryParams": {"q": {"exact": "1"}, "r": {"regex": "[0-9]"}},
        "method": {"exact": "GET"},
    }
    (rule,) = converted({"match": [match], "route": to("ratings")}).rules()
    assert rule["matches"] == [
        {
            "path": {"type": "PathPrefix", "value": "/"},
            "method": "GET",
            "headers": [
                {"name": "a", "type": "Exact", "value": "1"},
                {"name": "b", "type": "RegularExpression", "value": r"x\..*"},
                {"name": "c", "type": "RegularExpression", "value": "y+"},
                {"name": "d", "type": "RegularExpression", "value": ".*"},
            ],
            "queryParams": [
                {"name": "q", "type": "Exact", "value": "1"},
                {"name": "r", "type": "RegularExpression", "value": "[0-9]"},
            ],
        }
    ]


def test_methods_by_pattern_are_named():
    (rule,) = converted({"match": [{"method": {"regex": "GET|PUT"}}], "route": to("ratings")}).rules()
    assert [match["method"] for match in rule["matches"]] == ["GET", "PUT"]
    found = convert(reviews({"match": [{"method": {"prefix": "P"}}], "route": to("ratings")}))
    assert [match["method"] for match in found.rules()[0]["matches"]] == ["POST", "PUT", "PATCH"]
    assert found.fields() == {"spec.http[0].match[0].method"}


def test_a_header_ruled_out_goes_first_to_what_takes_all():
    found = converted(
        {"match": [{"withoutHeaders": {"beta": {}}}], "route": to("ratings")},
        {"route": to("details")},
    )
    assert [(rule["matches"][0].get("headers"), rule["backendRefs"][0]["name"]) for rule in found.rules()] == [
        ([{"name": "beta", "type": "RegularExpression", "value": ".*"}], "details"),
        (None, "ratings"),
        (None, "details"),
    ]


def test_a_header_ruled_out_with_nobody_to_take_the_rest():
    assert kept({"match": [{"withoutHeaders": {"beta": {}}}], "route": to("ratings")}) == {
        "spec.http[0].match[0].withoutHeaders"
    }


@pytest.mark.parametrize(
    ("match", "uri", "expected"),
    [
        ([{"uri": {"exact": "/a"}}], "/b", {"type": "ReplaceFullPath", "replaceFullPath": "/b"}),
        ([], "/b", {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/b"}),
        ([{"uri": {"exact": "/a"}}, {"uri": {"prefix": "/a/"}}], "/", {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}),
    ],
)  # fmt: skip
def test_rewrites(match, uri, expected):
    rule = {"rewrite": {"uri": uri}, "route": to("ratings"), **({"match": match} if match else {})}
    assert converted(rule).rules()[0]["filters"] == [{"type": "URLRewrite", "urlRewrite": {"path": expected}}]


def test_a_rewrite_of_a_prefix_takes_the_stem_out_first():
    """`/a/` becomes `/a`, which takes `/a` itself too: that goes on to where it went."""
    found = converted(
        {"match": [{"uri": {"prefix": "/a/"}}], "rewrite": {"uri": "/b/"}, "route": to("ratings")},
        {"route": to("details")},
    )
    assert paths(found) == [("Exact", "/a"), ("PathPrefix", "/a"), ("PathPrefix", "/")]
    assert [rule["backendRefs"][0]["name"] for rule in found.rules()] == ["details", "ratings", "details"]


@pytest.mark.parametrize("uri", ["/", "/b"])
def test_a_raw_prefix_with_a_rewrite_stays(uri):
    rules = (
        {"match": [{"uri": {"prefix": "/a"}}], "rewrite": {"uri": uri}, "route": to("ratings")},
        {"route": to("details")},
    )
    assert kept(*rules) == {"spec.http[0].match[0].uri"}


def test_conditions_without_a_path_before_a_rewrite():
    found = converted(
        {"match": [{"headers": {"beta": {"exact": "1"}}}], "route": to("ratings")},
        {
            "match": [{"uri": {"exact": "/a"}}, {"uri": {"prefix": "/a/"}}],
            "rewrite": {"uri": "/"},
            "route": to("details"),
        },
        {"route": to("reviews")},
    )
    assert ("PathPrefix", "/a") in paths(found)
    after = Asked(found.after)
    assert after.waypoint(get("/a/x", beta="1")).backends[0].host == fqdn("ratings")
    assert after.waypoint(get("/a/x")).rewrite_path == "/x"


def test_subsets_and_weights():
    found = converted({"route": [
        {"destination": {"host": "reviews", "subset": "v1"}, "weight": 80},
        {"destination": {"host": "reviews", "subset": "v3"}, "weight": 20},
        {"destination": {"host": "ratings"}, "weight": 0},
    ]})  # fmt: skip
    assert [(ref["name"], ref["weight"]) for ref in found.rules()[0]["backendRefs"]] == [
        ("reviews-v1", 80),
        ("reviews-v3", 20),
    ]
    assert {each["metadata"]["name"] for each in found.made("Service")} == {"reviews-v1", "reviews-v3"}


def test_edits_of_headers():
    (rule,) = converted({
        "headers": {"request": {"set": {"a": "1", "host": "other.example"}, "remove": ["c"]}},
        "route": [{
            "destination": {"host": "ratings"},
            "headers": {"response": {"add": {"b": "2"}}},
        }],
    }).rules()  # fmt: skip
    assert rule["filters"] == [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "1"}], "remove": ["c"]}},
        {"type": "URLRewrite", "urlRewrite": {"hostname": "other.example"}},
    ]  # fmt: skip
    assert rule["backendRefs"][0]["filters"] == [
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [{"name": "b", "value": "2"}]}}
    ]


@pytest.mark.parametrize(
    ("redirect", "expected"),
    [
        ({"uri": "/b"}, {"statusCode": 301, "port": 80, "path": {"type": "ReplaceFullPath", "replaceFullPath": "/b"}}),
        ({"scheme": "https", "redirectCode": 302}, {"statusCode": 302, "scheme": "https"}),
        ({"authority": "b.example", "port": 8080}, {"statusCode": 301, "hostname": "b.example", "port": 8080}),
        ({"authority": "b.example", "derivePort": "FROM_REQUEST_PORT"}, {"statusCode": 301, "hostname": "b.example"}),
    ],
)
def test_redirects(redirect, expected):
    (rule,) = converted({"redirect": redirect}).rules()
    assert rule["filters"] == [{"type": "RequestRedirect", "requestRedirect": expected}]
    assert "backendRefs" not in rule


def test_timeouts():
    assert converted({"route": to("ratings"), "timeout": "1.5s"}).rules()[0]["timeouts"] == {"request": "1s500ms"}
    assert "timeouts" not in converted({"route": to("ratings"), "timeout": "0s"}).rules()[0]
    assert kept({"route": to("ratings"), "timeout": "0.0001s"}) == {"spec.http[0].timeout"}


def test_retries():
    """Only the experimental channel has them; those that are the default need none."""
    assert "retry" not in converted({"route": to("ratings"), "retries": {"attempts": 2}}).rules()[0]
    asked = {
        "attempts": 3,
        "perTryTimeout": "2s",
        "retryOn": "connect-failure,refused-stream,unavailable,cancelled,503",
    }
    assert kept({"route": to("ratings"), "retries": asked}) == {"spec.http[0].retries"}
    (rule,) = converted({"route": to("ratings"), "retries": asked}, extra=(RETRIED,)).rules()
    assert (rule["retry"], rule["timeouts"]) == ({"attempts": 3, "codes": [503]}, {"backendRequest": "2s"})


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"attempts": 0}, "attempts"),
        ({"attempts": 3, "retryOn": "gateway-error"}, "retryOn"),
        ({"attempts": 3, "retryRemoteLocalities": True}, "retryRemoteLocalities"),
    ],
)
def test_retries_that_no_route_has(asked, field):
    assert f"spec.http[0].retries.{field}" in kept({"route": to("ratings"), "retries": asked}, extra=(RETRIED,))


def test_mirrors():
    (rule,) = converted({
        "route": to("ratings"),
        "mirror": {"host": "reviews", "subset": "v2"},
        "mirrorPercentage": {"value": 0.5},
        "mirrors": [{"destination": {"host": "details"}, "percentage": {"value": 10}}, {"destination": {"host": "details"}}],
    }).rules()  # fmt: skip
    told = [
        {key: value for key, value in each["requestMirror"].items() if key != "backendRef"} for each in rule["filters"]
    ]
    assert told == [{"fraction": {"numerator": 1, "denominator": 200}}, {"percent": 10}, {}]
    assert rule["filters"][0]["requestMirror"]["backendRef"]["name"] == "reviews-v2"


def test_cors():
    policy = {
        "allowOrigins": [{"exact": "https://a.example"}], "allowMethods": ["GET"], "allowHeaders": ["x"], "maxAge": "60s",
        "allowCredentials": True, "unmatchedPreflights": "IGNORE",
    }  # fmt: skip
    (rule,) = converted({"route": to("ratings"), "corsPolicy": policy}).rules()
    assert rule["filters"][0]["cors"] == {
        "allowOrigins": ["https://a.example"], "allowMethods": ["GET"], "allowHeaders": ["x"], "maxAge": 60,
        "allowCredentials": True,
    }  # fmt: skip
    found = convert(reviews({"route": to("ratings"), "corsPolicy": {**policy, "unmatchedPreflights": "FORWARD"}}))
    assert found.made("HTTPRoute")
    assert found.fields() == {"spec.http[0].corsPolicy.unmatchedPreflights"}
    by_pattern = {**policy, "allowOrigins": [{"regex": ".*"}]}
    assert kept({"route": to("ratings"), "corsPolicy": by_pattern}) == {"spec.http[0].corsPolicy.allowOrigins"}
    assert kept({"route": to("ratings"), "corsPolicy": policy}, at=version(29)) == {"spec.http[0].corsPolicy"}


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("allowMethods", ["PROPFIND"]), ("allowMethods", ["*", "GET"]), ("allowHeaders", ["x a"]), ("exposeHeaders", ["*", "a"]),
        ("allowHeaders", [f"x-{number}" for number in range(65)]), ("maxAge", "100000000h"),
    ],
)  # fmt: skip
def test_cors_that_a_route_does_not_hold(field, written):
    policy = {"allowOrigins": [{"exact": "https://a.example"}], "unmatchedPreflights": "IGNORE", field: written}
    assert kept({"route": to("ratings"), "corsPolicy": policy}) == {f"spec.http[0].corsPolicy.{field}"}


def test_a_header_is_removed_once():
    headers = {"response": {"remove": ["a", "b", "A"]}}
    (rule,) = converted({"route": to("ratings"), "headers": headers}).rules()
    assert rule["filters"][0]["responseHeaderModifier"] == {"remove": ["A", "b"]}


@pytest.mark.parametrize("part", ["rewrite", "redirect"])
def test_paths_longer_than_a_route_holds(part):
    rule = {"route": to("ratings"), "rewrite": {"uri": "/" + "a" * 1024}}
    if part == "redirect":
        rule = {"redirect": rule["rewrite"]}
    assert kept(rule) == {f"spec.http[0].{part}.uri"}


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"fault": {"abort": {"httpStatus": 500, "percentage": {"value": 1}}}, "route": to("ratings")}, "fault"),
        ({"directResponse": {"status": 418}}, "directResponse"),
        ({"rewrite": {"uriRegexRewrite": {"match": "a", "rewrite": "b"}}, "route": to("ratings")}, "rewrite.uriRegexRewrite"),
        ({"match": [{"scheme": {"exact": "https"}}], "route": to("ratings")}, "match[0].scheme"),
        ({"match": [{"authority": {"exact": "reviews"}}], "route": to("ratings")}, "match[0].authority"),
        ({"match": [{"authority": {"prefix": "rev"}}], "route": to("ratings")}, "match[0].authority"),
        ({"match": [{"headers": {":authority": {"exact": "reviews.shop:9080"}}}], "route": to("ratings")}, "match[0].authority"),
        ({"match": [{"withoutHeaders": {":authority": {"exact": "a"}}}], "route": to("ratings")}, "match[0].authority"),
        ({"match": [{"statPrefix": "a"}], "route": to("ratings")}, "match[0].statPrefix"),
        ({"match": [{"headers": {"@request.auth.claims.a": {"exact": "1"}}}], "route": to("ratings")}, "match[0].headers"),
        ({"route": to("nobody")}, "route[0].destination"),
        ({"route": to("reviews", subset="v9")}, "route[0].destination.subset"),
        ({"route": [{**to("reviews")[0], "weight": 1, "headers": {"request": {"set": {"host": "a.example"}}}}, {**to("ratings")[0], "weight": 1}]}, "route.headers"),
        ({"route": to("ratings", port={"number": 1})}, "route[0].destination"),
        ({"route": to("ratings"), "brandNew": 1}, "brandNew"),
        ({"match": [{"brandNew": 1}], "route": to("ratings")}, "match[0].brandNew"),
        ({"redirect": {"scheme": "https", "derivePort": "FROM_REQUEST_PORT"}}, "redirect.derivePort"),
    ],
)  # fmt: skip
def test_what_no_route_can_say_stays_whole(rule, field):
    """It works at the waypoint of its own namespace, so nothing but the form is lost."""
    found = convert(SUBSETS, reviews(rule, {"route": to("reviews")}))
    assert found.changes == []
    assert found.fields() == {f"spec.http[0].{field}"}


@pytest.mark.parametrize(
    "authority",
    [{"exact": "www.example.com"}, {"exact": "ratings"}, {"prefix": "www."}, {"prefix": "reviewsx:"}, {"exact": "reviews.other"}],
)  # fmt: skip
def test_hosts_that_lead_no_sidecar_there_are_left_out(authority):
    """A waypoint asks its rules about every Host, so such a match would take what it never took."""
    found = convert(
        SUBSETS, reviews({"match": [{"authority": authority}], "route": to("ratings")}, {"route": to("reviews")})
    )
    assert [(each.field, each.severity) for each in found.losses] == [
        ("spec.http[0].match[0].authority", Severity.TRAFFIC)
    ]
    assert paths(found) == [("PathPrefix", "/")]
    assert found.rules()[0]["backendRefs"][0]["name"] == "reviews"


@pytest.mark.parametrize("authority", [{"regex": ".*"}, {"prefix": ""}, {"regex": "*"}])
def test_hosts_of_every_kind_are_no_condition(authority):
    found = converted({"match": [{"authority": authority}], "route": to("ratings")})
    assert found.rules()[0]["backendRefs"][0]["name"] == "ratings"


def test_hosts_that_lead_no_sidecar_there_are_told_where_the_object_stays():
    dead = {"match": [{"authority": {"exact": "www.example.com"}}], "route": to("ratings")}
    found = convert(SUBSETS, reviews(dead, {"directResponse": {"status": 418}}))
    assert found.fields() == {"spec.http[0].match[0].authority", "spec.http[1].directResponse"}
    graded = {each.field.rpartition(".")[2]: each.severity for each in found.losses}
    assert graded == {"authority": Severity.TRAFFIC, "directResponse": Severity.COSMETIC}


@pytest.mark.parametrize(
    ("host", "known"), [("www.example.com", True), ("*.example.com", True), ("a.example.org", False)]
)
def test_a_name_among_its_hosts_leads_sidecars_there(host, known):
    rule = {"match": [{"authority": {"exact": "www.example.com"}}], "route": to("ratings")}
    found = convert(SUBSETS, reviews(rule, {"route": to("reviews")}, hosts=["reviews", host]))
    assert (found.made("HTTPRoute") == []) == known


@pytest.mark.parametrize(
    "rule",
    [
        {"corsPolicy": {"allowOrigins": [{"regex": ".*"}], "unmatchedPreflights": "IGNORE"}},
        {"timeout": "1s", "retries": {"attempts": 2, "perTryTimeout": "2s"}},
        {"fault": {"abort": {"httpStatus": 500, "percentage": {"value": 1}}}},
        {"rewrite": {"uriRegexRewrite": {"match": "a", "rewrite": "b"}}},
    ],
)
def test_what_works_on_where_it_stands_is_a_matter_of_form(rule):
    found = convert(SUBSETS, RETRIED, reviews({**rule, "route": to("ratings")}))
    assert found.changes == []
    assert {each.severity for each in found.losses} == {Severity.COSMETIC}


@pytest.mark.parametrize("field", ["sourceLabels", "sourceNamespace"])
def test_what_hangs_on_the_client_is_lost(field):
    value = {"app": "client"} if field == "sourceLabels" else "shop"
    found = convert(reviews({"match": [{field: value}], "route": to("ratings")}, {"route": to("reviews")}))
    (loss,) = found.losses
    assert (loss.field, loss.severity) == (f"spec.http[0].match[0].{field}", Severity.TRAFFIC)
    assert found.changes == []


def test_names_of_rules():
    assert converted({"name": "all", "route": to("ratings")}).rules()[0]["name"] == "all"
    found = convert(reviews({"name": "All of it", "route": to("ratings")}))
    assert "name" not in found.rules()[0]
    assert found.fields() == {"spec.http[0].name"}


def test_delegates_are_filled_in():
    root = reviews(
        {"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "a", "namespace": "team"}, "timeout": "3s"},
        {"route": to("reviews")},
    )
    delegate = vs("a", {"http": [{"match": [{"uri": {"exact": "/a/b"}}], "route": to("api")}]}, "team")
    found = convert(root, delegate, service("api", "team"))
    assert not found.losses
    rule = found.rules()[0]
    assert (rule["matches"][0]["path"]["value"], rule["timeouts"]) == ("/a/b", {"request": "3s"})
    assert rule["backendRefs"][0] | {"name": "api", "namespace": "team"} == rule["backendRefs"][0]


PART = vs("part", {"http": [{"match": [{"uri": {"exact": "/a/b"}}], "route": to("ratings")}]}, "shop")


def asking(**spec):
    return reviews({"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "part"}}, **spec)


def test_a_delegate_goes_with_the_last_that_names_it():
    found = convert(asking(), PART)
    assert not found.losses
    gone = {each.object.name: each.late for each in found.changes if each.kind is ChangeKind.REMOVE}
    assert gone == {"reviews": True, "part": True}
    assert convert(base=found.after).changes == []


@pytest.mark.parametrize(
    "others",
    [
        (asking(gateways=["mesh", "edge"]),),
        (
            asking(),
            vs("edge", {"hosts": ["e.example"], "gateways": ["edge"], "http": [{"delegate": {"name": "part"}}]}),
        ),
        (reviews({"delegate": {"name": "part"}, "fault": {"abort": {"httpStatus": 500}}}),),
        (reviews({"route": to("ratings")}),),
        (),
    ],
    ids=["read by a gateway too", "named by a gateway's", "kept at the waypoint", "named by nobody", "alone"],
)
def test_a_delegate_stays_for_whoever_else_names_it(others):
    found = convert(*others, PART)
    assert not [each for each in found.changes if each.object.name == "part"]


def test_gateways_keep_their_part():
    found = converted(
        {"match": [{"gateways": ["gw"], "uri": {"prefix": "/out"}}], "route": to("details")},
        {"match": [{"gateways": ["mesh"]}], "route": to("ratings")},
        gateways=["mesh", "gw"],
    )
    assert paths(found) == [("PathPrefix", "/")]
    (left,) = [each for each in found.changes if each.object.kind == "VirtualService"]
    assert (left.kind, left.late) == (ChangeKind.REPLACE, True)
    assert left.manifest["spec"]["gateways"] == ["gw"]
    assert left.manifest["spec"]["http"] == found.before[-1]["spec"]["http"]


def test_ports():
    """A route names its port where rules hang on it; a destination without a port is the one that was dialled."""
    two = (service("reviews", ports=(*PORTS, {"name": "http-web", "port": 80})), *SHOP[1:])
    found = convert(
        reviews({"match": [{"port": 80}], "route": to("ratings")}, {"match": [{"port": 9080}], "route": to("details")}),
        base=two,
    )
    told = {
        route["spec"]["parentRefs"][0]["port"]: route["spec"]["rules"][0]["backendRefs"][0]["name"]
        for route in found.made("HTTPRoute")
    }
    assert told == {80: "ratings", 9080: "details"}


def test_a_catch_all_for_each_port_is_one_route():
    two = (service("reviews", ports=(*PORTS, {"name": "http-web", "port": 80})), *SHOP[1:])
    assert "port" not in convert(reviews({"route": to("ratings")}), base=two).only("HTTPRoute")["spec"]["parentRefs"][0]


def test_calls_of_grpc():
    grpc = (service("reviews", ports=({"name": "grpc", "port": 9080},)), *SHOP[1:])
    found = convert(
        reviews({"match": [{"uri": {"exact": "/shop.Reviews/Get"}}], "route": to("ratings")}, {"route": to("details")}),
        base=grpc,
    )
    assert [rule["matches"] for rule in found.rules("GRPCRoute")] == [
        [{"method": {"type": "Exact", "service": "shop.Reviews", "method": "Get"}}],
        [{}],
    ]
    assert Asked(found.after).waypoint(get("/shop.Reviews/Get")).backends[0].host == fqdn("ratings")
    assert convert(reviews({"route": to("details"), "timeout": "1s"}), base=grpc).made("HTTPRoute")


def test_a_service_entry():
    base = (*SHOP, entry("api.example.com"))
    rule = {"match": [{"port": 80}], "route": to("api.example.com", port={"number": 443})}
    found = convert(vs("out", {"hosts": ["api.example.com"], "http": [rule]}), base=base)
    made = found.only("HTTPRoute")
    assert made["spec"]["parentRefs"] == [{"group": "networking.istio.io", "kind": "ServiceEntry", "name": "api"}]
    assert made["spec"]["rules"][0]["backendRefs"][0] == {
        "group": "networking.istio.io", "kind": "Hostname", "name": "api.example.com", "port": 443, "weight": 1,
    }  # fmt: skip


def test_many_rules_make_several_routes():
    rules = [{"match": [{"uri": {"exact": f"/{at}"}}], "route": to("ratings")} for at in range(40)]
    found = converted(*rules, {"route": to("details")})
    assert [len(each["spec"]["rules"]) for each in found.made("HTTPRoute")] == [16, 16, 9]
    assert Asked(found.after).waypoint(get("/39")).backends[0].host == fqdn("ratings")


@pytest.mark.parametrize(
    "spec",
    [
        {"hosts": ["reviews"], "gateways": ["gw"], "http": [{"route": to("ratings")}]},
        {"http": [{"route": to("ratings")}]},
    ],
)
def test_what_is_not_of_the_mesh_stays(spec):
    found = convert(vs("reviews", spec))
    assert (found.changes, found.losses) == ([], [])


def test_without_a_waypoint_nothing_changes_and_the_loss_is_told():
    found = convert(reviews({"route": to("ratings")}), waypoints={})
    assert found.changes == []
    assert found.fields() == {"spec.hosts[0]"}
    assert convert(reviews({"route": to("ratings")}), waypoints={}, moving=False).losses == []


@pytest.mark.parametrize(
    "spec",
    [
        {"hosts": "reviews", "http": []},
        {"hosts": ["reviews"], "http": {"route": []}},
        {"hosts": ["reviews"], "http": [{"match": "x", "route": to("ratings")}]},
        {"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": 7}}]}]},
        {"hosts": ["reviews"], "http": [{}]},
        {"hosts": ["reviews"], "http": [{"route": to("ratings"), "timeout": 3}]},
        {"hosts": ["reviews"], "exportTo": 3, "http": [{"route": to("ratings")}]},
    ],
)
def test_what_cannot_be_read_stays_and_is_told(spec):
    found = convert(vs("reviews", spec))
    assert found.changes == []
    assert found.fields() == {"spec"}


def test_a_host_partly_behind_a_waypoint():
    made = vs("both", {"hosts": ["reviews", "details"], "http": [{"route": to("ratings")}]})
    found = convert(made, waypoints={fqdn("reviews"): Waypoint("shop", "waypoint")})
    (left,) = [each for each in found.changes if each.object.kind == "VirtualService"]
    assert left.manifest["spec"]["hosts"] == ["details"]
    assert found.fields() == {"spec.hosts[1]"}


def test_a_route_that_stands_already():
    parents = [{"group": "", "kind": "Service", "name": "reviews"}]
    own = route(
        "HTTPRoute", "own", {"parentRefs": parents, "rules": [{"backendRefs": [{"name": "details", "port": 9080}]}]}
    )
    found = convert(own, reviews({"route": to("ratings")}))
    assert found.changes == []
    assert found.fields() == {"spec.hosts"}


def test_the_first_of_several_is_converted_and_the_others_go_at_once():
    first = vs("old", {"hosts": ["reviews"], "http": [{"route": to("ratings")}]}, age=1)
    second = vs("new", {"hosts": ["reviews"], "http": [{"route": to("details")}]}, age=2)
    found = convert(first, second)
    assert found.rules()[0]["backendRefs"][0]["name"] == "ratings"
    late = {each.object.name: each.late for each in found.changes if each.kind is ChangeKind.REMOVE}
    assert late == {"old": True, "new": False}
    assert [(each.object.name, each.severity) for each in found.losses] == [("new", Severity.COSMETIC)]


def test_a_route_of_some_clients():
    """Clients of another namespace hear their own; the waypoint hears neither whose it is nor that."""
    own = vs("own", {"hosts": [fqdn("reviews")], "exportTo": ["."], "http": [{"route": to(fqdn("details"))}]}, "web")
    found = convert(own, reviews({"route": to("ratings")}), base=(*SHOP, *sidecars("web")))
    assert found.rules()[0]["backendRefs"][0]["name"] == "ratings"
    assert [(each.object.name, each.field) for each in found.losses] == [("own", "spec.exportTo")]
    assert found.gone() == {"VirtualService shop/reviews"}


def test_a_wildcard_of_some_clients_is_not_overtaken():
    """A route names its service, and would come before the wildcard while these clients have their sidecars."""
    spec = {"hosts": ["*.shop.svc.cluster.local"], "http": [{"route": to(fqdn("details"))}]}
    own = vs("own", {**spec, "exportTo": ["."]}, "web")
    found = convert(own, vs("all", {**spec, "http": [{"route": to("ratings")}]}), base=(*SHOP, *sidecars("web")))
    assert found.changes == []
    assert {each.object.name for each in found.losses} == {"own", "all"}


def test_a_route_that_must_stay_moves_to_where_the_waypoint_reads_it():
    elsewhere = vs(
        "far", {"hosts": [fqdn("reviews")], "http": [{"fault": {"abort": {"httpStatus": 500, "percentage": {"value": 100}}}, "route": to("api")}]}, "web"
    )  # fmt: skip
    found = convert(elsewhere, service("api", "web"), base=(*SHOP, *sidecars("web")))
    moved = found.only("VirtualService")
    assert (moved["metadata"]["namespace"], found.gone()) == ("shop", {"VirtualService web/far"})
    assert moved["spec"]["http"][0]["route"][0]["destination"]["host"] == fqdn("api", "web")
    assert [each.severity for each in found.losses] == [Severity.COSMETIC]
    assert Asked(found.before).waypoint(get("/")).faults == ()
    assert Asked(found.after).waypoint(get("/")).faults == ("abort with 500 for 100%",)
    assert Asked(found.both).sidecar(get("/")).faults == ("abort with 500 for 100%",)
    again = convert(base=found.both)
    assert [each.kind for each in again.changes] == [ChangeKind.REMOVE]
    assert convert(base=found.after).changes == []


def test_a_route_of_another_namespace_becomes_one_of_the_service():
    found = convert(
        vs("far", {"hosts": [fqdn("reviews")], "http": [{"route": to("api")}]}, "web"), service("api", "web")
    )
    made = found.only("HTTPRoute")
    assert made["metadata"]["namespace"] == "shop"
    assert made["spec"]["rules"][0]["backendRefs"][0]["namespace"] == "web"


@pytest.mark.parametrize(("minor", "told"), [(27, False), (28, True)])
def test_a_wildcard_of_hosts_outside_says_what_there_is_instead(minor, told):
    outside = entry("*.example.com", "wild", resolution="NONE")
    rule = vs("wild", {"hosts": ["*.example.com"], "http": [{"timeout": "3s", "route": to("*.example.com")}]})
    found = convert(outside, rule, at=version(minor), waypoints={})
    (loss,) = found.losses
    assert (loss.field, loss.severity) == ("spec.hosts[0]", Severity.TRAFFIC)
    assert ("DYNAMIC_DNS" in loss.instead) == told
    assert "ServiceEntry of its own" in loss.instead


def test_a_wildcard_becomes_a_route_for_each_service():
    found = convert(vs("all", {"hosts": ["*.shop.svc.cluster.local"], "http": [{"route": to("ratings")}]}))
    assert {each["metadata"]["name"] for each in found.made("HTTPRoute")} == {
        "reviews",
        "ratings",
        "details",
        "client",
    } & {each["metadata"]["name"] for each in found.before if each["kind"] == "Service"}
    assert found.gone() == {"VirtualService shop/all"}


def test_the_channel_is_read_from_its_definition():
    definition = m.o.thing(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition",
        {"name": "httproutes.gateway.networking.k8s.io", "annotations": {
            "gateway.networking.k8s.io/channel": "experimental", "gateway.networking.k8s.io/bundle-version": "v1.2.1",
        }},
    )  # fmt: skip
    asked = {"attempts": 5}
    assert convert(definition, reviews({"route": to("ratings"), "retries": asked})).rules()[0]["retry"] == {
        "attempts": 5
    }
    mirrored = {"route": to("ratings"), "mirror": {"host": "details"}, "mirrorPercentage": {"value": 5}}
    assert convert(definition, reviews(mirrored)).fields() == {"spec.http[0].mirror"}
