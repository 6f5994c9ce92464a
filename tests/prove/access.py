"""Meshes that were converted, with faults in their access rules put in by hand, and with other words for the same.

A change names an object, a place in it by keys and numbers, and what is put there; `GONE` takes it away.
"""

import copy
from typing import Any

from msgspec import Struct
from tests.support.migrations import migrated, town
from tests.support.scenes import Object, m, mesh_config, peers, pods, policy, principal, service

from sidestep.actions.in_memory.working_copy import WorkingCopy
from sidestep.model import kinds
from sidestep.plan.steps import Apply, Delete
from sidestep.semantics.index import MeshIndex

GONE = object()
ISSUER, OTHER = "https://issuer.example.com", "https://other.example.com"
_KINDS = (
    kinds.AUTHORIZATION_POLICY, kinds.PEER_AUTHENTICATION, kinds.REQUEST_AUTHENTICATION, kinds.SERVICE, kinds.GATEWAY,
    kinds.CONFIG_MAP, kinds.SERVICE_ENTRY,
)  # fmt: skip


class World(Struct, frozen=True):
    """A mesh before its conversion, and what may be done to what comes out.

    Attributes:
        objects: of the mesh.
        faults: changes by their words, each of which lets somebody in or out, or leads him elsewhere.
        same: likewise, each of which does nothing.
    """

    objects: list[Object]
    faults: dict[str, Any]
    same: dict[str, Any]


def rule(source=None, operation=None, *when):
    found = {"from": [{"source": source}]} if source else {}
    found |= {"to": [{"operation": operation}]} if operation else {}
    return found | ({"when": list(when)} if when else {})


def when(key, *values, **more):
    return {"key": key, **({"values": list(values)} if values else {}), **more}


def both(key, *values, to=None):
    """A rule in two: for these values, and for all others."""
    return [{**(to or {}), "when": [{"key": key, side: list(values)}]} for side in ("values", "notValues")]


def put(index: MeshIndex, change: Any) -> MeshIndex:
    """A mesh with a change, or with several."""
    mesh = index.mesh
    for name, path, value in change if isinstance(change, list) else [change]:
        found = next(each for kind in _KINDS for each in mesh.of(kind) if f"{each.kind} {each.id.name}" == name)
        tree = found.tree()
        changed = copy.deepcopy(tree)
        whole = not path and value is GONE
        copied = WorkingCopy(mesh)
        refusal = copied.perform(Delete(found.id, tree) if whole else Apply(found.id, _put(changed, path, value), tree))
        assert refusal is None, refusal
        mesh = copied.mesh()
    return MeshIndex.of(mesh, index.settings.version)


def _put(tree, path, value):
    *above, last = path.split()
    place = tree if [*above, last][0] in tree else tree["spec"]
    for key in above:
        place = place[int(key)] if isinstance(place, list) else place[key]
    key = int(last) if isinstance(place, list) else last
    if value is GONE:
        del place[key]
    else:
        place[key] = value
    return tree


PAIR = [*pods("web", ip="10.1.1.1"), *pods("job", ip="10.1.1.2"), *pods("admin", ip="10.1.1.3")]
CART = [*pods("cart", ip="10.1.2.1", ports=(8080, 9000)), service("cart")]
FAR = [*pods("desk", space="depot", ip="10.2.1.1"), *pods("web", space="depot", ip="10.2.1.2")]
AT, POD = "AuthorizationPolicy cart-p", "AuthorizationPolicy p"
WAIT, ONLY = "AuthorizationPolicy cart-from-waypoint", "AuthorizationPolicy cart-only-waypoint"
WHO, DOES = "rules 0 from 0 source", "rules 0 to 0 operation"
NOT_ADMITTED = (WAIT, "", GONE)
"""Then only the DENY keeps those out who come past the waypoint."""
LABEL = "metadata labels istio.io/use-waypoint"
WEB, JOB, ADMIN = principal("web"), principal("job"), principal("admin")


def tokens(*rules):
    spec = {"jwtRules": list(rules), "selector": {"matchLabels": {"app": "cart"}}}
    return m.o.istio("RequestAuthentication", "tokens", "shop", spec)


