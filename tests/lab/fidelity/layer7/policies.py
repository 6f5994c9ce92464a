"""AuthorizationPolicies with all that layer 7 has, who must be known and by what tokens: by chance."""

from random import Random

from tests.lab.fidelity.layer7.population import APPS, EDGE, GATEWAY, SPACES, WAYPOINT
from tests.lab.fidelity.layer7.routes import METHODS
from tests.lab.fidelity.meshes import ROOT, Object, thing
from tests.lab.fidelity.tokens import OTHER

from sidestep.lab.workload.issuer import ISSUER

_SECURITY = "security.istio.io/v1"
_PRINCIPALS = (
    "cluster.local/ns/shop/sa/web", "cluster.local/ns/shop/sa/cart", "cluster.local/ns/back/sa/stock", "cluster.local/ns/back/sa/ship",
    f"cluster.local/ns/shop/sa/{WAYPOINT}", f"cluster.local/ns/edge/sa/{GATEWAY}-istio", "cluster.local/ns/shop/*", "*/sa/web", "*",
)  # fmt: skip
_SPACES = ("shop", "back", "plain", "s*", "*ck", "edge", "*")
_BLOCKS = ("<shop/web-v1:0>", "<back/ship-v1:0>/32", "<plain/job-v1:0>", "10.128.0.0/20", "0.0.0.0/0")
_SOURCE = {
    "principals": _PRINCIPALS, "namespaces": _SPACES, "requestPrincipals": (f"{ISSUER}/ann", f"{ISSUER}/*", "*", "*/bob"),
    "serviceAccounts": ("shop/web", "back/stock", "web"),
}  # fmt: skip
_BY_ADDRESS = {"ipBlocks": _BLOCKS, "remoteIpBlocks": _BLOCKS}
_OPERATION = {
    "methods": (*METHODS, "*", "G*"), "paths": ("/", "/a", "/a*", "*/b", "/api/*", "*", "/{*}/b", "/api/{**}"),
    "hosts": ("web.shop", "*.shop", "cart.shop.svc.cluster.local", "web*", "*.example", "re.example", "stock.back:80"),
    "ports": ("80", "8080", "9090", "7070", "81"),
}  # fmt: skip
_CONDITIONS = {
    "request.headers[x-user]": ("ann", "bob", "a*", "*", "edited"), "request.headers[X-Team]": ("red", "*d"),
    "source.principal": _PRINCIPALS, "source.namespace": _SPACES, "destination.port": _OPERATION["ports"],
    "request.auth.principal": _SOURCE["requestPrincipals"], "request.auth.audiences": ("shop", "elsewhere"),
    "request.auth.claims[groups]": ("admin", "night", "st*"), "request.auth.claims[sub]": ("ann", "*"),
}  # fmt: skip


def policies(chance: Random, services: list[Object]) -> list[Object]:
    """Everything that judges."""
    found = [_policy(chance, f"policy-{at}", services) for at in range(chance.choice((0, 1, 2, 3, 4, 5)))]
    return [*found, *_peers(chance), *_tokens(chance, services)]


def _some(chance: Random, values: tuple[str, ...]) -> list[str]:
    return chance.sample(values, min(len(values), chance.choice((1, 2, 2))))


def _fields(chance: Random, table: dict[str, tuple[str, ...]]) -> Object:
    names = chance.sample(sorted(table), chance.choice((1, 1, 2)))
    return {
        (f"not{name[0].upper()}{name[1:]}" if chance.random() < 0.25 else name): _some(chance, table[name])
        for name in names
    }


def _rule(chance: Random) -> Object:
    found: Object = {}
    sources = {**_SOURCE, **_BY_ADDRESS} if chance.random() < 0.1 else _SOURCE
    sources = {key: each for key, each in sources.items() if key != "serviceAccounts" or chance.random() < 0.3}
    if chance.random() < 0.55:
        found["from"] = [{"source": _fields(chance, sources)} for _ in range(chance.choice((1, 1, 2)))]
    if chance.random() < 0.6:
        found["to"] = [{"operation": _fields(chance, _OPERATION)} for _ in range(chance.choice((1, 1, 2)))]
    if chance.random() < 0.3:
        key = chance.choice(sorted(_CONDITIONS))
        side = chance.choice(("values", "values", "notValues"))
        found["when"] = [{"key": key, side: _some(chance, _CONDITIONS[key])}]
    return found


def _place(chance: Random, services: list[Object]) -> tuple[str, Object]:
    """A namespace and what is chosen in it."""
    space = chance.choice(("shop", "shop", "back", "back"))
    match chance.randrange(9):
        case 0:
            return space, {}
        case 1:
            return space, {"selector": {"matchLabels": {"tier": chance.choice(("front", "rear"))}}}
        case 2 | 3:
            space, app = chance.choice(APPS)
            return space, {"selector": {"matchLabels": {"app": app}}}
        case 4:
            return space, {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": WAYPOINT}]}
        case 5:
            return chance.choice(((ROOT, {}), (ROOT, {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"}]})))  # fmt: skip
        case 6:
            return EDGE, chance.choice(({}, {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": GATEWAY}]}))  # fmt: skip
        case _:
            meta = chance.choice(services)["metadata"]
            return meta["namespace"], {"targetRefs": [{"group": "", "kind": "Service", "name": meta["name"]}]}


def _policy(chance: Random, name: str, services: list[Object]) -> Object:
    action = chance.choices(("ALLOW", "DENY", "AUDIT", "CUSTOM"), (10, 10, 1, 2))[0]
    space, place = _place(chance, services)
    spec: Object = {"action": action, "rules": [_rule(chance) for _ in range(chance.choice((1, 1, 2)))], **place}
    if action == "CUSTOM":
        spec["provider"] = {"name": chance.choice(("asked", "asked", "nobody"))}
    meta = {"annotations": {"istio.io/dry-run": "true"}} if chance.random() < 0.05 else {}
    return thing(_SECURITY, "AuthorizationPolicy", name, space, spec, **meta)


_MODES = ("STRICT", "STRICT", "PERMISSIVE", "DISABLE", "UNSET")


def _peers(chance: Random) -> list[Object]:
    found = []
    for space in (ROOT, *SPACES):
        if chance.random() < 0.2:
            found.append(thing(_SECURITY, "PeerAuthentication", "all", space, {"mtls": {"mode": chance.choice(_MODES)}}))  # fmt: skip
        if space != ROOT and chance.random() < 0.25:
            app = chance.choice([name for where, name in APPS if where == space])
            spec: Object = {"selector": {"matchLabels": {"app": app}}, "mtls": {"mode": chance.choice(_MODES)}}
            if chance.random() < 0.4:
                spec["portLevelMtls"] = {chance.choice(("8080", "9090", "80")): {"mode": chance.choice(_MODES)}}
            found.append(thing(_SECURITY, "PeerAuthentication", "own", space, spec))
    return found


def _tokens(chance: Random, services: list[Object]) -> list[Object]:
    found = []
    for at in range(chance.choice((0, 0, 1, 2))):
        space, place = _place(chance, services)
        rule: Object = {"issuer": chance.choice((ISSUER, ISSUER, ISSUER, OTHER)), "jwks": "<keys>"}
        if chance.random() < 0.3:
            rule["audiences"] = ["shop"]
        if chance.random() < 0.2:
            rule["forwardOriginalToken"] = True
        if chance.random() < 0.2:
            rule["outputClaimToHeaders"] = [{"header": "x-claim", "claim": "sub"}]
        found.append(thing(_SECURITY, "RequestAuthentication", f"tokens-{at}", space, {"jwtRules": [rule], **place}))
    return found
