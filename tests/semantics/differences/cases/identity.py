"""Cases of area B: mTLS and identity."""

from tests.semantics.differences.cases.case import Case, flat
from tests.semantics.differences.cases.scene import (
    CART,
    SIDECARS,
    THROUGH,
    WEB,
    ZTUNNELS,
    admitted,
    ambient,
    ask,
    bound,
    callers,
    dr,
    entry,
    lost,
    methods,
    pair,
    refused,
    sidecars,
    tokens,
)
from tests.support.scenes import get, peers, pods, policy, service

from sidestep.semantics.decisions import Bypass, Proxy, Shape, Transport

_PEER = "X-Forwarded-Client-Cert".lower()
_MUTUAL = {"tls": {"mode": "ISTIO_MUTUAL"}}
_FORBIDDEN, _RESET = Shape.FORBIDDEN, Shape.RESET
_SIDECAR, _ZTUNNEL = (Proxy.SIDECAR_IN,), (Proxy.ZTUNNEL_IN,)
_STRICT = peers("STRICT")
_CERTIFICATE = "By=spiffe://cluster.local/ns/shop/sa/cart;URI=spiffe://cluster.local/ns/shop/sa/web"
_CLAIMS = {"iss": "https://issuer.example.com", "sub": "ann"}


def _outside(objects):
    """The client is not in the mesh."""
    return pair("none", "sidecar", *objects), pair("none", "ambient", *objects)


def _scraped(mode):
    found = pods("cart", mode, ip=CART, annotations={"traffic.sidecar.istio.io/excludeInboundPorts": "8080"})
    return flat(pods("web", "none", ip=WEB), found, service("cart"))