LAYERS = World(
    [
        *PAIR, *pods("cart", ip="10.1.2.1", ports=(8080, 9000)),
        service("cart", more_ports=({"name": "tcp-raw", "port": 9000, "targetPort": 9000},)),
        policy("p", rule({"principals": [WEB]}, {"ports": ["8080"], "methods": ["GET", "POST"]}), rule({"principals": [JOB]}, {"ports": ["9000"]}), app="cart"),
    ],
    {
        "port of the pods": (AT, f"{DOES} ports", ["8080"]),
        "port of another": (AT, f"{DOES} ports", ["9000"]),
        "a port too many": (AT, "rules 1 to 0 operation ports", ["80", "9000"]),
        "a method in small letters": (AT, f"{DOES} methods", ["get", "POST"]),
        "a method by its beginning": (AT, f"{DOES} methods", ["GET", "P*"]),
        "account of another namespace": (AT, f"{WHO} principals", [principal("web", "depot")]),
        "accounts by their end": (AT, f"{WHO} principals", ["*b"]),
        "of any trust domain": (AT, f"{WHO} principals", ["spiffe://*"]),
        "callers joined": (AT, "rules 1 from 0 source principals", [JOB, WEB]),
        "rules joined crosswise": (AT, "rules", [{"from": [{"source": {"principals": [WEB, JOB]}}], "to": [{"operation": {"ports": ["80"], "methods": ["GET", "POST"]}}, {"operation": {"ports": ["9000"]}}]}]),
        "conditions of one rule in two": (AT, "rules 0", {"from": [{"source": {"principals": [WEB]}}]}),
        "an empty rule more": (AT, "rules 1", {}),
        "tried only": (AT, "metadata annotations istio.io/dry-run", "true"),
        "for audits only": (AT, "action", "AUDIT"),
        "of the waypoint's name": (AT, "targetRefs 0", {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "cart"}),
        "of an entry": (AT, "targetRefs 0", {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "cart"}),
        "the waypoint of elsewhere": (WAIT, f"{WHO} principals", [principal("waypoint", "depot")]),
        "whoever ends like the waypoint is let in": (WAIT, f"{WHO} principals", ["*", principal("waypoint")]),
        "the waypoint on one port": (WAIT, "rules 0 to", [{"operation": {"ports": ["9000"]}}]),
        "the waypoint on the service's port": (WAIT, "rules 0 to", [{"operation": {"ports": ["80"]}}]),
        "at the pods on all ports": ("AuthorizationPolicy p", "rules 0 to", [{"operation": {"notPorts": ["1"]}}]),
        "waypoint for pods": ("Gateway waypoint", "metadata labels istio.io/waypoint-for", "workload"),
        "of another class": ("Gateway waypoint", "spec gatewayClassName", "istio"),
        "by no waypoint": ("Service cart", LABEL, "none"),
        "to another port": ("Service cart", "spec ports 0 targetPort", 9000),
        "to another port of bytes": ("Service cart", "spec ports 1 targetPort", 8080),
        "bytes for HTTP": ("Service cart", "spec ports 0 appProtocol", "tcp"),
        "other pods": ("Service cart", "spec selector app", "job"),
    },
    {
        "in two rules by method": (AT, "rules", [rule({"principals": [WEB]}, {"ports": ["80"], "methods": [one]}) for one in ("GET", "POST")] + [rule({"principals": [JOB]}, {"ports": ["9000"]})]),
        "callers by accounts": (AT, f"{WHO}", {"serviceAccounts": ["shop/web"]}),
        "accounts by the policy's namespace": (AT, f"{WHO}", {"serviceAccounts": ["web"]}),
        "callers by a condition": (AT, "rules 1", rule(None, {"ports": ["9000"]}, when("source.principal", JOB))),
        "ports by a condition": (AT, "rules 1", rule({"principals": [JOB]}, None, when("destination.port", "9000"))),
        "all as conditions": (AT, "rules 1", rule(None, None, when("destination.port", "9000"), when("source.principal", JOB))),
        "everybody's end": (AT, f"{WHO} principals", ["*/ns/shop/sa/web"]),
        "ports that say nothing new": (AT, f"{DOES} ports", ["80", "080", "80"]),
        "of the group core": (AT, "targetRefs 0 group", "core"),
        "no action said": (AT, "action", GONE),
        "the older version": (AT, "apiVersion", "security.istio.io/v1beta1"),
        "the waypoint by its account": (WAIT, WHO, {"serviceAccounts": ["shop/waypoint"]}),
        "the waypoint on its ports": (WAIT, "rules 0 to", [{"operation": {"ports": ["8080", "9000"]}}, {"operation": {"notPorts": ["8080"]}}]),
        "the waypoint where it is or not": (WAIT, "rules", [rule({"principals": [principal("waypoint")]}, None, when("source.namespace", **{side: ["shop"]})) for side in ("values", "notValues")]),
        "by another label of the pods": (WAIT, "selector matchLabels", {"app": "cart"}),
        "target by its name": ("Service cart", "spec ports 0 targetPort", "p8080"),
        "protocol said": ("Service cart", "spec ports 0 appProtocol", "http"),
        "protocol of bytes said": ("Service cart", "spec ports 1 appProtocol", "tcp"),
        "waypoint of its own namespace": ("Service cart", "metadata labels istio.io/use-waypoint-namespace", "shop"),
    },
)  # fmt: skip

