"""Scenes of area B: mTLS and identity."""

from sidestep.demo.scene import Object, Question, Scene
from sidestep.demo.words import (
    DELETE,
    ISSUER,
    SHOP,
    ambient,
    bound,
    callers,
    deny,
    destination,
    istio,
    pair,
    peers,
    pods,
    policy,
    service,
    sidecars,
    spaces,
    tokens,
)
from sidestep.semantics.authentication.tokens import TokenState

_STRICT = peers("STRICT")
_MUTUAL = destination("mutual", "cart", {"tls": {"mode": "ISTIO_MUTUAL"}})
_OTHER_NAME = {"tls": {"mode": "ISTIO_MUTUAL", "subjectAltNames": ["spiffe://cluster.local/ns/shop/sa/basket"]}}
_NAMED = destination("names", "cart", _OTHER_NAME)
_WEB_ONLY = policy("web-only", callers("web"), app="cart")
_FORGED = {"x-forwarded-client-cert": "URI=spiffe://cluster.local/ns/shop/sa/admin"}
_ANN = {"iss": ISSUER, "sub": "ann"}
_TO_HEADER = tokens("jwt", outputClaimToHeaders=[{"header": "x-user", "claim": "sub"}])


def _with_token(state: TokenState) -> Question:
    return Question(token=state, claims=_ANN)


def _outside(code: str, name: str, *objects: Object) -> Scene:
    """The client is not in the mesh."""
    return Scene(code, name, pair("none", "sidecar", *objects), pair("none", "ambient", *objects))


def _scraped(mode: str) -> tuple[Object, ...]:
    excluded = {"traffic.sidecar.istio.io/excludeInboundPorts": "8080"}
    return (*spaces(_STRICT), pods("web", "none"), pods("cart", mode, annotations=excluded), service("cart"), _STRICT)


def _paying(mode: str) -> tuple[Object, ...]:
    """`pay.example.com` is outside of the mesh, and a DestinationRule has clients start TLS there."""
    entry = {
        "hosts": ["pay.example.com"],
        "addresses": ["240.240.0.5"],
        "location": "MESH_EXTERNAL",
        "resolution": "STATIC",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8443}],
        "endpoints": [{"address": "{outside/bank}"}],
    }
    return pair(
        mode,
        mode,
        pods("bank", "none", "outside", container={"ports": [{"name": "https", "containerPort": 8443}]}),
        istio("ServiceEntry", "pay", entry),
        destination("pay", "pay.example.com", {"tls": {"mode": "SIMPLE", "insecureSkipVerify": True}}),
    )


IDENTITY: tuple[Scene, ...] = (
    Scene(
        "D26",
        "a client that insists on mTLS",
        sidecars(peers("DISABLE", SHOP, app="cart"), _MUTUAL),
        ambient(peers("DISABLE", SHOP, app="cart"), _MUTUAL),
    ),
    Scene(
        "D26",
        "the peer has an identity now",
        sidecars(peers("DISABLE", SHOP, app="cart"), _WEB_ONLY),
        ambient(peers("DISABLE", SHOP, app="cart"), _WEB_ONLY),
    ),
    _outside(
        "D27",
        "a port that is exempt from STRICT",
        _STRICT,
        peers(space=SHOP, name="cart", app="cart", ports={"8080": "DISABLE"}),
    ),
    _outside(
        "D28",
        "a STRICT port of a PERMISSIVE workload",
        _STRICT,
        peers("PERMISSIVE", SHOP, name="cart", app="cart", ports={"8080": "STRICT"}),
    ),
    _outside(
        "D28",
        "a PERMISSIVE port opens the others",
        _STRICT,
        peers(space=SHOP),
        peers(space=SHOP, name="cart", app="cart", ports={"9090": "PERMISSIVE"}),
    ),
    Scene("D29", "metrics were scraped past the sidecar", _scraped("sidecar"), _scraped("ambient")),
    Scene(
        "D30",
        "a client without a mesh",
        pair("none", "sidecar", deny(app="cart")),
        bound(deny(service="cart"), client="none"),
        Question(**DELETE),
    ),
    Scene(
        "D31",
        "the client moves before the server was restarted, under STRICT",
        pair("sidecar", "old", _STRICT),
        pair("ambient", "old", _STRICT),
    ),
    Scene(
        "D31",
        "and without STRICT its identity is lost",
        pair("sidecar", "old", _WEB_ONLY),
        pair("ambient", "old", _WEB_ONLY),
    ),
    Scene("D33", "the application reads the caller's certificate", sidecars(), ambient()),
    Scene("D33", "anybody may write the header now", sidecars(), ambient(), Question(headers=_FORGED)),
    Scene(
        "D34",
        "an invalid token",
        sidecars(tokens("jwt")),
        ambient(tokens("jwt")),
        _with_token(TokenState.INVALID),
    ),
    Scene(
        "D34",
        "a waypoint does not read it either",
        sidecars(tokens("jwt")),
        bound(tokens("jwt")),
        _with_token(TokenState.EXPIRED),
    ),
    Scene(
        "D35",
        "the user's name in a header",
        sidecars(_TO_HEADER),
        ambient(_TO_HEADER),
        _with_token(TokenState.VALID),
    ),
    Scene(
        "D36",
        "a server outside that takes TLS alone",
        _paying("sidecar"),
        _paying("ambient"),
        Question(host="240.240.0.5", authority="pay.example.com"),
        secured=True,
    ),
    Scene("D37", "the server's certificate has another name", sidecars(_NAMED), ambient(_NAMED)),
)
