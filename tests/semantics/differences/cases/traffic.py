"""Cases of area C that are about which proxies are met at all."""

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
    bound,
    callers,
    gateway,
    lost,
    methods,
    pair,
    refused,
    sidecars,
    to,
    vs,
    waypoint,
    written,
)
from tests.support.scenes import get, mesh_config, peers, pods, policy, service

from sidestep.semantics.decisions import Bypass, Proxy, Shape, Transport
from sidestep.semantics.requests import Tcp

DELETE = get("/items/1", "DELETE")
_FORBIDDEN = Shape.FORBIDDEN
_REGISTRY_ONLY = mesh_config(outboundTrafficPolicy={"mode": "REGISTRY_ONLY"})


def _deny(**where):
    return policy("no-delete", methods("DELETE"), action="DENY", **where)


def _hidden(mode: str):
    """`cart` of namespace bank is exported to nobody else."""
    found = service("cart", "bank")
    found["metadata"]["annotations"] = {"networking.istio.io/exportTo": "."}
    return flat(pods("web", mode, ip=WEB), pods("cart", mode, "bank", ip=CART), found, peers("STRICT"))


def _routed(mode: str, labels, **where):
    """`cart` is routed to `next`, which refuses DELETE."""
    return [
        *pods("next", mode, ip="10.1.0.5"),
        service("next", labels=labels),
        vs("cart", "cart", to("next")),
        _deny(**where),
    ]


def _written(mode: str, *more):
    """`cart` has no selector: a slice has the address of its pod, and does not name it."""
    behind = service("cart")
    del behind["spec"]["selector"]
    return flat(pods("web", mode, ip=WEB), pods("cart", mode, ip=CART), behind, written("cart", CART), *more)


def _bypassing(mode: str):
    found = pods("cart", mode, ip=CART, annotations={"ambient.istio.io/bypass-inbound-capture": "true"})
    return flat(pods("web", "none", ip=WEB), found, service("cart"))


TRAFFIC: tuple[Case, ...] = (
    Case(
        "D45", "pods that ask for no enforcement",
        (*_bypassing("sidecar"), policy("others", app="cart")), (*_bypassing("ambient"), policy("others", app="cart")),
        ask(), refused((Proxy.SIDECAR_IN,), _FORBIDDEN, "others"), admitted((Proxy.APPLICATION,)),
    ),
    Case(
        "D46", "a host that the mesh does not know",
        sidecars(_REGISTRY_ONLY), ambient(_REGISTRY_ONLY),
        ask(host="api.example.com"), refused((Proxy.SIDECAR_OUT,), Shape.BAD_GATEWAY, "istio"),
        admitted((Proxy.ZTUNNEL_OUT, Proxy.NONE), at="api.example.com"),
    ),
    Case(
        "D48", "a Service that is exported to its own namespace",
        _hidden("sidecar"), _hidden("ambient"),
        ask(host="cart.bank"), refused(SIDECARS, Shape.RESET, "default"), admitted(ZTUNNELS),
    ),
    Case(
        "D51", "a client that still has a sidecar",
        sidecars(_deny(app="cart")), bound(_deny(service="cart"), client="sidecar"),
        ask(DELETE), refused(SIDECARS, _FORBIDDEN, "no-delete"),
        admitted((Proxy.SIDECAR_OUT, Proxy.ZTUNNEL_IN), bypass=Bypass.SIDECAR),
    ),
    Case(
        "D52", "what comes through the ingress gateway",
        sidecars(gateway(), _deny(app="cart")), bound(gateway(), _deny(service="cart")),
        ask(DELETE, who="gateway:shop/edge"), refused((Proxy.GATEWAY, Proxy.SIDECAR_IN), _FORBIDDEN, "no-delete"),
        admitted((Proxy.GATEWAY, Proxy.ZTUNNEL_IN), bypass=Bypass.GATEWAY),
    ),
    Case(
        "D54", "routed to a Service with a waypoint of its own",
        sidecars(*_routed("sidecar", None, app="next")),
        bound(*_routed("ambient", {"istio.io/use-waypoint": "other"}, service="next"), waypoint("other", ip="10.1.0.8")),
        ask(DELETE), refused(SIDECARS, _FORBIDDEN, "no-delete"), admitted(THROUGH, "cart", bypass=Bypass.ROUTED),
    ),
    Case(
        "D55", "the server speaks first on an undeclared port",
        sidecars(protocol="db"), ambient(protocol="db"),
        ask(Tcp(server_first=True)), lost((Proxy.SIDECAR_OUT,), Shape.HANG), admitted(ZTUNNELS),
    ),
    Case(
        "D55", "and on a declared one, at a waypoint that also serves pods",
        sidecars(protocol="tcp"),
        flat(
            pods("web", "ambient", ip=WEB), pods("cart", "ambient", ip=CART, labels=BOUND),
            service("cart", protocol="tcp", labels=BOUND), waypoint(serves="all"),
        ),
        ask(Tcp(server_first=True)), admitted(SIDECARS), lost(TO_WAYPOINT, Shape.HANG),
    ),
    Case(
        "D56", "the application gets the path as the client wrote it",
        sidecars(), ambient(),
        ask(get("/public/../admin")), admitted(SIDECARS, path="/admin"), admitted(ZTUNNELS, path="/public/../admin"),
    ),
    Case(
        "D60", "through a load balancer",
        pair("sidecar", "sidecar", _deny(app="cart")), bound(_deny(service="cart")),
        ask(DELETE, who="outside", host="cart.shop"), refused((Proxy.SIDECAR_IN,), _FORBIDDEN, "no-delete"),
        admitted((Proxy.ZTUNNEL_IN,), bypass=Bypass.OUTSIDE),
    ),
    Case(
        "D63", "plaintext to a written address under STRICT",
        _written("sidecar", peers("STRICT")), _written("ambient", peers("STRICT")),
        ask(), admitted(SIDECARS, "default", transport=Transport.MTLS),
        refused(ZTUNNELS, Shape.RESET, "istio_converted_static_strict", transport=Transport.PLAINTEXT),
    ),
    Case(
        "D63", "and without STRICT a caller that is refused by name gets in",
        _written("sidecar", policy("no-web", callers("web"), action="DENY", app="cart")),
        _written("ambient", policy("no-web", callers("web"), action="DENY", app="cart")),
        ask(), refused(SIDECARS, _FORBIDDEN, "no-web"), admitted(ZTUNNELS, "cart", identity=None),
    ),
)  # fmt: skip