CLAIMS = World(
    [
        *PAIR, *CART, tokens({"issuer": ISSUER}, {"issuer": OTHER, "audiences": ["shop"]}),
        policy("p", rule({"requestPrincipals": [f"{ISSUER}/*"]}, {"methods": ["GET"]}, when("request.auth.claims[realm][roles]", "reader", "admin*")),
               rule({"requestPrincipals": [f"{OTHER}/robot"]}, {"paths": ["/bot/{*}/run"]}), app="cart"),
    ],
    {
        "all of the issuer": (AT, "rules 0 when", GONE),
        "another claim within": (AT, "rules 0 when 0 key", "request.auth.claims[realm][groups]"),
        "claims turned round": (AT, "rules 0 when 0 key", "request.auth.claims[roles][realm]"),
        "the claim itself": (AT, "rules 0 when 0 key", "request.auth.claims[realm]"),
        "with a dot": (AT, "rules 0 when 0 key", "request.auth.claims[realm.roles]"),
        "as a header": (AT, "rules 0 when 0 key", "request.headers[roles]"),
        "values turned round": (AT, "rules 0 when", [when("request.auth.claims[realm][roles]", notValues=["reader", "admin*"])]),
        "a star in front": (AT, "rules 0 when 0 values", ["reader", "*admin"]),
        "no star": (AT, "rules 0 when 0 values", ["reader", "admin"]),
        "subjects like robots": (AT, "rules 1 from 0 source requestPrincipals", [f"{OTHER}/robot*"]),
        "the issuer alone": (AT, "rules 1 from 0 source requestPrincipals", [OTHER]),
        "any issuer": (AT, "rules 1 from 0 source requestPrincipals", ["*/robot"]),
        "callers for tokens": (AT, "rules 1 from 0 source", {"principals": ["*"]}),
        "any depth": (AT, "rules 1 to 0 operation paths", ["/bot/{**}"]),
        "one segment less": (AT, "rules 1 to 0 operation paths", ["/bot/{*}"]),
        "a star that is a letter": (AT, "rules 1 to 0 operation paths", ["/bot/*/run"]),
        "paths as hosts": (AT, "rules 1 to 0 operation", {"hosts": ["/bot/{*}/run"]}),
        "no audience": ("RequestAuthentication cart-tokens", "jwtRules 1 audiences", GONE),
        "another audience": ("RequestAuthentication cart-tokens", "jwtRules 1 audiences", ["shop", "ship"]),
        "the issuer lost": ("RequestAuthentication cart-tokens", "jwtRules 1", GONE),
        "issuer with a slash": ("RequestAuthentication cart-tokens", "jwtRules 0 issuer", f"{ISSUER}/"),
        "audience at the other": ("RequestAuthentication cart-tokens", "jwtRules 0 audiences", ["shop"]),
        "handed on": ("RequestAuthentication cart-tokens", "jwtRules 0 forwardOriginalToken", True),
        "claims as headers": ("RequestAuthentication cart-tokens", "jwtRules 0 outputClaimToHeaders", [{"header": "x-sub", "claim": "sub"}]),
        "payload as a header": ("RequestAuthentication cart-tokens", "jwtRules 0 outputPayloadToHeader", "x-all"),
        "past the waypoint": [NOT_ADMITTED, (ONLY, "", GONE)],
        "past the waypoint for some": [NOT_ADMITTED, (ONLY, f"{WHO} notPrincipals", [principal("waypoint"), WEB])],
        "past the waypoint on ports": [NOT_ADMITTED, (ONLY, "rules 0 to", [{"operation": {"ports": ["8080"]}}])],
        "past it for the unnamed": [NOT_ADMITTED, (ONLY, "rules 0", rule({"principals": ["*"], "notPrincipals": [principal("waypoint")]}))],
        "past it for a namespace": [NOT_ADMITTED, (ONLY, WHO, {"notNamespaces": ["shop"]})],
        "of the pods": [NOT_ADMITTED, (ONLY, "selector matchLabels app", "web")],
    },
    {
        "issuers turned round": ("RequestAuthentication cart-tokens", "jwtRules", [{"issuer": OTHER, "audiences": ["shop"]}, {"issuer": ISSUER}]),
        "an issuer twice": ("RequestAuthentication cart-tokens", "jwtRules", [{"issuer": ISSUER}, {"issuer": OTHER, "audiences": ["shop"]}, {"issuer": ISSUER}]),
        "not handed on said": ("RequestAuthentication cart-tokens", "jwtRules 0 forwardOriginalToken", False),
        "keys of another place": ("RequestAuthentication cart-tokens", "jwtRules 0 jwksUri", "https://issuer.example.com/keys"),
        "words that are no claim asked": ("RequestAuthentication cart-tokens", "jwtRules 0 spaceDelimitedClaims", ["groups"]),
        "principals by a condition": (AT, "rules 1", rule(None, {"paths": ["/bot/{*}/run"]}, when("request.auth.principal", f"{OTHER}/robot"))),
        "a rule for each role": (AT, "rules", [
            *(rule({"requestPrincipals": [f"{ISSUER}/*"]}, {"methods": ["GET"]}, when("request.auth.claims[realm][roles]", role)) for role in ("admin*", "reader")),
            rule({"requestPrincipals": [f"{OTHER}/robot"]}, {"paths": ["/bot/{*}/run"]}),
        ]),
        "audience asked again": (AT, "rules 1 when", [when("request.auth.audiences", "shop")]),
        "values within others": (AT, "rules 0 when 0 values", ["reader", "admin*", "administrator"]),
        "paths within others": (AT, "rules 1 to 0 operation paths", ["/bot/{*}/run", "/bot/a/run"]),
        "for all of another claim": (AT, "rules 1", {**rule({"requestPrincipals": [f"{OTHER}/robot"]}, {"paths": ["/bot/{*}/run"]}), "when": []}),
        "past the waypoint, in two": (ONLY, "rules", [rule({"notPrincipals": [principal("waypoint")]}, {side: ["8080"]}) for side in ("ports", "notPorts")]),
        "past the waypoint, by accounts": (ONLY, WHO, {"notServiceAccounts": ["shop/waypoint"]}),
        "past the waypoint, by names": (ONLY, "rules", [rule({"notPrincipals": ["*"]}), rule({"principals": ["*"], "notPrincipals": [principal("waypoint")]})]),
        "past the waypoint, by namespaces": (ONLY, "rules", [rule({"notNamespaces": ["shop"]}), rule({"namespaces": ["shop"], "notPrincipals": [principal("waypoint")]})]),
        "admitted as who is left": (WAIT, "", GONE),
        "admitted are all, refused are others": (WAIT, "rules", [{}]),
    },
)  # fmt: skip

