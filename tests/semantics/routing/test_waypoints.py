"""Routes at waypoints, release by release (D38, D39, D40, D43, D49, D53, D54)."""

import pytest
from msgspec.structs import replace
from tests.semantics.routing.meshes import (
    DETAILS,
    HOSTS,
    RATINGS,
    REVIEWS,
    get,
    route,
    routing,
    service,
    to,
    version,
    vs,
)

from sidestep.semantics.routing.hosts import HostPort
from sidestep.semantics.routing.route import Answer, AnswerKind, Retries, RouteSource

DEFAULT = Retries(2, "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes")
NAMED = [{"match": [{"uri": {"exact": "/a"}}], "route": to("ratings.shop.svc.cluster.local")}]


def at_waypoint(*objects, http=None, namespace="shop", host=REVIEWS, port=9080, **how):
    return routing(*objects, **how).waypoint_http(namespace, host, port, http or get())


def says(name, target, namespace="shop", age=1, hosts=(REVIEWS.name,), **rule):
    return vs(name, {"hosts": list(hosts), "http": [{"route": to(target), **rule}]}, namespace, age)


def test_only_the_services_and_the_waypoints_namespace():
    """D38."""
    client = says("client", RATINGS.name, "other")
    assert at_waypoint(client).source is RouteSource.DEFAULT
    assert at_waypoint(says("own", RATINGS.name)).object.name == "own"
    assert at_waypoint(client, namespace="other").object.name == "client"
    assert at_waypoint(says("own", RATINGS.name), namespace="infra").object.name == "own"


def test_before_1_24_only_the_waypoints_namespace():
    own = says("own", RATINGS.name)
    assert at_waypoint(own, namespace="infra", at=version(23)).source is RouteSource.DEFAULT
    assert at_waypoint(own, namespace="infra", at=version(24)).object.name == "own"


def test_exports_count_for_the_waypoints_namespace():
    private = vs("own", {"hosts": ["reviews"], "exportTo": ["."], "http": [{"route": to("ratings")}]})
    assert at_waypoint(private).object.name == "own"
    assert at_waypoint(private, namespace="infra").source is RouteSource.DEFAULT


def test_the_service_is_the_one_that_was_dialled():
    """D39: the authority is irrelevant."""
    own = says("own", RATINGS.name)
    assert at_waypoint(own, http=get(authority="example.com")).object.name == "own"
    assert at_waypoint(own, host=DETAILS, http=get(authority="reviews")).source is RouteSource.DEFAULT


def test_all_objects_together_since_1_30():
    """D40: at a waypoint rules of several objects are merged; before, the first object wins."""
    first = vs("first", {"hosts": [REVIEWS.name], "http": NAMED}, age=1)
    second = says("second", DETAILS.name, age=2)
    assert at_waypoint(second, first, http=get("/b")).object.name == "second"
    assert at_waypoint(second, first, http=get("/a")).object.name == "first"
    before = at_waypoint(second, first, http=get("/b"), at=version(29))
    assert (before.object.name, before.answer) == ("first", Answer(AnswerKind.NOT_FOUND, 404))


def test_an_object_for_tcp_alone_hid_the_others_before_1_26():
    tcp = vs("tcp", {"hosts": [REVIEWS.name], "tcp": [{"route": to("ratings")}]}, age=1)
    second = says("second", DETAILS.name, age=2)
    assert at_waypoint(tcp, second, at=version(25)).source is RouteSource.DEFAULT
    assert at_waypoint(tcp, second, at=version(26)).object.name == "second"


def test_source_labels():
    """D49: such a match takes nothing since 1.25; before it was held against the waypoint's own labels."""
    made = vs(
        "r",
        {
            "hosts": ["reviews"],
            "http": [{"match": [{"sourceLabels": {"app": "web"}}], "route": to("ratings")}, {"route": to("details")}],
        },
    )
    assert at_waypoint(made).rule == "http[1]"
    before = at_waypoint(made, at=version(24))
    assert "sourceLabels" in before.unknown
    assert before.object.name == "r"
    elsewhere = [{"uri": {"exact": "/x"}, "sourceLabels": {"app": "web"}}]
    made = vs(
        "r", {"hosts": ["reviews"], "http": [{"match": elsewhere, "route": to("ratings")}, {"route": to("details")}]}
    )
    assert not at_waypoint(made, at=version(24)).unknown, "the rest of the match already fails"


