"""The request as the application gets it: paths as proxies judged them, headers that they set and remove."""

import pytest
from tests.support import mesh as m
from tests.support.scenes import ask, get, index, peers, pods, policy, service, waypoint

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