HEADERS = World(
    [
        *PAIR, *CART,
        policy("p", rule(None, {"methods": ["GET"], "paths": ["/a/{*}/c", "/open*"]}, when("request.headers[X-Tenant]", "a*", "*-eu"), when("request.headers[x-debug]", notValues=["*"])),
               rule({"principals": [ADMIN]}, {"hosts": ["cart", "cart.shop.svc.cluster.local"], "notPaths": ["*.bak", "/private/{**}"]}), app="cart"),
    ],
    {
        "another header": (AT, "rules 0 when 0 key", "request.headers[x-tenants]"),
        "presence for absence": (AT, "rules 0 when 1", when("request.headers[x-debug]", "*")),
        "absence lost": (AT, "rules 0 when 1", GONE),
        "absence of a value": (AT, "rules 0 when 1 notValues", ["1"]),
        "a value's letters": (AT, "rules 0 when 0 values", ["A*", "*-eu"]),
        "both ends": (AT, "rules 0 when 0 values", ["a*-eu"]),
        "values of two conditions": (AT, "rules 0 when", [when("request.headers[X-Tenant]", "a*"), when("request.headers[X-Tenant]", "*-eu"), when("request.headers[x-debug]", notValues=["*"])]),
        "a slash behind": (AT, "rules 0 to 0 operation paths", ["/a/{*}/c", "/open/*"]),
        "any depth in the middle": (AT, "rules 0 to 0 operation paths", ["/a/*", "/open*"]),
        "methods or paths": (AT, "rules 0 to", [{"operation": {"methods": ["GET"]}}, {"operation": {"paths": ["/a/{*}/c", "/open*"]}}]),
        "not private itself": (AT, "rules 1 to 0 operation notPaths", ["*.bak", "/private/*"]),
        "one segment of the private": (AT, "rules 1 to 0 operation notPaths", ["*.bak", "/private/{*}"]),
        "ends in letters": (AT, "rules 1 to 0 operation notPaths", ["*.BAK", "/private/{**}"]),
        "hosts with a port": (AT, "rules 1 to 0 operation hosts", ["cart:80", "cart.shop.svc.cluster.local"]),
        "hosts by their end": (AT, "rules 1 to 0 operation hosts", ["cart", "*.cluster.local"]),
        "hosts that are not meant": (AT, "rules 1 to 0 operation", {"notHosts": ["cart"], "notPaths": ["*.bak", "/private/{**}"]}),
        "forwarded addresses": (AT, "rules 1 when", [when("remote.ip", "10.0.0.0/8")]),
    },
    {
        "name in other letters": (AT, "rules 0 when 0 key", "request.headers[x-TENANT]"),
        "values turned round": (AT, "rules 0 when 0 values", ["*-eu", "a*", "ab*"]),
        "a rule for each tenant": (AT, "rules", [
            *(rule(None, {"methods": ["GET"], "paths": ["/a/{*}/c", "/open*"]}, when("request.headers[x-tenant]", each), when("request.headers[x-debug]", notValues=["*"])) for each in ("a*", "*-eu")),
            rule({"principals": [ADMIN]}, {"hosts": ["cart", "cart.shop.svc.cluster.local"], "notPaths": ["*.bak", "/private/{**}"]}),
        ]),
        "hosts in capitals": (AT, "rules 1 to 0 operation hosts", ["CART", "Cart.Shop.svc.cluster.local"]),
        "paths in two operations": (AT, "rules 0 to", [{"operation": {"methods": ["GET"], "paths": [each]}} for each in ("/open*", "/a/{*}/c")]),
        "a path within another": (AT, "rules 0 to 0 operation paths", ["/open*", "/openly/{**}", "/a/{*}/c"]),
        "a host for each operation": (AT, "rules 1 to", [{"operation": {"hosts": [each], "notPaths": ["*.bak", "/private/{**}"]}} for each in ("cart", "cart.shop.svc.cluster.local")]),
        "the same said twice": (AT, "rules 1 to", [{"operation": {"hosts": ["cart", "cart.shop.svc.cluster.local"], "notPaths": ["*.bak", "/private/{**}"]}}] * 2),
        "for every other header, too": (AT, "rules 1", {**rule({"principals": [ADMIN]}, {"hosts": ["cart", "cart.shop.svc.cluster.local"], "notPaths": ["*.bak", "/private/{**}"]}), "when": [when("request.headers[:method]", "*")]}),
        "namespace besides": (AT, "rules 1 from 0 source", {"principals": [ADMIN], "namespaces": ["shop"]}),
    },
)  # fmt: skip

