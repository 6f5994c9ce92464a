"""What holds for all VirtualServices of the forms that convert: requests go where they went, and twice is once."""

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.convert.rules.route_scene import (
    NOW,
    SHOP,
    SUBSETS,
    Asked,
    convert,
    dr,
    fqdn,
    get,
    route,
    service,
    to,
    version,
    vs,
)
from tests.convert.rules.same_route import meaning

TEXTS = st.sampled_from(["/", "/a", "/a/", "/ab", "/a/b", "/b/", "/A", "a", ""])
PATHS = st.one_of(
    st.builds(lambda form, text: {form: text}, st.sampled_from(["exact", "prefix"]), TEXTS),
    st.builds(lambda text: {"regex": text}, st.sampled_from([".*", "/a.*", "/[ab]/?", "/a|/b/.*", "/.+"])),
)
WORDS = st.one_of(
    st.just({}),
    st.builds(lambda form, text: {form: text}, st.sampled_from(["exact", "prefix"]), st.sampled_from(["x", "xy", "y"])),
    st.just({"regex": "x|y"}),
)
NAMED = st.dictionaries(st.sampled_from(["one", "two"]), WORDS, max_size=2)
METHODS = st.sampled_from([{"exact": "GET"}, {"exact": "POST"}, {"regex": "GET|PUT"}])


@st.composite
def matches(draw):
    found = {}
    parts = {"uri": PATHS, "headers": NAMED, "queryParams": NAMED, "method": METHODS}
    for name in draw(st.sets(st.sampled_from([*parts, "uri", "ignoreUriCase", "withoutHeaders", "port"]), max_size=3)):
        if name in parts:
            found[name] = draw(parts[name])
        elif name == "withoutHeaders":
            found[name] = draw(st.dictionaries(st.sampled_from(["one", "two"]), WORDS, min_size=1, max_size=1))
        else:
            found[name] = True if name == "ignoreUriCase" else draw(st.sampled_from([9080, 80]))
    return found


@st.composite
def bodies(draw):
    found = {}
    if draw(st.integers(0, 7)) == 0:
        keys = {"uri": "/gone", "authority": "b.example", "scheme": "https", "port": 8080, "redirectCode": 302}
        return {"redirect": {key: keys[key] for key in draw(st.sets(st.sampled_from([*keys]), min_size=1))}}
    subset = draw(st.sampled_from([None, "v1", "v2"]))
    first = {"host": "reviews", **({"subset": subset} if subset else {})}
    found["route"] = [{"destination": first, "weight": draw(st.sampled_from([1, 30]))}]
    if draw(st.booleans()):
        headers = {"response": {"remove": ["server"], "add": {"X-B": "2"}}}
        other = {
            "destination": {"host": draw(st.sampled_from(["ratings", "details"]))},
            "weight": 70,
            "headers": headers,
        }
        found["route"].append(other)
    extras = {
        "timeout": st.sampled_from(["0s", "1.5s", "2s"]),
        "rewrite": st.sampled_from([{"uri": "/"}, {"uri": "/z"}, {"uri": "/z/"}, {"authority": "b.example"}]),
        "headers": st.just({"request": {"set": {"X-A": "1", "host": "c.example"}, "remove": ["cookie"]}}),
        "mirror": st.just({"host": "details"}),
        "mirrorPercentage": st.sampled_from([{"value": 50}, {"value": 0.5}, {"value": 0}]),
        "retries": st.sampled_from([{"attempts": 2}, {"attempts": 5, "perTryTimeout": "1s", "retryOn": "503,cancelled"}]),
        "corsPolicy": st.just({"allowOrigins": [{"exact": "https://a.example"}], "unmatchedPreflights": "IGNORE"}),
        "name": st.sampled_from(["first", "Not A Name"]),
    }  # fmt: skip
    for name in draw(st.sets(st.sampled_from(list(extras)), max_size=3)):
        found[name] = draw(extras[name])
    return found


@st.composite
def virtual_services(draw):
    rules = []
    for _ in range(draw(st.integers(1, 5))):
        listed = draw(st.lists(matches(), max_size=3))
        rules.append({**({"match": listed} if listed else {}), **draw(bodies())})
    return vs("reviews", {"hosts": ["reviews"], "http": rules})


