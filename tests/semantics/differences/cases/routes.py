"""Cases of area C that are about routes: who chooses the backend, by what, and with which settings."""

from tests.semantics.differences.cases.case import Case, flat
from tests.semantics.differences.cases.scene import (
    BOUND,
    CART,
    SIDECARS,
    THROUGH,
    TO_WAYPOINT,
    WEB,
    ZTUNNELS,
    admitted,
    ambient,
    ask,
    backend,
    bound,
    dr,
    gateway,
    http_route,
    lost,
    sidecars,
    to,
    vs,
    waypoint,
)
from tests.support.scenes import get, pods, service

from sidestep.semantics.decisions import Proxy, Shape

_CANARY = {"name": "v2", "labels": {"version": "v2"}}
_HASHED = {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}}


def _next(mode: str, **labels):
    """A second Service `next` and its pods."""
    return [*pods("next", mode, ip="10.1.0.5"), service("next", labels=labels or None)]


def _versions(mode: str, *services):
    first = pods("cart-v1", mode, labels={"app": "cart", "version": "v1"}, ip="10.1.0.3")
    second = pods("cart-v2", mode, labels={"app": "cart", "version": "v2"}, ip="10.1.0.4")
    return flat(pods("web", mode, ip=WEB), first, second, *services)


_PREFIX = [to("next", match=[{"uri": {"prefix": "/foo"}}]), to("cart")]
_ORDER = [to("cart", match=[{"uri": {"prefix": "/"}}]), to("next", match=[{"uri": {"exact": "/foo"}}])]
_BY_LABEL = [to("next", match=[{"sourceLabels": {"app": "web"}}]), to("cart")]

ROUTES: tuple[Case, ...] = (
    Case(
        "D38", "a route of the client's namespace",
        flat(pods("web", "sidecar", "desk", ip=WEB), pods("cart", "sidecar", ip=CART), service("cart"), _next("sidecar"),
             vs("mine", "cart.shop.svc.cluster.local", to("next.shop.svc.cluster.local"), space="desk")),
        flat(pods("web", "ambient", "desk", ip=WEB), pods("cart", "ambient", ip=CART), service("cart", labels=BOUND),
             waypoint(), _next("ambient"),
             vs("mine", "cart.shop.svc.cluster.local", to("next.shop.svc.cluster.local"), space="desk")),
        ask(who="desk/web", host="cart.shop"),
        admitted(SIDECARS, "mine", backends=("next",)), admitted(THROUGH, backends=("cart",)),
    ),
    Case(
        "D39", "one Service dialled, another named in Host",
        sidecars(_next("sidecar")), ambient(_next("ambient")),
        ask(get(host="next")), admitted(SIDECARS, destination="next"), admitted(ZTUNNELS, destination="cart"),
    ),
    Case(
        "D40", "two VirtualServices of one host",
        sidecars(_next("sidecar"), vs("a", "cart", to("cart", match=[{"uri": {"prefix": "/a"}}])), vs("b", "cart", to("next"))),
        bound(_next("ambient"), vs("a", "cart", to("cart", match=[{"uri": {"prefix": "/a"}}])), vs("b", "cart", to("next"))),
        ask(get("/b")), lost((Proxy.SIDECAR_OUT,), Shape.NOT_FOUND, "a"), admitted(THROUGH, "b", backends=("next",)),
    ),
    Case(
        "D41", "a prefix that ends within an element of the path",
        sidecars(_next("sidecar"), vs("cart", "cart", *_PREFIX)),
        bound(_next("ambient"), http_route(
            "cart", "cart", backend("next", matches=[{"path": {"type": "PathPrefix", "value": "/foo"}}]), backend("cart"),
        )),
        ask(get("/foobar")), admitted(SIDECARS, "cart", backends=("next",)), admitted(THROUGH, "cart", backends=("cart",)),
    ),
    Case(
        "D42", "the less specific rule comes first",
        sidecars(_next("sidecar"), vs("cart", "cart", *_ORDER)),
        bound(_next("ambient"), http_route(
            "cart", "cart", backend("cart", matches=[{"path": {"type": "PathPrefix", "value": "/"}}]),
            backend("next", matches=[{"path": {"type": "Exact", "value": "/foo"}}]),
        )),
        ask(get("/foo")), admitted(SIDECARS, "cart", backends=("cart",)), admitted(THROUGH, "cart", backends=("next",)),
    ),
    Case(
        "D43", "a failed request",
        sidecars(), ambient(), ask(), admitted(SIDECARS, retries=2), admitted(ZTUNNELS, retries=0),
    ),
    Case(
        "D44", "requests of one user go to one pod",
        sidecars(dr("cart", "cart", _HASHED)), ambient(dr("cart", "cart", _HASHED)),
        ask(), admitted(SIDECARS, settings=("loadBalancer.consistentHash.httpHeaderName: x-user",)),
        admitted(ZTUNNELS, settings=()),
    ),
    Case(
        "D49", "clients told apart by their labels",
        sidecars(_next("sidecar"), vs("cart", "cart", *_BY_LABEL)), bound(_next("ambient"), vs("cart", "cart", *_BY_LABEL)),
        ask(), admitted(SIDECARS, "cart", backends=("next",)), admitted(THROUGH, "cart", backends=("cart",)),
    ),
    Case(
        "D50", "what the gateway rewrote is rewritten again",
        sidecars(gateway(), _TWICE := vs("cart", "cart", to(
            "cart", match=[{"uri": {"prefix": "/"}}], rewrite={"uri": "/v1/"},
        ), gateways=["mesh", "edge"])),
        bound(gateway(), _TWICE, labels={**BOUND, "istio.io/ingress-use-waypoint": "true"}),
        ask(get("/v1/items"), who="gateway:shop/edge"),
        admitted((Proxy.GATEWAY, Proxy.SIDECAR_IN), path="/v1/items"),
        admitted((Proxy.GATEWAY, Proxy.WAYPOINT, Proxy.ZTUNNEL_IN), "cart", path="/v1/v1/items"),
    ),
    Case(
        "D53", "a version as a subset, and as a Service",
        _versions("sidecar", service("cart"), vs("cart", "cart", to("cart", "v2")), dr("cart", "cart", subsets=[_CANARY])),
        _versions(
            "ambient", service("cart", labels=BOUND), waypoint(), http_route("cart", "cart", backend("cart-v2")),
            service("cart-v2", selector={"app": "cart", "version": "v2"}),
        ),
        ask(), admitted(SIDECARS, "cart", backends=("cart/v2",), destination="cart-v2"),
        admitted(THROUGH, "cart", backends=("cart-v2",), destination="cart-v2"),
    ),
    Case(
        "D58", "a route to a Service that is gone",
        sidecars(vs("cart", "cart", to("gone"))), bound(http_route("cart", "cart", backend("gone"))),
        ask(), lost((Proxy.SIDECAR_OUT,), Shape.UNAVAILABLE, "cart"), lost(TO_WAYPOINT, Shape.ERROR, "cart"),
    ),
    Case(
        "D59", "a Service that stands for an external name",
        sidecars(_next("sidecar"), _EXTERNAL := {
            **service("api"), "spec": {
                "type": "ExternalName", "externalName": "api.example.com", "ports": [{"name": "http", "port": 80}],
            },
        }, vs("api", "api", to("next"))),
        ambient(_next("ambient"), _EXTERNAL, vs("api", "api", to("next"))),
        ask(host="api"), admitted(SIDECARS, "api", destination="next"),
        admitted((Proxy.ZTUNNEL_OUT, Proxy.NONE), destination="", at="api.example.com"),
    ),
)  # fmt: skip