BYTES = World(
    [
        *PAIR, *FAR, *pods("db", ip="10.1.5.1", ports=(5432, 5433)), service("db", protocol="tcp", port=15432, target=5432, more_ports=({"name": "tcp-two", "port": 5433},)),
        policy("p", rule({"principals": [WEB]}, {"ports": ["5432"]}), rule({"namespaces": ["depot"], "notPrincipals": [principal("desk", "depot")]}), app="db"),
        policy("no", rule({"ipBlocks": ["10.1.0.0/16"], "notIpBlocks": ["10.1.1.1/32", "10.1.1.2"]}, {"notPorts": ["5433"]}), action="DENY", app="db"),
        peers("STRICT", "shop", name="db", app="db", ports={5433: "PERMISSIVE"}),
    ],
    {
        "port of the Service": (POD, f"{DOES} ports", ["15432"]),
        "the other port": (POD, f"{DOES} ports", ["5433"]),
        "not the port": (POD, DOES, {"notPorts": ["5432"]}),
        "the exception lost": (POD, "rules 1 from 0 source", {"namespaces": ["depot"]}),
        "the exception alone": (POD, "rules 1 from 0 source", {"notPrincipals": [principal("desk", "depot")]}),
        "exception of another": (POD, "rules 1 from 0 source notPrincipals", [principal("desk")]),
        "in two sources": (POD, "rules 1 from", [{"source": {"namespaces": ["depot"]}}, {"source": {"notPrincipals": [principal("desk", "depot")]}}]),
        "namespaces like it": (POD, "rules 1 from 0 source namespaces", ["*"]),
        "a longer block": ("AuthorizationPolicy no", f"{WHO} ipBlocks", ["10.1.0.0/15", "10.2.0.0/16"]),
        "half the block": ("AuthorizationPolicy no", f"{WHO} ipBlocks", ["10.1.128.0/17"]),
        "a gap lost": ("AuthorizationPolicy no", f"{WHO} notIpBlocks", ["10.1.1.2/32"]),
        "a gap too wide": ("AuthorizationPolicy no", f"{WHO} notIpBlocks", ["10.1.1.0/30"]),
        "ports turned round": ("AuthorizationPolicy no", DOES, {"ports": ["5433"]}),
        "a DENY as an ALLOW": ("AuthorizationPolicy no", "action", "ALLOW"),
        "HTTP beside it": ("AuthorizationPolicy no", "rules 0 when", [when("request.headers[x]", "y")]),
        "HTTP beside the ALLOW": (POD, "rules 1 to", [{"operation": {"methods": ["GET"]}}]),
        "at a waypoint that is none": (POD, "targetRefs", [{"group": "", "kind": "Service", "name": "db"}]),
        "pods of nobody": (POD, "selector matchLabels version", "x"),
        "a Service to another port": ("Service db", "spec ports 0 targetPort", 5433),
        "no port said": ("Service db", "spec ports 0 targetPort", GONE),
    },
    {
        "blocks in halves": ("AuthorizationPolicy no", f"{WHO} ipBlocks", ["10.1.0.0/17", "10.1.128.0/17"]),
        "blocks with bits of hosts": ("AuthorizationPolicy no", f"{WHO} ipBlocks", ["10.1.77.3/16"]),
        "gaps with their lengths": ("AuthorizationPolicy no", f"{WHO} notIpBlocks", ["10.1.1.1", "10.1.1.2/32"]),
        "blocks by a condition": ("AuthorizationPolicy no", "rules", [rule(None, {"notPorts": ["5433"]}, when("source.ip", "10.1.0.0/16", notValues=["10.1.1.1/32", "10.1.1.2"]))]),
        "ports by a condition": ("AuthorizationPolicy no", "rules", [rule({"ipBlocks": ["10.1.0.0/16"], "notIpBlocks": ["10.1.1.1/32", "10.1.1.2"]}, None, when("destination.port", notValues=["5433"]))]),
        "a rule for each half": ("AuthorizationPolicy no", "rules", [rule({"ipBlocks": [each], "notIpBlocks": ["10.1.1.1/32", "10.1.1.2"]}, {"notPorts": ["5433"]}) for each in ("10.1.128.0/17", "10.1.0.0/17")]),
        "gaps cut out": ("AuthorizationPolicy no", f"{WHO} notIpBlocks", ["10.1.1.1/32", "10.1.1.2/32", "10.3.0.0/16"]),
        "a namespace by its accounts": (POD, "rules 1 from 0 source", {"principals": ["cluster.local/ns/depot/*"], "notPrincipals": [principal("desk", "depot")]}),
        "exception by a condition": (POD, "rules 1", rule({"namespaces": ["depot"]}, None, when("source.principal", notValues=[principal("desk", "depot")]))),
        "namespace by a condition": (POD, "rules 1", rule({"notPrincipals": [principal("desk", "depot")]}, None, when("source.namespace", "depot"))),
        "exception by accounts": (POD, "rules 1", rule({"notServiceAccounts": ["depot/desk"]}, None, when("source.namespace", "depot"))),
        "on this port and on others": (POD, "rules", [rule({"principals": [WEB]}, {"ports": ["5432"]}), *(rule({"namespaces": ["depot"], "notPrincipals": [principal("desk", "depot")]}, {side: ["5432"]}) for side in ("ports", "notPorts"))]),
        "a caller again": (POD, "rules", [rule({"principals": [WEB]}, {"ports": ["5432"]}), rule({"namespaces": ["depot"], "notPrincipals": [principal("desk", "depot")]}), rule({"principals": [principal("web", "depot")]}, {"ports": ["5433"]})]),
        "a Service that says nothing of it": ("Service db", "spec ports 0 appProtocol", "tcp"),
    },
)  # fmt: skip

