"""The request as the application gets it: paths as proxies judged them, headers that they set and remove."""

import pytest
from tests.support import mesh as m
from tests.support.install import istiod
from tests.support.scenes import ask, get, index, peers, pods, policy, service, waypoint

from sidestep.semantics.decisions import Shape, Verdict
from sidestep.semantics.requests import Tcp

BOUND = {"istio.io/use-waypoint": "waypoint"}
XFCC = "x-forwarded-client-cert"


def scene(mode, *more, client="", labels=None, protocol="http"):
    mesh = (pods("web", client or mode), pods("cart", mode), service("cart", labels=labels, protocol=protocol), *more)
    return index(*mesh)


def tokens(**rule):
    return m.o.istio("RequestAuthentication", "jwt", "shop", {"jwtRules": [{"issuer": "me", **rule}]})


def delivered(decision):
    return decision.branches[0].delivered


def test_a_sidecar_tells_the_certificate_and_ztunnel_does_not():
    spoofed = get(**{XFCC: "URI=spiffe://evil"})
    assert "sa/web" in delivered(ask(scene("sidecar"), "web", "cart", spoofed)).headers[XFCC]
    assert delivered(ask(scene("ambient"), "web", "cart", spoofed)).headers[XFCC] == "URI=spiffe://evil"


@pytest.mark.parametrize("client", ["none", "ambient"])
def test_without_mtls_of_its_own_a_sidecar_removes_it(client):
    found = ask(scene("sidecar", client=client), "web", "cart", get(**{XFCC: "URI=spiffe://evil"}))
    assert XFCC not in delivered(found).headers


def test_a_waypoint_removes_it_and_normalises_the_path():
    found = ask(scene("ambient", waypoint(), labels=BOUND), "web", "cart", get("/a/../b", **{XFCC: "x"}))
    assert (delivered(found).path, delivered(found).headers) == ("/b", {})


def test_a_port_of_bytes_is_left_alone():
    found = ask(scene("sidecar", protocol="tcp"), "web", "cart", get("/a/../b"))
    assert delivered(found).path == "/a/../b"
    assert delivered(ask(scene("sidecar", protocol="tcp"), "web", "cart", Tcp())) is None


def reading(protocol, number=8080, app="cart"):
    """A Sidecar that declares a port of the pods."""
    port = {"number": number, "protocol": protocol, "name": "own"}
    spec = {
        "workloadSelector": {"labels": {"app": app}},
        "ingress": [{"port": port, "defaultEndpoint": "127.0.0.1:9090"}],
    }
    return m.o.istio("Sidecar", "own", "shop", spec)


@pytest.mark.parametrize(
    ("declared", "sidecar", "path"),
    [
        ("tcp", reading("HTTP"), "/b"), ("http", reading("TCP"), "/a/../b"), ("tcp", reading("HTTP", app="other"), "/a/../b"),
        ("tcp", reading("HTTP", number=9999), "/b"),
    ],
    ids=["http", "bytes", "of others", "another port is sniffed"],
)  # fmt: skip
def test_what_a_sidecar_declares_of_its_pods_counts_in_place_of_their_service(declared, sidecar, path):
    found = ask(scene("sidecar", sidecar, client="none", protocol=declared), "web", "cart", get("/a/../b"))
    assert delivered(found).path == path


SIMPLE = {"tls": {"mode": "SIMPLE", "serverCertificate": "/certs/tls.crt", "privateKey": "/certs/tls.key"}}
ISTIOD = istiod(env={"ENABLE_TLS_ON_SIDECAR_INGRESS": "true"})


def ingress(protocol="HTTP", **more):
    spec = {"ingress": [{"port": {"number": 8080, "protocol": protocol, "name": "own"}, **more}]}
    return m.o.istio("Sidecar", "own", "shop", spec)


@pytest.mark.parametrize(("annotations", "capture", "known"), [
    ({}, "NONE", False), ({}, "DEFAULT", True), ({}, "IPTABLES", True), ({"sidecar.istio.io/interceptionMode": "NONE"}, "DEFAULT", False),
    ({"sidecar.istio.io/interceptionMode": "NONE"}, "IPTABLES", True),
    ({"traffic.sidecar.istio.io/excludeInboundPorts": "8080"}, "NONE", False),
])  # fmt: skip
def test_a_port_at_which_a_sidecar_listens_itself_is_not_decided(annotations, capture, known):
    own = (pods("web", "none"), pods("cart", "sidecar", annotations=annotations), service("cart"))
    found = ask(index(*own, ingress(captureMode=capture)), "web", "cart", get("/"))
    assert (found.verdict is not Verdict.UNKNOWN) == known
    assert known or "captureMode" in str(found.branches)