IDENTITY: tuple[Case, ...] = (
    Case(
        "D26", "a client that insists on mTLS",
        sidecars(peers("DISABLE", "shop", app="cart"), dr("mutual", "cart", _MUTUAL)),
        ambient(peers("DISABLE", "shop", app="cart"), dr("mutual", "cart", _MUTUAL)),
        ask(), lost(SIDECARS, Shape.UNAVAILABLE, "default", transport=Transport.MTLS),
        admitted(ZTUNNELS, transport=Transport.HBONE),
    ),
    Case(
        "D26", "the peer has an identity now",
        sidecars(peers("DISABLE", "shop", app="cart"), policy("web-only", callers("web"), app="cart")),
        ambient(peers("DISABLE", "shop", app="cart"), policy("web-only", callers("web"), app="cart")),
        ask(), refused(SIDECARS, _FORBIDDEN, "web-only", identity=None), admitted(ZTUNNELS, "web-only"),
    ),
    Case(
        "D27", "a port that is exempt from STRICT",
        *_outside((_STRICT, peers("", "shop", name="cart", app="cart", ports={8080: "DISABLE"}))),
        ask(), admitted(_SIDECAR, "cart"), refused(_ZTUNNEL, _RESET, "istio_converted_static_strict"),
    ),
    Case(
        "D28", "a STRICT port of a PERMISSIVE workload",
        *_outside((_STRICT, peers("PERMISSIVE", "shop", name="cart", app="cart", ports={8080: "STRICT"}))),
        ask(), refused(_SIDECAR, _RESET, "cart"), admitted(_ZTUNNEL),
    ),
    Case(
        "D28", "a PERMISSIVE port opens the others",
        *_outside((
            _STRICT, peers("", "shop", name="default"),
            peers("", "shop", name="cart", app="cart", ports={9090: "PERMISSIVE"}),
        )),
        ask(), refused(_SIDECAR, _RESET, "default"), admitted(_ZTUNNEL),
    ),
    Case(
        "D29", "metrics were scraped past the sidecar",
        (*_scraped("sidecar"), _STRICT), (*_scraped("ambient"), _STRICT),
        ask(), admitted((Proxy.APPLICATION,)), refused(_ZTUNNEL, _RESET, "istio_converted_static_strict"),
    ),
    Case(
        "D30", "a client without a mesh",
        pair("none", "sidecar", policy("no-delete", methods("DELETE"), action="DENY", app="cart")),
        bound(policy("no-delete", methods("DELETE"), action="DENY", service="cart"), client="none"),
        ask(get(method="DELETE")), refused(_SIDECAR, _FORBIDDEN, "no-delete"), admitted(_ZTUNNEL, bypass=Bypass.PLAIN),
    ),
    Case(
        "D31", "the client moves before the server was restarted, under STRICT",
        pair("sidecar", "old", _STRICT), pair("ambient", "old", _STRICT),
        ask(), admitted(SIDECARS, "default"), refused((Proxy.ZTUNNEL_OUT, Proxy.SIDECAR_IN), _RESET, "default"),
    ),
    Case(
        "D31", "and without STRICT its identity is lost",
        pair("sidecar", "old", policy("web-only", callers("web"), app="cart")),
        pair("ambient", "old", policy("web-only", callers("web"), app="cart")),
        ask(), admitted(SIDECARS, "web-only"), refused((Proxy.ZTUNNEL_OUT, Proxy.SIDECAR_IN), _FORBIDDEN, "web-only"),
    ),
    Case(
        "D33", "the application reads the caller's certificate",
        sidecars(), ambient(),
        ask(), admitted(SIDECARS, headers={_PEER: _CERTIFICATE}), admitted(ZTUNNELS, headers={}),
    ),
    Case(
        "D33", "anybody may write the header now",
        sidecars(), ambient(),
        ask(get(**{_PEER: "URI=spiffe://cluster.local/ns/shop/sa/admin"})),
        admitted(SIDECARS, headers={_PEER: _CERTIFICATE}),
        admitted(ZTUNNELS, headers={_PEER: "URI=spiffe://cluster.local/ns/shop/sa/admin"}),
    ),
    Case(
        "D34", "an invalid token",
        sidecars(tokens("jwt", app="cart")), ambient(tokens("jwt", app="cart")),
        ask(get(token="invalid")), refused(SIDECARS, Shape.UNAUTHORIZED, "jwt"), admitted(ZTUNNELS),
    ),
    Case(
        "D34", "a waypoint does not read it either",
        sidecars(tokens("jwt", app="cart")), bound(tokens("jwt", app="cart")),
        ask(get(token="expired")), refused(SIDECARS, Shape.UNAUTHORIZED, "jwt"), admitted(THROUGH),
    ),
    Case(
        "D35", "the user's name in a header",
        sidecars(tokens("jwt", app="cart", outputClaimToHeaders=[{"header": "x-user", "claim": "sub"}])),
        ambient(tokens("jwt", app="cart", outputClaimToHeaders=[{"header": "x-user", "claim": "sub"}])),
        ask(get(token="valid", claims=_CLAIMS)),
        admitted(SIDECARS, "jwt", headers={"x-user": "ann", _PEER: _CERTIFICATE}), admitted(ZTUNNELS, headers={}),
    ),
    Case(
        "D36", "TLS towards an external host",
        sidecars(entry("pay", "pay.example.com"), dr("pay", "pay.example.com", {"tls": {"mode": "SIMPLE"}})),
        ambient(entry("pay", "pay.example.com"), dr("pay", "pay.example.com", {"tls": {"mode": "SIMPLE"}})),
        ask(host="pay.example.com"),
        admitted((Proxy.SIDECAR_OUT, Proxy.NONE), tls="leaves the mesh with TLS started by the proxy (SIMPLE)"),
        admitted((Proxy.ZTUNNEL_OUT, Proxy.NONE), tls=""),
    ),
    Case(
        "D37", "the server's certificate has another name",
        sidecars(dr("names", "cart", {"tls": {"mode": "ISTIO_MUTUAL", "subjectAltNames": ["spiffe://cluster.local/ns/shop/sa/basket"]}})),
        ambient(dr("names", "cart", {"tls": {"mode": "ISTIO_MUTUAL", "subjectAltNames": ["spiffe://cluster.local/ns/shop/sa/basket"]}})),
        ask(), lost((Proxy.SIDECAR_OUT, Proxy.NONE), Shape.UNAVAILABLE, "names"), admitted(ZTUNNELS),
    ),
)  # fmt: skip