MODES = World(
    [
        *PAIR, *pods("legacy", "none", ip="10.1.9.9"), *pods("cart", ip="10.1.2.1", ports=(8080, 9090, 7070)),
        service("cart", more_ports=({"name": "http-m", "port": 9090}, {"name": "tcp-x", "port": 7070})),
        peers("PERMISSIVE"), peers("STRICT", "shop", name="own", app="cart", ports={7070: "PERMISSIVE"}),
        policy("p", rule({"namespaces": ["shop"]}), rule(None, {"ports": ["7070", "9090"]}), app="cart"),
    ],
    {
        "the port forgotten": ("PeerAuthentication own", "portLevelMtls", GONE),
        "another port": ("PeerAuthentication own", "portLevelMtls", {"9090": {"mode": "PERMISSIVE"}}),
        "everywhere": ("PeerAuthentication own", "mtls mode", "PERMISSIVE"),
        "turned round": [("PeerAuthentication own", "mtls mode", "PERMISSIVE"), ("PeerAuthentication own", "portLevelMtls 7070 mode", "STRICT")],
        "of nobody": ("PeerAuthentication own", "selector matchLabels app", "carts"),
        "gone": ("PeerAuthentication own", "", GONE),
        "left to the mesh": ("PeerAuthentication own", "mtls mode", "UNSET"),
        "disabled": ("PeerAuthentication own", "mtls mode", "DISABLE"),
        "whoever has no name": (POD, "rules 1 from", [{"source": {"notPrincipals": ["*"]}}]),
        "who has a name": (POD, "rules 1 from", [{"source": {"principals": ["*"]}}]),
        "ports joined": (POD, "rules", [rule({"namespaces": ["shop"]}, {"ports": ["7070", "9090"]})]),
    },
    {
        "the mode at a port": ("PeerAuthentication own", "portLevelMtls", {"7070": {"mode": "PERMISSIVE"}, "8080": {"mode": "STRICT"}}),
        "disabled, for ambient": ("PeerAuthentication own", "portLevelMtls 7070 mode", "DISABLE"),
        "of the mesh unsaid": ("PeerAuthentication default", "", GONE),
        "a port that is not there": ("PeerAuthentication own", "portLevelMtls", {"7070": {"mode": "PERMISSIVE"}, "1": {"mode": "UNSET"}}),
        "ports in two rules": (POD, "rules", [rule({"namespaces": ["shop"]}), *(rule(None, {"ports": [each]}) for each in ("9090", "7070"))]),
        "who is left on all ports": (POD, "rules 1", rule(None, {"ports": ["7070", "9090", "09090"]})),
        "names on all ports": (POD, "rules 0", rule({"principals": ["cluster.local/ns/shop/*"]})),
        "those who are there": (POD, "rules 0", rule(None, None, when("source.namespace", "shop"))),
        "the older version": ("PeerAuthentication own", "apiVersion", "security.istio.io/v1beta1"),
    },
)  # fmt: skip

