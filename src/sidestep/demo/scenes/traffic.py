"""Scenes of area C that are about which proxies are met at all, and what they look at."""

from sidestep.demo.scene import Object, Question, Scene
from sidestep.demo.words import (
    BOUND,
    DELETE,
    ambient,
    bound,
    deny,
    gateway,
    mesh_config,
    pair,
    peers,
    pods,
    policy,
    routed,
    service,
    sidecars,
    spaces,
    thing,
    to,
    waypoint,
)

_REGISTRY_ONLY = mesh_config(outboundTrafficPolicy={"mode": "REGISTRY_ONLY"})
_STRANGER = pods("stranger", "none", "outside")
_DELETE = Question(**DELETE)


def _written(mode: str) -> tuple[Object, ...]:
    """`cart` has no selector: a slice has the address of its pod, and does not name it. mTLS is STRICT."""
    behind = thing("v1", "Service", "cart", spec={"ports": [{"name": "http", "port": 80}]})
    there = thing("discovery.k8s.io/v1", "EndpointSlice", "cart-by-hand", addressType="IPv4")
    there["metadata"]["labels"] = {"kubernetes.io/service-name": "cart"}
    there |= {"endpoints": [{"addresses": ["{cart}"]}], "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}
    strict = peers("STRICT")
    return (*spaces(strict), pods("web", mode), pods("cart", mode), behind, there, strict)


def _hidden(mode: str) -> tuple[Object, ...]:
    """`cart` of namespace bank is exported to nobody else."""
    found = service("cart", "bank", annotations={"networking.istio.io/exportTo": "."})
    made = (pods("web", mode), pods("cart", mode, "bank"), found, peers("STRICT"))
    return (*spaces(*made), *made)


def _routed(mode: str, labels: dict[str, str] | None, **where: str) -> tuple[Object, ...]:
    """`cart` is routed to `next`, which refuses DELETE."""
    return pods("next", mode), service("next", labels=labels), routed("cart", "cart", to("next")), deny(**where)


def _speaking(mode: str) -> tuple[Object, ...]:
    """`cart` greets who connects."""
    return pair(
        mode, mode, server_pods=pods("cart", mode, behaviour={"protocol": {"8080": "tcp-first"}}), protocol="db"
    )


def _asking_for_a_waypoint() -> tuple[Object, ...]:
    """The waypoint of `cart` serves pods by their own addresses, too: those of `other` ask for it."""
    gateway_of_both = waypoint()
    gateway_of_both["metadata"]["labels"] = {"istio.io/waypoint-for": "all"}
    asking = pods("other", "ambient", labels={"istio.io/use-waypoint": "waypoint"})
    greeting = pods("cart", "ambient", behaviour={"protocol": {"8080": "tcp-first"}})
    return (*pair("ambient", "ambient", server_pods=greeting, protocol="mysql", labels=BOUND), gateway_of_both, asking)


def _greeting_beside_another() -> tuple[Object, ...]:
    greeting = pods("cart", "sidecar", behaviour={"protocol": {"8080": "tcp-first"}})
    return sidecars(pods("other", "sidecar"), server_pods=greeting, protocol="mysql")


def _bypassing(mode: str) -> tuple[Object, ...]:
    found = pods("cart", mode, annotations={"ambient.istio.io/bypass-inbound-capture": "true"})
    return pair("none", mode, policy("others", app="cart"), server_pods=found)


TRAFFIC: tuple[Scene, ...] = (
    Scene("D45", "pods that ask for no enforcement", _bypassing("sidecar"), _bypassing("ambient")),
    Scene(
        "D46",
        "an address that the mesh does not know",
        sidecars(_REGISTRY_ONLY, _STRANGER),
        ambient(_REGISTRY_ONLY, _STRANGER),
        Question(host="{outside/stranger}", port=8080),
    ),
    Scene(
        "D48",
        "a Service that is exported to its own namespace",
        _hidden("sidecar"),
        _hidden("ambient"),
        Question(host="cart.bank"),
    ),
    Scene(
        "D51",
        "a client that still has a sidecar",
        sidecars(deny(app="cart")),
        bound(deny(service="cart"), client="sidecar"),
        _DELETE,
    ),
    Scene(
        "D52",
        "what comes through the ingress gateway",
        sidecars(*gateway(), deny(app="cart")),
        bound(*gateway(), deny(service="cart")),
        Question("gateway:shop/edge", **DELETE),
    ),
    Scene(
        "D54",
        "routed to a Service with a waypoint of its own",
        sidecars(*_routed("sidecar", None, app="next")),
        bound(*_routed("ambient", {"istio.io/use-waypoint": "other"}, service="next"), waypoint("other")),
        _DELETE,
    ),
    Scene(
        "D55",
        "the server speaks first on an undeclared port",
        _speaking("sidecar"),
        _speaking("ambient"),
        Question(first=True),
    ),
    Scene(
        "D55",
        "and on a declared one, behind a waypoint that serves pods",
        _greeting_beside_another(),
        _asking_for_a_waypoint(),
        Question(first=True),
    ),
    Scene(
        "D56",
        "the application gets the path as the client wrote it",
        sidecars(),
        ambient(),
        Question(path="/public/../admin"),
    ),
    Scene("D63", "plaintext to a written address under STRICT", _written("sidecar"), _written("ambient")),
)
