"""What holds for all meshes: the order of input is nothing, no input breaks anything, no expression explodes."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.semantics.routing.meshes import (
    DETAILS,
    HOSTS,
    OTHER,
    RATINGS,
    REVIEWS,
    ROOT,
    WEB,
    dr,
    get,
    istio,
    mesh,
    route,
    routing,
    service,
    to,
    version,
    vs,
)

from sidestep.semantics.routing.bounds import Bounds
from sidestep.semantics.routing.defaults import MeshDefaults
from sidestep.semantics.routing.destination_rules import DestinationRules
from sidestep.semantics.routing.hosts import Client, bare_authority, overlap, within
from sidestep.semantics.routing.route import Route
from sidestep.semantics.routing.sidecars import Sidecars
from sidestep.semantics.routing.virtual_services import virtual_services as virtual_services_of

PARENT = {"group": "", "kind": "Service", "name": "reviews", "namespace": "shop"}
NAMESPACES = st.sampled_from(["shop", "other", ROOT])
EXPORTS = st.sampled_from([None, ["."], ["*"], ["shop"], ["~"], ["other", "."]])
AGES = st.integers(1, 3)
NAMES = st.sampled_from([REVIEWS.name, "*.shop.svc.cluster.local", "*", RATINGS.name])
MATCHES = st.sampled_from(
    [
        None,
        [{"uri": {"prefix": "/a"}}],
        [{"headers": {"x": {"exact": "1"}}}],
        [{"port": 80}],
        [{"sourceLabels": {"app": "web"}}],
    ]
)


@st.composite
def virtual_services(draw, name):
    rules = [
        {"match": draw(MATCHES), "route": to(draw(st.sampled_from([RATINGS.name, DETAILS.name, REVIEWS.name])))}
        for _ in range(draw(st.integers(1, 3)))
    ]
    spec = {"hosts": draw(st.lists(NAMES, min_size=1, max_size=2)), "exportTo": draw(EXPORTS), "http": rules}
    return vs(name, spec, draw(NAMESPACES), draw(AGES))


@st.composite
def http_routes(draw, name):
    matches = draw(
        st.lists(
            st.sampled_from(
                [{"path": {"value": "/a"}}, {"method": "GET"}, {"path": {"type": "RegularExpression", "value": ".*"}}]
            ),
            max_size=2,
        )
    )
    rules = [
        {
            "matches": matches,
            "backendRefs": [{"name": draw(st.sampled_from(["ratings", "gone"])), "namespace": "shop", "port": 9080}],
        }
    ]
    return route(
        draw(st.sampled_from(["HTTPRoute", "GRPCRoute"])),
        name,
        {"parentRefs": [PARENT], "rules": rules if draw(st.booleans()) else rules * 2},
        draw(NAMESPACES),
        draw(AGES),
    )


@st.composite
def destination_rules(draw, name):
    host = draw(st.sampled_from([REVIEWS.name, RATINGS.name, "*.local"]))
    policy = draw(st.sampled_from([None, {"loadBalancer": {"simple": name}}]))
    return dr(name, {"host": host, "exportTo": draw(EXPORTS), "trafficPolicy": policy}, draw(NAMESPACES), draw(AGES))


@st.composite
def sidecars(draw, name):
    hosts = draw(st.lists(st.sampled_from(["*/*", "./*", "shop/*", f"*/{REVIEWS.name}"]), min_size=1, max_size=2))
    return istio("Sidecar", name, {"egress": [{"hosts": hosts}]}, draw(NAMESPACES), draw(AGES))


@st.composite
def meshes(draw):
    kinds = [virtual_services, http_routes, destination_rules, sidecars]
    return [draw(draw(st.sampled_from(kinds))(f"o{at}")) for at in range(draw(st.integers(1, 6)))]


def answers(objects, at):
    """Everything that can be asked of a mesh."""
    made = routing(*objects, at=at)
    clients = (WEB, OTHER, Client(ROOT, {}))
    requests = (get("/"), get("/a/b"), get("/a", x="1"))
    for client, host, http in itertools.product(clients, (REVIEWS, RATINGS), requests):
        yield made.sidecar_http(client, host, host.name, 9080, http)
        yield made.waypoint_http(client.namespace, host, 9080, http)
        yield made.sees(client, host)


@given(meshes(), st.randoms(use_true_random=False), st.sampled_from([version(minor) for minor in (22, 24, 26, 30, 31)]))
def test_the_order_of_input_is_nothing(objects, random, at):
    shuffled = list(objects)
    random.shuffle(shuffled)
    assert list(answers(objects, at)) == list(answers(shuffled, at))


@given(meshes(), st.integers(22, 31))
def test_a_route_always_leads_somewhere(objects, minor):
    """Backends or an answer or a reason; and what is known to exist does."""
    for found in answers(objects, version(minor)):
        if isinstance(found, Route):
            assert found.backends or found.answer or found.unknown or found.source == "passthrough"
            assert all(backend.host in {host.name for host in HOSTS} for backend in found.backends if backend.known)


ELSEWHERE = ["nowhere", "anywhere"]
"""Namespaces that nothing names."""


@given(meshes(), st.sampled_from(HOSTS), st.sampled_from([version(22), version(30)]))
def test_clients_who_are_not_apart_hear_the_same(objects, host, at):
    found, defaults = mesh(*objects), MeshDefaults()
    rules = DestinationRules(found, defaults, ROOT)
    routes = Bounds(virtual_services_of(found, defaults, at), at)
    spaces = {"shop", "other", ROOT, *ELSEWHERE}
    heard = [rules.speaking(each, host) for each in sorted(spaces - rules.speak_apart_about(host))]
    assert all(each == heard[0] for each in heard)
    every = list(routes.meeting(host.name))
    ranked = [routes.ranked(every, each, sidecar=True) for each in sorted(spaces - routes.ranked_apart(host.name))]
    assert all(each == ranked[0] for each in ranked)


HOST_PATTERNS = ["*/*", "./*", "shop/*", "~/*", "other/*", f"*/{REVIEWS.name}", f"~shop/{RATINGS.name}"]


@given(st.lists(st.sampled_from(HOST_PATTERNS), min_size=1, max_size=3), st.sampled_from(HOSTS), NAMESPACES)
def test_what_a_sidecar_says_of_a_namespace_holds_for_all_in_it(patterns, host, client):
    sidecar = istio("Sidecar", "scope", {"egress": [{"hosts": patterns}]}, client)
    scope = Sidecars(mesh(sidecar), ROOT, version(30)).speaking(client, {})
    whole = scope.imports_namespace(host.namespace, client)
    assert whole is None or scope.imports(host, client) is whole


@given(virtual_services("a"), NAMESPACES.filter(lambda name: name != "shop"))
def test_what_is_not_exported_changes_nothing(made, namespace):
    made["metadata"]["namespace"] = namespace
    made["spec"]["exportTo"] = ["."]
    http = get("/a")
    assert routing(made).sidecar_http(WEB, REVIEWS, "reviews", 9080, http) == routing().sidecar_http(
        WEB, REVIEWS, "reviews", 9080, http
    )


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-1, 70000)
    | st.sampled_from(["", "*", "a", "(", "reviews", "/", "mesh", "0s"])
)
FIELDS = (
    "hosts", "http", "match", "route", "destination", "host", "uri", "regex", "prefix", "headers", "request", "set", "exportTo", "gateways", "delegate", "name",
    "tcp", "tls", "sniHosts", "port", "number", "subsets", "labels", "trafficPolicy", "portLevelSettings", "workloadSelector", "egress", "parentRefs", "kind",
    "rules", "backendRefs", "matches", "path", "value", "filters", "type", "listeners", "allowedRoutes", "namespaces", "servers", "outboundTrafficPolicy", "mode",
    "rewrite", "redirect", "mirror", "retries", "fault", "corsPolicy", "weight", "hostnames", "timeouts", "retry", "codes",
)  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=25,
)
KINDS = (
    "VirtualService",
    "DestinationRule",
    "Sidecar",
    "Gateway",
    "HTTPRoute",
    "GRPCRoute",
    "TCPRoute",
    "TLSRoute",
    "ReferenceGrant",
    "ServiceEntry",
)


@settings(max_examples=300)
@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), TREES, max_size=6))
def test_no_object_breaks_anything(kind, spec):
    """Wrong types, missing fields and nulls are answers, never exceptions."""
    spec = {"hosts": ["reviews"], "host": "reviews", "parentRefs": [PARENT], **spec}
    made = routing(route(kind, "odd", spec) if kind.endswith(("Route", "Grant")) else istio(kind, "odd", spec))
    for http in (get("/"), get("/a?b=c", x="y")):
        assert isinstance(made.sidecar_http(WEB, REVIEWS, "reviews", 9080, http), Route)
        assert isinstance(made.waypoint_http("shop", REVIEWS, 9080, http), Route)
        assert isinstance(made.gateway_http("shop/odd", "reviews", 80, http), Route)
    assert isinstance(made.sidecar_tcp(WEB, REVIEWS, 9080), Route)
    made.sees(WEB, REVIEWS)
    made.outbound_policy(WEB)


def deep(field, value):
    return {
        "hosts": ["reviews"],
        "http": [{"match": [{field: value}], "route": to("ratings")}, {"route": to("details")}],
    }


def test_expressions_never_explode():
    """RE2 is linear: the classic backtracking bombs on long inputs are answered like any other."""
    long = "/" + "a" * 20_000 + "!"
    for pattern in ("/(a+)+$", "/(a|a)*$", "/(a*)*b", "/(.*a){12}"):
        made = routing(vs("r", deep("uri", {"regex": pattern})))
        assert made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get(long)).backends[0].host == DETAILS.name
    made = routing(vs("r", deep("headers", {"x": {"regex": "(a+)+$"}})))
    assert made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get(x="a" * 20_000)).backends[0].host == RATINGS.name
    rewrite = {"uriRegexRewrite": {"match": "(a+)+!", "rewrite": "b"}}
    made = routing(vs("r", {"hosts": ["reviews"], "http": [{"rewrite": rewrite, "route": to("ratings")}]}))
    assert made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get(long)).rewrite_path == "/b"


def test_five_hundred_rules():
    """The last of them is found, and only it."""
    rules = [{"name": f"r{at}", "match": [{"uri": {"exact": f"/p{at}"}}], "route": to("ratings")} for at in range(500)]
    made = routing(vs("big", {"hosts": ["reviews"], "http": rules}))
    for at in (0, 250, 499):
        assert made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get(f"/p{at}")).rule == f"r{at}"
    assert made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get("/p500")).answer.status == 404


def test_ten_thousand_objects_are_not_looked_through(monkeypatch):
    """A request touches the objects of its host: with 1,000 or 10,000 in the mesh, equally many are ranked."""
    counted = []
    real = Bounds.rank
    monkeypatch.setattr(
        Bounds,
        "rank",
        lambda self, bound, namespace, *, sidecar: (
            counted.append(bound) or real(self, bound, namespace, sidecar=sidecar)
        ),
    )
    hosts = tuple(service(f"s{at}") for at in range(2_000))
    objects = [
        vs(f"v{at}", {"hosts": [host.name], "http": [{"route": to(host.name)}]}) for at, host in enumerate(hosts)
    ]
    made = routing(*objects, hosts=hosts)
    for host in hosts[:10]:
        assert made.sidecar_http(WEB, host, host.name, 9080, get(authority=host.name)).object is not None
        assert made.waypoint_http("shop", host, 9080, get()).object is not None
    assert len(counted) < 100


HOSTNAMES = st.from_regex(r"\A(\*|\*\.)?([ab]\.){0,2}[ab]?\Z").filter(bool)


@given(HOSTNAMES, HOSTNAMES, HOSTNAMES)
def test_hosts(one, other, third):
    assert within(one, one)
    assert overlap(one, other) == overlap(other, one)
    assert not (within(one, other) and within(other, third)) or within(one, third)


def test_authorities():
    cases = {
        "A.b:80": "a.b",
        "a.b": "a.b",
        "[::1]:80": "::1",
        "10.0.0.1:80": "10.0.0.1",
        "::1": "::1",
        "a:b": "a:b",
        "": "",
    }
    assert {written: bare_authority(written) for written in cases} == cases