@pytest.mark.parametrize(("more", "mode", "known", "path"), [
    ((), "DISABLE", True, "/a/../b"), ((), "PERMISSIVE", True, "/a/../b"), ((ISTIOD,), "PERMISSIVE", True, "/b"),
    ((ISTIOD,), "DISABLE", False, ""),
])  # fmt: skip
def test_a_sidecar_ends_tls_of_others_only_where_istiod_is_told_to_and_mtls_is_off(more, mode, known, path):
    """Otherwise `tls` is not heeded; where istiod is told to, the port counts as what is within all the same."""
    mesh = scene("sidecar", ingress("HTTPS", **SIMPLE), peers(mode), *more, client="none")
    found = ask(mesh, "web", "cart", get("/a/../b"))
    assert (found.verdict is not Verdict.UNKNOWN) == known
    assert delivered(found).path == path if known else "ends TLS" in str(found.branches)


def test_a_connection_to_nobody_is_closed_and_not_answered():
    rule = {"route": [{"destination": {"host": "gone"}}]}
    route = m.o.istio("VirtualService", "cart", "shop", {"hosts": ["cart"], "tcp": [rule]})
    found = ask(scene("sidecar", route, protocol="tcp"), "web", "cart", Tcp())
    assert (found.verdict, found.shape) == (Verdict.UNREACHABLE, Shape.CLOSED)
    assert "closes the connection" in found.branches[0].decider.reason


def test_what_is_refused_is_not_delivered():
    assert delivered(ask(scene("sidecar", policy("nobody", app="cart")), "web", "cart")) is None
    assert delivered(ask(scene("sidecar", peers("STRICT"), client="none"), "web", "cart")) is None


@pytest.mark.parametrize(
    ("claim", "value", "header"),
    [
        ("sub", "ann", "ann"), ("level", 3, "3"), ("admin", True, "true"), ("groups", ["a"], None), ("gone", None, None),
        ("realm.name", {"name": "x"}, "x"),
    ],
)  # fmt: skip
def test_claims_as_headers(claim, value, header):
    rule = tokens(outputClaimToHeaders=[{"header": "X-Claim", "claim": claim}])
    claims = {"iss": "me", claim.partition(".")[0]: value}
    found = ask(scene("sidecar", rule), "web", "cart", get(token="valid", claims=claims))
    assert delivered(found).headers.get("x-claim") == header


def test_no_token_no_header():
    rule = tokens(outputClaimToHeaders=[{"header": "x-claim", "claim": "sub"}], outputPayloadToHeader="x-payload")
    assert {"x-claim", "x-payload"}.isdisjoint(delivered(ask(scene("sidecar", rule), "web", "cart")).headers)
    with_token = delivered(ask(scene("sidecar", rule), "web", "cart", get(token="valid", claims={"iss": "me"})))
    assert "x-payload" in with_token.headers
    assert "x-claim" not in with_token.headers


def split(*names):
    """All requests to `cart` are dealt out among hosts, each with edits of its own."""
    shares = [
        {"destination": {"host": name}, "weight": 50, "headers": {"request": {"set": {"x-to": name}}}} for name in names
    ]
    return m.o.istio("VirtualService", "cart", "shop", {"hosts": ["cart"], "http": [{"route": shares}]})


def test_what_a_route_changes_for_one_backend_alone_reaches_that_one():
    others = (*pods("basket", "sidecar"), service("basket"))
    found = ask(scene("sidecar", split("cart", "basket"), *others), "web", "cart")
    assert {each.destination.name: each.delivered.headers["x-to"] for each in found.branches} == {
        "cart": "cart", "basket": "basket",
    }  # fmt: skip


