"""Connections: TCP and TLS rules of both APIs (§4.3)."""

import pytest
from tests.semantics.routing.meshes import OTHER, WEB, entry, get, istio, route, routing, service, to, version, vs

from sidestep.semantics.routing.hosts import HostPort
from sidestep.semantics.routing.route import Answer, AnswerKind, RouteSource

TCP, TLS = (HostPort(9000, "tcp", "TCP"),), (HostPort(9000, "tls", "TLS"),)
DB, DB2, SECURE = service("db", ports=TCP), service("db2", ports=TCP), service("secure", ports=TLS)
API = entry("api.example.com", ports=TLS)
HOSTS = (
    DB,
    DB2,
    SECURE,
    API,
    service("quiet", ports=(HostPort(9000),)),
    service("web", ports=(HostPort(9000, "http", "HTTP"),)),
)
QUIET, HTTP = HOSTS[4], HOSTS[5]


def tcp(*objects, host=DB, client=WEB, sni="", **how):
    return routing(*objects, hosts=HOSTS, **how).sidecar_tcp(client, host, 9000, sni)


def waypoint(*objects, host=DB, namespace="shop", **how):
    return routing(*objects, hosts=HOSTS, **how).waypoint_tcp(namespace, host, 9000)


def rule(target="db2", *match, **rest):
    return {"match": list(match), "route": to(target), **rest}


def says(*rules, host="db", name="r", age=1, kind="tcp"):
    return vs(name, {"hosts": [host], kind: list(rules)}, age=age)


def test_default():
    assert (tcp().source, tcp().backends[0].host, tcp().retries) == (RouteSource.DEFAULT, DB.name, None)
    assert tcp(host=QUIET).backends[0].host == QUIET.name


@pytest.mark.parametrize(
    ("match", "taken"),
    [
        ({}, True), ({"port": 9000}, True), ({"port": 1}, False), ({"sourceLabels": {"app": "web"}}, True), ({"sourceLabels": {"app": "x"}}, False),
        ({"gateways": ["mesh"]}, True), ({"gateways": ["ingress"]}, False), ({"gateways": ["mesh"], "sourceLabels": {"app": "x"}}, False),
        ({"sourceNamespace": "shop"}, True), ({"sourceNamespace": "third"}, False),
    ],
)  # fmt: skip
def test_matches(match, taken):
    """Unlike those of HTTP, all conditions count beside gateways."""
    assert (tcp(says(rule("db2", match))).source is RouteSource.VIRTUAL_SERVICE) is taken


def test_order_and_fall_through():
    first, second = says(rule("db2", {"port": 1}), name="first", age=1), says(rule("secure"), name="second", age=2)
    assert tcp(second, first).object.name == "second"
    wide = says(rule("db2"), host="*.shop.svc.cluster.local", name="wide", age=1)
    assert tcp(says(rule("secure"), name="exact", age=2), wide).object.name == "wide", "by age, not by precision"


def test_weights_and_missing_destinations():
    several = {
        "route": [
            {"destination": {"host": "db"}, "weight": 9},
            {"destination": {"host": "gone"}, "weight": 1},
            {"destination": {"host": "db2"}},
        ]
    }
    assert [(b.host, b.weight, b.known) for b in tcp(says(several)).backends] == [
        (DB.name, 9, True),
        ("gone.shop.svc.cluster.local", 1, False),
    ]
    assert tcp(says(rule("gone"))).answer == Answer(AnswerKind.ERROR, 0)
    assert tcp(says({"route": []})).source is RouteSource.DEFAULT


def test_addresses_of_the_destination_cannot_be_told():
    assert "destinationSubnets" in tcp(says(rule("db2", {"destinationSubnets": ["10.0.0.0/8"]}))).unknown


@pytest.mark.parametrize(
    "spec", [{"tcp": 3}, {"tcp": [{"route": 3}]}, {"tcp": [{"route": to("db2"), "match": [{"port": "x"}]}]}]
)
def test_what_cannot_be_read_is_said(spec):
    assert "VirtualService shop/odd" in tcp(vs("odd", {"hosts": ["db"], **spec})).unknown


def test_bytes_on_an_http_port_are_unknown_traffic():
    assert tcp(host=HTTP).source is RouteSource.PASSTHROUGH
    assert tcp(host=HTTP, outbound="REGISTRY_ONLY").answer == Answer(AnswerKind.ERROR, 0)
    assert tcp(client=OTHER, service_export_to=(".",)).source is RouteSource.PASSTHROUGH


def named(target, *names, **rest):
    return {"match": [{"sniHosts": list(names), **rest}], "route": to(target)}


def test_server_names():
    made = says(named("db", "*.example.com"), named("db2", "api.example.com"), host="api.example.com", kind="tls")
    assert tcp(made, host=API, sni="API.example.com").backends[0].host == DB2.name, "the most specific, not the first"
    assert tcp(made, host=API, sni="b.example.com").backends[0].host == DB.name
    assert tcp(made, host=API, sni="x.org").source is RouteSource.PASSTHROUGH
    assert tcp(made, host=API).source is RouteSource.PASSTHROUGH
    assert tcp(host=API, sni="x.org").source is RouteSource.DEFAULT, "without rules the name does not matter"
    twice = says(
        named("db", "api.example.com", sourceLabels={"app": "x"}),
        named("db2", "api.example.com"),
        host="api.example.com",
        kind="tls",
    )
    assert tcp(twice, host=API, sni="api.example.com").backends[0].host == DB2.name