TWO_PORTS = ({"name": "http", "port": 9080}, {"name": "web", "port": 80, "appProtocol": "http"})
PLAIN = (service("reviews", ports=TWO_PORTS), *SHOP[1:])
EXPERIMENTAL = route(
    "HTTPRoute", "other", {"parentRefs": [{"group": "", "kind": "Service", "name": "other"}], "rules": [{"retry": {"attempts": 1}}]}
)  # fmt: skip
POLICY = {"loadBalancer": {"simple": "RANDOM"}, "outlierDetection": {"consecutive5xxErrors": 3}}
OF_V2 = {
    "loadBalancer": {"simple": "ROUND_ROBIN"},
    "portLevelSettings": [{"port": {"number": 80}, "outlierDetection": {"interval": "1s"}}],
}
SUBSETS_WITH_POLICY = dr(
    "reviews",
    {
        "host": "reviews",
        "trafficPolicy": POLICY,
        "subsets": [
            {"name": "v1", "labels": {"version": "v1"}},
            {"name": "v2", "labels": {"version": "v2"}, "trafficPolicy": OF_V2},
        ],
    },
)
BASES = st.sampled_from(
    [
        (*SHOP, SUBSETS),
        (*PLAIN, SUBSETS),
        (*SHOP, SUBSETS, EXPERIMENTAL),
        (*PLAIN, SUBSETS_WITH_POLICY, EXPERIMENTAL),
    ]
)


@st.composite
def requests(draw):
    path = draw(st.sampled_from(["/", "/a", "/a/", "/ab", "/a/b", "/a//b", "/b/", "/b/c", "/A", "/A/x", "/b"]))
    query = draw(st.sampled_from(["", "?one=x", "?one=xy&two=y", "?two"]))
    sent = draw(st.dictionaries(st.sampled_from(["one", "two"]), st.sampled_from(["x", "xy", "y", "z", ""])))
    return get(path + query, draw(st.sampled_from(["GET", "POST", "PUT", "DELETE"])), fqdn("reviews"), **sent)


def subsets_of(found):
    """Services of subsets, as host and subset."""
    return {fqdn(f"reviews-{name}"): (fqdn("reviews"), name) for name in ("v1", "v2", "v3")}


def check(found, sent, at=NOW, port=9080):
    """Requests go where they went: at once for sidecars, and at the waypoint when all is done."""
    before, both, after = Asked(found.before, at), Asked(found.both, at), Asked(found.after, at)
    for http in sent:
        expected = meaning(before.sidecar(http, port=port), http, {})
        assert meaning(both.sidecar(http, port=port), http, subsets_of(found)) == expected, "sidecars while both stand"
        assert meaning(both.waypoint(http, port=port), http, subsets_of(found)) == expected, (
            "the waypoint while both stand"
        )
        assert meaning(after.waypoint(http, port=port), http, subsets_of(found)) == expected, (
            "the waypoint when all is done"
        )


@given(
    virtual_services(),
    st.lists(requests(), min_size=4, max_size=12),
    BASES,
    st.sampled_from([24, 27, 29, 30, 31]),
    st.booleans(),
)
def test_requests_go_where_they_went(made, sent, base, minor, second):
    before = Asked([*base, made], version(minor))
    port = 80 if second and len(base[0]["spec"]["ports"]) == 2 else 9080
    assume(not any(before.sidecar(http, port=port).unknown for http in sent))
    found = convert(made, base=base, at=version(minor))
    assume(not any("retries included" in each.did for each in found.losses))
    check(found, sent, version(minor), port)


@given(virtual_services(), BASES)
def test_twice_is_once(made, base):
    once = convert(made, base=base)
    assert convert(base=once.after).changes == []
    again = convert(base=once.both)
    assert [each.kind for each in again.changes] == [each.kind for each in once.changes if each.late]
    assert again.losses == once.losses


def test_most_forms_convert():
    """The property above must not hold because everything is kept."""
    rules = [
        {"match": [{"uri": {"prefix": "/a"}}, {"uri": {"regex": "/[bc]"}}], "route": to("ratings")},
        {"match": [{"headers": {"one": {"prefix": "x"}}, "withoutHeaders": {"two": {}}}], "route": to("details")},
        {"route": to("reviews", subset="v1"), "timeout": "2s"},
    ]
    assert convert(SUBSETS, vs("reviews", {"hosts": ["reviews"], "http": rules})).made("HTTPRoute")