DOMAINS = World(
    [
        *PAIR, *CART, mesh_config(trustDomain="prod.example", trustDomainAliases=["old.example"]),
        policy("p", rule({"principals": ["old.example/ns/shop/sa/web"]}, {"methods": ["GET"]}), rule({"principals": ["*/sa/job"]}, {"methods": ["POST"]}), app="cart"),
        policy("no", rule({"notNamespaces": ["shop"]}), rule({"principals": [ADMIN]}), action="DENY", space="istio-system"),
    ],
    {
        "the old domain alone": (AT, f"{WHO} principals", ["elder.example/ns/shop/sa/web"]),
        "another domain": ("ConfigMap istio", "data mesh", "trustDomain: third.example\ntrustDomainAliases: [old.example]\n"),
        "an end that others have": (AT, "rules 1 from 0 source principals", ["*b"]),
        "any account": (AT, "rules 1 from 0 source principals", ["*/sa/*"]),
        "past a domain": (AT, f"{WHO} principals", ["*"]),
        "methods of the other": (AT, f"{DOES} methods", ["POST"]),
        "the waypoint of another domain": (WAIT, f"{WHO} principals", ["third.example/ns/shop/sa/waypoint"]),
    },
    {
        "the new domain alone": (AT, f"{WHO} principals", ["prod.example/ns/shop/sa/web"]),
        "cluster.local for it": (AT, f"{WHO} principals", ["cluster.local/ns/shop/sa/web"]),
        "an alias for it": (AT, f"{WHO} principals", ["old.example/ns/shop/sa/web"]),
        "in any domain": (AT, WHO, {"serviceAccounts": ["shop/web"]}),
        "more of the end": (AT, "rules 1 from 0 source principals", ["*/sa/job", "*/ns/shop/sa/job"]),
        "an alias more": ("ConfigMap istio", "data mesh", "trustDomain: prod.example\ntrustDomainAliases: [old.example, elder.example]\n"),
    },
)  # fmt: skip