def test_tcp_rules_are_nothing_to_tls_ports():
    assert tcp(says(rule("db2"), host="secure"), host=SECURE, sni="x").source is RouteSource.DEFAULT
    assert tcp(says(named("db", "x"), kind="tls")).source is RouteSource.DEFAULT


def test_waypoints():
    """Since 1.26; server names count only where they are the service's own."""
    assert waypoint(says(rule("db2"))).backends[0].host == DB2.name
    assert waypoint(says(rule("db2")), at=version(25)).source is RouteSource.DEFAULT
    assert waypoint(says(rule("db2", {"sourceLabels": {"a": "b"}}))).source is RouteSource.DEFAULT
    assert waypoint(says(rule("db2", {"sourceNamespace": "shop"}))).source is RouteSource.DEFAULT
    own = says(named("db", SECURE.name), host="secure", kind="tls")
    assert waypoint(own, host=SECURE).backends[0].host == DB.name
    assert waypoint(says(named("db", "x.com"), host="secure", kind="tls"), host=SECURE).source is RouteSource.DEFAULT
    assert routing(hosts=HOSTS).waypoint_tcp("shop", DB, 1).source is RouteSource.BLACKHOLE
    foreign = vs("r", {"hosts": [DB.name], "tcp": [rule(DB2.name)]}, "third")
    assert waypoint(foreign).source is RouteSource.DEFAULT
    assert waypoint(foreign, namespace="third").backends[0].host == DB2.name


def stream_route(kind, back="db2", parent="db", namespace="shop", **spec):
    ref = {"group": "", "kind": "Service", "name": parent, "namespace": "shop"}
    return route(
        kind,
        "s",
        {
            "parentRefs": [{**ref, **spec.pop("parent", {})}],
            "rules": [{"backendRefs": [{"name": back, "namespace": "shop", "port": 9000}]}],
            **spec,
        },
        namespace,
    )


def test_tcp_routes():
    made = stream_route("TCPRoute")
    assert (tcp(made).source, tcp(made).backends[0].host) == (RouteSource.TCP_ROUTE, DB2.name)
    assert waypoint(made).backends[0].host == DB2.name
    assert tcp(stream_route("TCPRoute", parent={"port": 1})).source is RouteSource.DEFAULT
    assert tcp(stream_route("TCPRoute", back="gone")).answer == Answer(AnswerKind.ERROR, 0)


def test_whether_alpha_routes_are_read():
    """TCPRoutes since 1.31, TLSRoutes since 1.30; before, where istiod is told to."""
    made = stream_route("TCPRoute")
    assert "PILOT_ENABLE_ALPHA_GATEWAY_API" in tcp(made, at=version(30)).unknown
    assert tcp(made, at=version(30), alpha_routes=True).source is RouteSource.TCP_ROUTE
    assert tcp(made, at=version(30), alpha_routes=False).source is RouteSource.DEFAULT
    tls = stream_route("TLSRoute", parent="secure", hostnames=["a.com"])
    assert "PILOT_ENABLE_ALPHA_GATEWAY_API" in tcp(tls, host=SECURE, sni="a.com", at=version(29)).unknown
    assert tcp(tls, host=SECURE, sni="a.com", at=version(30)).source is RouteSource.TLS_ROUTE


def test_tls_routes():
    plain = stream_route("TLSRoute", parent="secure")
    assert tcp(plain, host=SECURE, sni=SECURE.name).source is RouteSource.TLS_ROUTE, (
        "the parent's name where none is written"
    )
    assert tcp(plain, host=SECURE, sni="x.com").source is RouteSource.PASSTHROUGH
    assert waypoint(plain, host=SECURE).source is RouteSource.TLS_ROUTE
    written = stream_route("TLSRoute", parent="secure", hostnames=["x.com"])
    assert waypoint(written, host=SECURE).source is RouteSource.DEFAULT


def test_refused_and_malformed():
    refused = route(
        "TCPRoute",
        "s",
        {"parentRefs": [{"group": "", "kind": "Service", "name": "db"}], "rules": [{"backendRefs": [{"name": "db2"}]}]},
    )
    assert tcp(refused).source is RouteSource.DEFAULT
    odd = route("TCPRoute", "s", {"parentRefs": [{"group": "", "kind": "Service", "name": "db"}], "rules": 3})
    assert "TCPRoute shop/s" in tcp(odd).unknown
    nobody = route(
        "TCPRoute",
        "s",
        {"parentRefs": [{"group": "", "kind": "Service", "name": "db"}], "rules": [{"backendRefs": []}]},
    )
    assert tcp(nobody).answer == Answer(AnswerKind.ERROR, 0)


def test_http_of_an_undeclared_port_is_routed_apart():
    made = vs("r", {"hosts": ["quiet"], "tcp": [rule("db2")], "http": [{"route": to("db")}]})
    found = routing(made, hosts=HOSTS)
    assert found.sidecar_tcp(WEB, QUIET, 9000).backends[0].host == DB2.name
    assert found.sidecar_http(WEB, QUIET, "quiet", 9000, get()).backends[0].host == DB.name


def test_scopes_hold_for_connections():
    scoped = istio("Sidecar", "s", {"egress": [{"hosts": ["third/*"]}]})
    assert tcp(scoped).source is RouteSource.PASSTHROUGH
