"""Scenes of area C that are about routes: who chooses the backend, by what, and with which settings."""

from typing import Any

from sidestep.demo.scene import Object, Question, Scene
from sidestep.demo.words import (
    BOUND,
    ambient,
    backend,
    bound,
    destination,
    gateway,
    http_route,
    pair,
    pods,
    routed,
    service,
    sidecars,
    spaces,
    thing,
    to,
    waypoint,
)

_HASHED = destination("cart", "cart", {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}})
_SILENT = pods("cart-silent", "none", labels={"app": "cart"}, annotations={"sidestep.dev/command": "sleep 1000000"})
"""A pod of `cart` at which nothing listens."""
_PREFIX = routed("cart", "cart", to("next", match=[{"uri": {"prefix": "/foo"}}]), to("cart"))
_ORDER = routed(
    "cart", "cart", to("cart", match=[{"uri": {"prefix": "/"}}]), to("next", match=[{"uri": {"exact": "/foo"}}])
)
_BY_LABEL = routed("cart", "cart", to("next", match=[{"sourceLabels": {"app": "web"}}]), to("cart"))
_FIRST = routed("a", "cart", to("cart", match=[{"uri": {"prefix": "/a"}}]))
_REWRITE = to("cart", match=[{"uri": {"prefix": "/"}}], rewrite={"uri": "/v1/"})
_MINE = routed("mine", "cart.shop.svc.cluster.local", to("next.shop.svc.cluster.local"), space="desk")
_EXTERNAL = thing(
    "v1",
    "Service",
    "api",
    spec={
        "type": "ExternalName",
        "externalName": "cart.shop.svc.cluster.local",
        "ports": [{"name": "http", "port": 80}],
    },
)
_THROUGH_EDGE: dict[str, Any] = {"client": "gateway:shop/edge"}


def _next(mode: str) -> tuple[Object, ...]:
    """A second Service and its pods."""
    return pods("next", mode), service("next")


def _from_desk(mode: str, *more: Object, **of_service: Any) -> tuple[Object, ...]:
    made = (pods("web", mode, "desk"), pods("cart", mode), service("cart", **of_service), *_next(mode), _MINE, *more)
    return (*spaces(*made), *made)


ROUTES: tuple[Scene, ...] = (
    Scene(
        "D38",
        "a route of the client's namespace",
        _from_desk("sidecar"),
        _from_desk("ambient", waypoint(), labels=BOUND),
        Question("desk/web", "cart.shop"),
    ),
    Scene(
        "D39",
        "one Service dialled, another named in Host",
        sidecars(*_next("sidecar")),
        ambient(*_next("ambient")),
        Question(authority="next"),
    ),
    Scene(
        "D40",
        "two VirtualServices of one host",
        sidecars(*_next("sidecar"), _FIRST, routed("b", "cart", to("next"))),
        bound(*_next("ambient"), _FIRST, routed("b", "cart", to("next"))),
        Question(path="/b"),
    ),
    Scene(
        "D41",
        "a prefix that ends within an element of the path",
        sidecars(*_next("sidecar"), _PREFIX),
        bound(
            *_next("ambient"),
            http_route(
                "cart",
                "cart",
                backend("next", matches=[{"path": {"type": "PathPrefix", "value": "/foo"}}]),
                backend("cart"),
            ),
        ),
        Question(path="/foobar"),
    ),
    Scene(
        "D42",
        "the less specific rule comes first",
        sidecars(*_next("sidecar"), _ORDER),
        bound(
            *_next("ambient"),
            http_route(
                "cart",
                "cart",
                backend("cart", matches=[{"path": {"type": "PathPrefix", "value": "/"}}]),
                backend("next", matches=[{"path": {"type": "Exact", "value": "/foo"}}]),
            ),
        ),
        Question(path="/foo"),
    ),
    Scene(
        "D43",
        "a connection that is refused by one of two pods",
        pair("sidecar", "none", _SILENT),
        pair("ambient", "none", _SILENT),
        Question(times=12),
        retries=True,
    ),
    Scene(
        "D44",
        "requests of one user go to one pod",
        pair("sidecar", "sidecar", _HASHED, server_pods=pods("cart", "sidecar", replicas=3)),
        pair("ambient", "ambient", _HASHED, server_pods=pods("cart", "ambient", replicas=3)),
        Question(headers={"x-user": "ann"}, times=24),
        sticks=True,
    ),
    Scene(
        "D49",
        "clients told apart by their labels",
        sidecars(*_next("sidecar"), _BY_LABEL),
        bound(*_next("ambient"), _BY_LABEL),
    ),
    Scene(
        "D50",
        "what the gateway rewrote is rewritten again",
        sidecars(*gateway(), routed("cart", "cart", _REWRITE)),
        bound(*gateway(), routed("cart", "cart", _REWRITE), labels={**BOUND, "istio.io/ingress-use-waypoint": "true"}),
        Question(path="/v1/items", **_THROUGH_EDGE),
    ),
    Scene(
        "D58",
        "a route to a Service that is gone",
        sidecars(routed("cart", "cart", to("gone"))),
        bound(http_route("cart", "cart", backend("gone"))),
    ),
    Scene(
        "D59",
        "a Service that stands for another name",
        sidecars(*_next("sidecar"), _EXTERNAL, routed("api", "api", to("next"))),
        ambient(*_next("ambient"), _EXTERNAL, routed("api", "api", to("next"))),
        Question(host="api"),
    ),
)
