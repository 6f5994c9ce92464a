"""Routes at gateways, of both APIs (D50, D58)."""

import pytest
from tests.semantics.routing.meshes import DETAILS, RATINGS, REVIEWS, get, istio, route, routing, service, to, vs
from tests.support.mesh import o

from sidestep.model.gaps import Gap, GapReason
from sidestep.semantics.routing.route import Answer, AnswerKind, RouteSource

GATEWAY = "shop/ingress"


def gateway(*hosts, port=80, namespace="shop", protocol="HTTP", **server):
    listed = {"port": {"number": port, "name": "http", "protocol": protocol}, "hosts": list(hosts or ("*",)), **server}
    return istio("Gateway", "ingress", {"servers": [listed]}, namespace)


def bound(name, host="bookinfo.com", target=REVIEWS.name, namespace="shop", age=1, gateways=("ingress",), **rule):
    hosts = [host] if isinstance(host, str) else host
    return vs(
        name, {"hosts": hosts, "gateways": list(gateways), "http": [{"route": to(target), **rule}]}, namespace, age
    )


def reaches(*objects, authority="bookinfo.com", port=80, path="/", name=GATEWAY, **how):
    return routing(*objects, **how).gateway_http(name, authority, port, get(path, authority=authority))


@pytest.mark.parametrize(
    ("server", "host", "authority", "found"),
    [
        ("*", "bookinfo.com", "bookinfo.com:8080", True), ("*", "bookinfo.com", "other.com", False), ("*.com", "bookinfo.com", "bookinfo.com", True),
        ("bookinfo.com", "*", "bookinfo.com", True), ("bookinfo.com", "*", "other.com", False), ("*.org", "bookinfo.com", "bookinfo.com", False),
        ("./*", "bookinfo.com", "bookinfo.com", True), ("third/*", "bookinfo.com", "bookinfo.com", False), ("shop/*", "*.com", "a.com", True),
    ],
)  # fmt: skip
def test_hosts(server, host, authority, found):
    """An object and a listener have to name the host both."""
    told = reaches(gateway(server), bound("a", host), authority=authority)
    assert (told.object is not None) is found
    assert found or told.answer == Answer(AnswerKind.NOT_FOUND, 404)


def test_which_gateway():
    """D50."""
    assert reaches(gateway(), bound("a", gateways=("mesh",))).object is None
    assert reaches(gateway(), bound("a", gateways=("mesh", "ingress"))).object.name == "a"
    assert reaches(gateway(), bound("a", gateways=("ingress",), namespace="third")).object is None
    assert reaches(gateway(), bound("a", gateways=("shop/ingress",), namespace="third")).object.name == "a"
    assert (
        reaches(gateway(), bound("a", gateways=("ingress.shop.svc.cluster.local",), namespace="third")).object.name
        == "a"
    )
    only_mesh = bound("a", match=[{"gateways": ["mesh"]}])
    assert reaches(gateway(), only_mesh).object is None
    assert (
        reaches(gateway(), bound("a", match=[{"gateways": ["ingress"], "sourceLabels": {"a": "b"}}])).object.name == "a"
    )


def test_objects_for_one_host_are_merged():
    first = bound("first", match=[{"uri": {"exact": "/a"}}], age=1)
    second = bound("second", target=RATINGS.name, age=2)
    assert reaches(gateway(), second, first, path="/a").object.name == "first"
    assert reaches(gateway(), second, first, path="/b").object.name == "second"
    everything = bound("everything", age=1)
    assert (
        reaches(gateway(), everything, bound("later", match=[{"uri": {"exact": "/a"}}], age=2), path="/a").object.name
        == "later"
    )


def test_the_most_specific_host():
    wide, near = bound("wide", "*", age=1), bound("near", "*.bookinfo.com", age=2)
    exact = bound("exact", "a.bookinfo.com", match=[{"uri": {"exact": "/x"}}], age=3)
    assert reaches(gateway(), wide, near, exact, authority="a.bookinfo.com", path="/x").object.name == "exact"
    assert reaches(gateway(), wide, near, exact, authority="b.bookinfo.com").object.name == "near"
    assert reaches(gateway(), wide, near, exact, authority="x.com").object.name == "wide"
    assert reaches(gateway(), wide, near, exact, authority="a.bookinfo.com").answer.status == 404, "hosts are not mixed"


def test_ports():
    assert reaches(gateway(port=8080), bound("a")).source is RouteSource.BLACKHOLE
    assert reaches(gateway(port=8080), bound("a"), port=8080).object.name == "a"
    assert reaches(gateway(port=8080), bound("a", match=[{"port": 80}]), port=8080).answer.status == 404


def test_https_redirect():
    told = reaches(gateway("bookinfo.com", tls={"httpsRedirect": True}), bound("a"), path="/x?y")
    assert told.answer == Answer(AnswerKind.REDIRECT, 301, "https://bookinfo.com/x?y")


def test_redirects_behind_tls():
    https = gateway(port=443, protocol="HTTPS")
    told = reaches(
        https, vs("a", {"hosts": ["*"], "gateways": ["ingress"], "http": [{"redirect": {"uri": "/n"}}]}), port=443
    )
    assert told.answer.location == "https://bookinfo.com/n"