GROUP = World(
    [
        *PAIR, *pods("a", ip="10.1.3.1", labels={"grp": "g"}), *pods("b", ip="10.1.3.2", labels={"grp": "g"}),
        service("g", selector={"grp": "g"}), service("a"), service("g-metrics", port=81, selector={"grp": "g"}),
        policy("p", rule(None, {"methods": ["GET"]}), labels={"grp": "g"}),
        policy("no", rule({"principals": [JOB]}, {"paths": ["/x"]}), action="DENY", labels={"grp": "g"}),
    ],
    {
        "one Service forgotten": ("AuthorizationPolicy g-metrics-no", "", GONE),
        "one Service by no waypoint": ("Service g-metrics", LABEL, GONE),
        "one Service by another": ("Service a", LABEL, "waypoints"),
        "the waypoint of elsewhere": ("Service a", "metadata labels istio.io/use-waypoint-namespace", "depot"),
        "two policies of one Service": ("AuthorizationPolicy a-p", "targetRefs 0 name", "g"),
        "a DENY of all": ("AuthorizationPolicy g-no", "rules 0 from", GONE),
        "a DENY of nobody": ("AuthorizationPolicy g-no", f"{WHO} principals", [principal("job", "depot")]),
        "an ALLOW of nobody": ("AuthorizationPolicy g-p", "rules", []),
        "a DENY of more paths": ("AuthorizationPolicy g-no", f"{DOES} paths", ["/x*"]),
        "pods of both in one": ("Service a", "spec selector", {"grp": "g"}),
        "pods of one in both": ("Service g-metrics", "spec selector", {"app": "b"}),
        "its port": ("Service g-metrics", "spec ports 0 port", 82),
    },
    {
        "one policy for two Services": [("AuthorizationPolicy a-p", "", GONE), ("AuthorizationPolicy g-p", "targetRefs", [{"group": "", "kind": "Service", "name": each} for each in ("g", "a")])],
        "one for all": [("AuthorizationPolicy a-no", "", GONE), ("AuthorizationPolicy g-metrics-no", "", GONE), ("AuthorizationPolicy g-no", "targetRefs", [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}])],
        "refused by what is not let in": ("AuthorizationPolicy a-no", "rules", [rule({"principals": [JOB]}, {"paths": ["/x"], "methods": ["GET"]})]),
        "refused besides": ("AuthorizationPolicy a-no", "rules", [rule({"principals": [JOB]}, {"paths": ["/x"]}), rule(None, {"notMethods": ["GET"]})]),
        "let in but for the refused": ("AuthorizationPolicy a-p", "rules", [rule(None, {"methods": ["GET"], "notPaths": ["/x"]}), rule({"notPrincipals": [JOB]}, {"methods": ["GET"], "paths": ["/x"]})]),
        "a refusal for each of two kinds of callers": ("AuthorizationPolicy g-no", "rules", [rule({"principals": [JOB]}, {"paths": ["/x"], side: ["GET"]}) for side in ("methods", "notMethods")]),
        "who is nobody, too": ("AuthorizationPolicy g-p", "rules", [rule({"principals": ["*"]}, {"methods": ["GET"]}), rule({"notPrincipals": ["*"]}, {"methods": ["GET"]})]),
    },
)  # fmt: skip

WORLDS = {
    "layers": LAYERS,
    "claims": CLAIMS,
    "headers": HEADERS,
    "bytes": BYTES,
    "modes": MODES,
    "domains": DOMAINS,
    "group": GROUP,
}


def converted(name: str) -> tuple[MeshIndex, MeshIndex]:
    """The mesh of a world as it is, and at the end of its migration."""
    today = town(*WORLDS[name].objects)
    return today, migrated(today).end
