"""What is assumed and what is said to be unknown, over all kinds of routes."""

import pytest
from msgspec.structs import replace
from tests.semantics.routing.meshes import (
    DETAILS,
    HOSTS,
    NOW,
    OTHER,
    RATINGS,
    REVIEWS,
    ROOT,
    WEB,
    dr,
    get,
    route,
    routing,
    to,
    version,
    vs,
)
from tests.support.mesh import mesh

from sidestep.model.metadata import ObjectId
from sidestep.semantics.routing.defaults import MeshDefaults, mesh_defaults
from sidestep.semantics.routing.route import RouteSource
from sidestep.semantics.routing.routing import Routing

SAYS = ObjectId("v1", "ConfigMap", ROOT, "istio")


def unborn(made):
    """An object that no cluster has yet."""
    metadata = {key: value for key, value in made["metadata"].items() if key != "creationTimestamp"}
    return {**made, "metadata": metadata}


def test_what_is_still_to_be_created_is_the_newest():
    old = vs("old", {"hosts": ["reviews"], "http": [{"route": to("ratings")}]})
    new = unborn(vs("a-new", {"hosts": ["reviews"], "http": [{"route": to("details")}]}))
    assert routing(new, old).sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).object.name == "old"
    rules = [
        dr("old", {"host": "reviews", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}),
        unborn(dr("a-new", {"host": "reviews", "trafficPolicy": {"tls": {"mode": "DISABLE"}}})),
    ]
    assert routing(*rules).sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).tls == "SIMPLE"


def test_a_rule_that_cannot_be_read_may_be_the_only_one():
    """Whether the object has any rule at all then hangs on it: no 404 is claimed."""
    broken = {"match": [{"uri": {"exact": "/a"}}], "route": "x"}
    made = routing(vs("odd", {"hosts": ["reviews"], "http": [broken]}))
    assert "VirtualService shop/odd" in made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get("/b")).unknown
    sure = {"match": [{"uri": {"exact": "/c"}}], "route": to("ratings")}
    made = routing(vs("odd", {"hosts": ["reviews"], "http": [broken, sure]}))
    assert made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get("/b")).answer.status == 404


def test_labels_of_an_old_waypoint_may_decide_whether_there_is_a_rule():
    """D49."""
    match = [{"uri": {"exact": "/a"}, "sourceLabels": {"app": "web"}}]
    made = routing(vs("r", {"hosts": ["reviews"], "http": [{"match": match, "route": to("ratings")}]}), at=version(24))
    assert "sourceLabels" in made.waypoint_http("shop", REVIEWS, 9080, get("/b")).unknown


def test_namespaces_that_were_not_read():
    read = mesh()
    partial = replace(read, source=replace(read.source, namespaces=("shop",)))
    made = Routing.of(partial, {host.name: host for host in HOSTS}, ROOT, NOW)
    assert not made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).unknown
    assert "namespace other" in made.sidecar_http(OTHER, REVIEWS, "reviews.shop", 9080, get()).unknown
    assert "namespace other" in made.waypoint_http("other", REVIEWS, 9080, get()).unknown


def test_the_meshs_configuration():
    values = {
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}, "defaultVirtualServiceExportTo": ["."], "defaultServiceExportTo": ["*"],
        "defaultHttpRetryPolicy": {"attempts": 7}, "else": 1,
    }  # fmt: skip
    told = mesh_defaults(values, SAYS)
    assert told == MeshDefaults((".",), ("*",), ("*",), "REGISTRY_ONLY", SAYS, {"attempts": 7}, object=SAYS)
    assert mesh_defaults({}, SAYS) == MeshDefaults(object=SAYS)
    assert mesh_defaults({"outboundTrafficPolicy": {}}, SAYS) == MeshDefaults(object=SAYS)
    assert mesh_defaults({"defaultServiceExportTo": []}, SAYS) == MeshDefaults(object=SAYS)


@pytest.mark.parametrize(
    "values",
    [
        {"outboundTrafficPolicy": 1},
        {"defaultServiceExportTo": "x"},
        {"defaultHttpRetryPolicy": []},
        {"defaultHttpRetryPolicy": {"attempts": "x"}},
    ],
)
def test_a_configuration_that_cannot_be_read(values):
    made = Routing.of(mesh(), {host.name: host for host in HOSTS}, ROOT, NOW, mesh_defaults(values, SAYS))
    assert "ConfigMap istio-system/istio" in made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).unknown


def test_who_says_that_unknown_hosts_are_refused():
    made = Routing.of(mesh(), {}, ROOT, NOW, mesh_defaults({"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}, SAYS))
    assert made.outbound_policy(WEB) == ("REGISTRY_ONLY", SAYS)


def test_moving_a_route_to_the_gateway_api_can_be_compared():
    """D41, D42, D53: the same split, said in both ways, is the same but for the status of what is missing."""
    old = vs(
        "r",
        {
            "hosts": ["reviews"],
            "http": [
                {
                    "match": [{"uri": {"exact": "/a"}}],
                    "timeout": "3s",
                    "route": [{"destination": {"host": h}, "weight": w} for h, w in (("ratings", 3), ("details", 1))],
                },
                {"route": to("reviews")},
            ],
        },
    )
    refs = [{"name": "ratings", "port": 9080, "weight": 3}, {"name": "details", "port": 9080, "weight": 1}]
    rules = [
        {"matches": [{"path": {"type": "Exact", "value": "/a"}}], "timeouts": {"request": "3s"}, "backendRefs": refs},
        {"backendRefs": [{"name": "reviews", "port": 9080}]},
    ]
    new = route("HTTPRoute", "r", {"parentRefs": [{"group": "", "kind": "Service", "name": "reviews"}], "rules": rules})
    before, after = routing(old), routing(new)
    for path in ("/a", "/b"):
        one = before.sidecar_http(WEB, REVIEWS, "reviews", 9080, get(path))
        two = after.waypoint_http("shop", REVIEWS, 9080, get(path))
        assert (one.source, two.source) == (RouteSource.VIRTUAL_SERVICE, RouteSource.HTTP_ROUTE)
        assert [(b.host, b.port) for b in one.backends] == [(b.host, b.port) for b in two.backends]
        assert (one.timeout, one.retries) == (two.timeout, two.retries)
    assert [b.host for b in after.waypoint_http("shop", REVIEWS, 9080, get("/a")).backends] == [
        RATINGS.name,
        DETAILS.name,
    ]