def test_labels_of_gateways_are_not_known():
    told = reaches(gateway(), bound("a", match=[{"sourceLabels": {"a": "b"}}]))
    assert "sourceLabels" in told.unknown


def test_exports_and_missing_gateways():
    private = vs(
        "a",
        {"hosts": ["*"], "gateways": ["shop/ingress"], "exportTo": ["."], "http": [{"route": to(REVIEWS.name)}]},
        "third",
    )
    assert reaches(gateway(), private).object is None
    assert "was not read" in reaches(bound("a")).unknown
    assert "Gateway shop/ingress" in reaches(istio("Gateway", "ingress", {"servers": 4}), bound("a")).unknown
    lost = Gap("gateways.networking.istio.io", GapReason.FORBIDDEN)
    assert "gateways" in reaches(gateway(), bound("a"), gaps=(lost,)).unknown


def api_gateway(*listeners, namespace="shop"):
    made = [
        {"name": f"l{at}", "port": 80, "protocol": "HTTP", **listener} for at, listener in enumerate(listeners or ({},))
    ]
    return route("Gateway", "ingress", {"gatewayClassName": "istio", "listeners": made}, namespace)


def http_route(name, hostnames=("bookinfo.com",), namespace="shop", age=1, back="reviews", **parent):
    spec = {
        "parentRefs": [{"name": "ingress", "namespace": "shop", **parent}],
        "hostnames": list(hostnames),
        "rules": [{"backendRefs": [{"name": back, "port": 9080}]}],
    }
    return route("HTTPRoute", name, spec, namespace, age)


def test_routes_of_the_gateway_api():
    assert reaches(api_gateway(), http_route("r")).backends[0].host == REVIEWS.name
    assert reaches(api_gateway(), http_route("r", ())).object.name == "r"
    assert reaches(api_gateway(), http_route("r"), authority="x.com").answer.status == 404
    assert reaches(api_gateway({"port": 81}), http_route("r")).source is RouteSource.BLACKHOLE


def test_listeners_choose_hosts_sections_namespaces_and_kinds():
    assert reaches(api_gateway({"hostname": "*.com"}), http_route("r")).object.name == "r"
    assert reaches(api_gateway({"hostname": "*.org"}), http_route("r")).object is None
    assert reaches(api_gateway({}), http_route("r", sectionName="l0")).object.name == "r"
    assert reaches(api_gateway({}), http_route("r", sectionName="l9")).object is None
    assert reaches(api_gateway({}), http_route("r", port=81)).object is None
    foreign = http_route("r", namespace="third", back="x")
    assert reaches(api_gateway({}), foreign).object is None
    assert reaches(api_gateway({"allowedRoutes": {"namespaces": {"from": "All"}}}), foreign).object.name == "r"
    chosen = {"allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "x"}}}}}
    assert reaches(api_gateway(chosen), foreign, o.labelled_namespace("third", {"team": "x"})).object.name == "r"
    assert reaches(api_gateway(chosen), foreign, o.labelled_namespace("third", {"team": "y"})).object is None
    assert reaches(api_gateway({"allowedRoutes": {"kinds": [{"kind": "GRPCRoute"}]}}), http_route("r")).object is None


def test_a_listener_leaves_hosts_to_a_more_exact_one():
    listeners = api_gateway({"hostname": "*.com"}, {"hostname": "*.bookinfo.com"})
    assert (
        reaches(listeners, http_route("r", ("a.bookinfo.com",), sectionName="l0"), authority="a.bookinfo.com").object
        is None
    )
    assert (
        reaches(
            listeners, http_route("r", ("a.bookinfo.com",), sectionName="l1"), authority="a.bookinfo.com"
        ).object.name
        == "r"
    )


def test_references_across_namespaces_need_a_grant():
    other = service("x", "third")
    spec = {
        "parentRefs": [{"name": "ingress"}],
        "rules": [{"backendRefs": [{"name": "x", "namespace": "third", "port": 9080}]}],
    }
    made, hosts = route("HTTPRoute", "r", spec), (REVIEWS, DETAILS, other)
    grant = {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop"}],
        "to": [{"group": "", "kind": "Service"}],
    }
    assert reaches(api_gateway(), made, hosts=hosts).answer == Answer(AnswerKind.ERROR, 500)
    granted = route("ReferenceGrant", "g", grant, "third")
    assert reaches(api_gateway(), made, granted, hosts=hosts).backends[0].known
    named = route("ReferenceGrant", "g", {**grant, "to": [{"group": "", "kind": "Service", "name": "y"}]}, "third")
    assert reaches(api_gateway(), made, named, hosts=hosts).answer == Answer(AnswerKind.ERROR, 500)


@pytest.mark.parametrize("spec", [{"listeners": 3}, {"listeners": [{"name": "l", "port": "80"}]}])
def test_gateways_that_cannot_be_read(spec):
    assert "Gateway shop/ingress" in reaches(route("Gateway", "ingress", spec), http_route("r")).unknown