def test_what_a_gateway_changes_is_what_the_waypoint_behind_it_judges():
    labels = {**BOUND, "istio.io/ingress-use-waypoint": "true"}
    gateway = m.o.istio("Gateway", "front", "shop", {
        "selector": {"istio": "front"}, "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]})  # fmt: skip
    route = m.o.istio("VirtualService", "in", "shop", {
        "hosts": ["cart.example"], "gateways": ["front"],
        "http": [{"match": [{"uri": {"prefix": "/outside"}}], "rewrite": {"uri": "/inside"}, "route": [{"destination": {"host": "cart"}}]}]})  # fmt: skip
    outside = policy("outside", {"to": [{"operation": {"paths": ["/outside"]}}]}, action="DENY", service="cart")
    front = pods("front", "gateway", labels={"istio": "front"})
    mesh = scene("ambient", waypoint(), gateway, route, outside, front, labels=labels)
    found = ask(mesh, "gateway:shop/front", "cart.example", get("/outside", host="cart.example"))
    assert found.verdict is Verdict.ALLOW
    assert delivered(found).path == "/inside"


def test_a_waypoint_that_reads_bytes_hands_on_the_request_that_is_in_them():
    conflict = service("cart", labels=BOUND, protocol="http", more_ports=[{"name": "tcp-b", "port": 81, "targetPort": 8080}])  # fmt: skip
    mesh = index(pods("web", "ambient"), pods("cart", "sidecar"), conflict, waypoint())
    found = ask(mesh, "web", "cart", get("/a"), port=81)
    assert found.verdict is Verdict.ALLOW
    assert delivered(found).path == "/a"


@pytest.mark.parametrize(("shares", "expected"), [((100,), "2,1"), ((50, 50), "2")], ids=["single", "shared"])
def test_a_backends_edits_come_behind_the_routes_where_it_is_alone_and_else_before_them(shares, expected):
    own = {"request": {"add": {"x-edit": "1"}}}
    route = [{"destination": {"host": "cart"}, "weight": share, "headers": own} for share in shares]
    spec = {"hosts": ["cart"], "http": [{"route": route, "headers": {"request": {"set": {"x-edit": "2"}}}}]}
    found = ask(scene("sidecar", m.o.istio("VirtualService", "r", "shop", spec)), "web", "cart", get())
    assert {branch.delivered.headers["x-edit"] for branch in found.branches} == {expected}


def handed(**rule):
    """A sidecar behind a waypoint; both read tokens, and a policy at the pods asks for one."""
    both = [
        m.o.istio("RequestAuthentication", name, "shop", {**where, "jwtRules": [{"issuer": "me", **told}]})
        for name, where, told in (
            ("way", {"targetRefs": [{"group": "", "kind": "Service", "name": "cart"}]}, rule),
            ("own", {"selector": {"matchLabels": {"app": "cart"}}}, {}),
        )
    ]
    known = policy("known", {"from": [{"source": {"requestPrincipals": ["me/*"]}}]}, app="cart")
    mesh = (pods("web", "ambient"), pods("cart", "sidecar"), service("cart", labels=BOUND), waypoint(), known, *both)
    return ask(index(*mesh), "web", "cart", get("/", token="valid", claims={"iss": "me", "sub": "you"}))


def test_a_token_that_a_waypoint_took_is_handed_on_only_where_it_says_so():
    """Source: pilot/pkg/security/authn/policy_applier.go (convertToEnvoyJwtConfig: Forward)."""
    assert handed(forwardOriginalToken=True).verdict is Verdict.ALLOW
    assert handed().verdict is Verdict.DENY
    assert handed(issuer="another", forwardOriginalToken=True).verdict is Verdict.DENY


def test_a_gateway_hands_on_what_its_own_tokens_claim():
    gateway = m.o.istio("Gateway", "front", "shop", {
        "selector": {"istio": "front"}, "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]})  # fmt: skip
    route = m.o.istio("VirtualService", "in", "shop", {
        "hosts": ["cart.example"], "gateways": ["front"], "http": [{"route": [{"destination": {"host": "cart"}}]}]})  # fmt: skip
    rule = {"issuer": "me", "outputClaimToHeaders": [{"header": "x-claim", "claim": "sub"}]}
    spec = {"selector": {"matchLabels": {"istio": "front"}}, "jwtRules": [rule]}
    front = pods("front", "gateway", labels={"istio": "front"})
    mesh = index(front, gateway, route, m.o.istio("RequestAuthentication", "jwt", "shop", spec), pods("cart", "none"), service("cart"))  # fmt: skip
    asked = get("/", host="cart.example", token="valid", claims={"iss": "me", "sub": "you"})
    assert delivered(ask(mesh, "gateway:shop/front", "cart.example", asked)).headers["x-claim"] == "you"