def test_source_namespace_is_the_waypoints():
    """D49."""
    made = vs(
        "r",
        {
            "hosts": ["reviews"],
            "http": [{"match": [{"sourceNamespace": "infra"}], "route": to("ratings")}, {"route": to("details")}],
        },
    )
    assert at_waypoint(made).rule == "http[1]"
    assert at_waypoint(made, namespace="infra").rule == "http[0]"


def test_wildcards_take_part():
    made = says("wild", RATINGS.name, hosts=("*.shop.svc.cluster.local",), age=1)
    exact = says("exact", DETAILS.name, age=2)
    assert at_waypoint(made, exact).object.name == "wild", "by age, not by precision"


@pytest.mark.parametrize(
    ("minor", "expected"),
    [
        (23, Retries()),
        (24, Retries(2, "reset-before-request")),
        (30, Retries(2, "reset-before-request")),
        (31, DEFAULT),
    ],
)
def test_retries_of_what_no_route_speaks_about(minor, expected):
    """D43."""
    assert at_waypoint(at=version(minor)).retries == expected


def test_retries_of_grpc():
    grpc = service("rpc", ports=(HostPort(9080, "grpc", "HTTP"),))
    assert at_waypoint(host=grpc, hosts=(grpc,), at=version(30)).retries == Retries()
    assert at_waypoint(host=grpc, hosts=(grpc,), at=version(25)).retries == Retries(2, "reset-before-request")
    assert at_waypoint(host=grpc, hosts=(grpc,), at=version(31)).retries == DEFAULT


def test_the_meshs_retries():
    policy = {"attempts": 4, "retryOn": "5xx"}
    assert at_waypoint(retries=policy, at=version(31)).retries == Retries(4, "5xx")
    assert at_waypoint(retries=policy, at=version(30)).retries == Retries(2, "reset-before-request")
    routed = says("r", RATINGS.name)
    assert at_waypoint(routed, retries=policy, at=version(30)).retries == Retries(4, "5xx"), (
        "routed requests always had it"
    )


def test_subsets_work():
    """D53."""
    rule = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "d", "namespace": "shop"},
        "spec": {"host": "reviews", "subsets": [{"name": "v1", "labels": {"version": "v1"}}]},
    }
    made = vs("r", {"hosts": ["reviews"], "http": [{"route": to("reviews", subset="v1")}]})
    assert at_waypoint(made, rule).backends[0].labels == {"version": "v1"}


def test_another_services_endpoints():
    """D54: the route names the other service; whether its waypoint is passed is not the route's matter."""
    found = at_waypoint(says("r", DETAILS.name))
    assert [(b.host, b.known) for b in found.backends] == [(DETAILS.name, True)]


def test_claims():
    made = vs(
        "r",
        {
            "hosts": ["reviews"],
            "http": [
                {"match": [{"headers": {"@request.auth.claims.group": {"exact": "dev"}}}], "route": to("ratings")},
                {"route": to("details")},
            ],
        },
    )
    assert at_waypoint(made, http=replace(get(), claims={"group": ["ops", "dev"]})).rule == "http[0]"
    assert at_waypoint(made, http=replace(get(), claims={"group": "ops"})).rule == "http[1]"
    assert at_waypoint(made).rule == "http[1]"
    nested = vs(
        "r",
        {
            "hosts": ["reviews"],
            "http": [
                {"match": [{"headers": {"@request.auth.claims[a][b.c]": {"prefix": "d"}}}], "route": to("ratings")},
                {"route": to("details")},
            ],
        },
    )
    assert at_waypoint(nested, http=replace(get(), claims={"a": {"b.c": "dev"}})).rule == "http[0]"


def test_ports():
    assert at_waypoint(port=1234).source is RouteSource.BLACKHOLE, "no chain for the port: the connection is closed"
    stream = service("db", ports=(HostPort(9080, "tcp", "TCP"),))
    found = at_waypoint(host=stream, hosts=(*HOSTS, stream))
    assert (found.source, found.retries) == (RouteSource.DEFAULT, None)


def test_both_kinds_of_objects_are_merged():
    """§4.3: never leave both; here the older goes first, and the Gateway API's does not win."""
    spec = {
        "parentRefs": [{"group": "", "kind": "Service", "name": "reviews"}],
        "rules": [{"backendRefs": [{"name": "details", "port": 9080}]}],
    }
    mine, old = route("HTTPRoute", "mine", spec, age=5), says("old", RATINGS.name, age=1)
    assert at_waypoint(old, mine).object.name == "mine", "routes of the waypoint's own namespace come first"
    assert at_waypoint(old, mine, namespace="infra").object.name == "old"
