"""Small meshes of kinds that random ones do not have, each with faults that matter and with other words for the same."""

from typing import Any

from msgspec import Struct
from tests.semantics.routing.meshes import dr, route, vs
from tests.support.scenes import Object, m, mesh_config, peers, pods, policy, principal, service, waypoint

PEOPLE = ("cart", "web", "job")


class Scene(Struct):
    """A mesh in parts, with what may be put in the place of one."""

    standing: list[Object]
    part: Object | None
    faults: dict[str, Any]
    same: dict[str, Any]


def people(mode="sidecar", **how):
    space = m.o.labelled_namespace("shop", {"istio-injection": "enabled", "tier": "front"})
    return [space, *(each for name in PEOPLE for each in pods(name, mode, **how)), *map(service, PEOPLE)]


def far(mode="sidecar"):
    space = m.o.labelled_namespace("depot", {"istio-injection": "enabled", "tier": "back"})
    return [space, *pods("stock", mode, space="depot"), service("stock", "depot")]


def net(ingress=None, egress=None, app="cart", types=None, **selector):
    kinds = [name for name, rules in (("Ingress", ingress), ("Egress", egress)) if rules is not None]
    spec = {"podSelector": selector or {"matchLabels": {"app": app}}, "policyTypes": types or kinds}
    spec |= {name.lower(): rules for name, rules in (("Ingress", ingress), ("Egress", egress)) if rules is not None}
    return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("net", "shop"), spec=spec)


def pod(app):
    return {"podSelector": {"matchLabels": {"app": app}}}


def spaces(**labels):
    return {"namespaceSelector": {"matchLabels": labels}}


def asks(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


def on(*ports):
    return [{"port": port} for port in ports]


def block(cidr, *gaps):
    return {"ipBlock": {"cidr": cidr, **({"except": list(gaps)} if gaps else {})}}


DOORS = [
    {"from": [pod("web")], "ports": on(8080)},
    {"from": [spaces(tier="back")], "ports": [{"port": 9000, "endPort": 9100}]},
]
OUT = [{"to": [pod("cart")], "ports": on(8080)}, {"to": [spaces(tier="back")]}]
WIDE = {"from": [block("10.0.0.0/8", "10.9.0.0/16")], "ports": on(8080)}

NETWORKS = {
    "doors in": Scene(
        [*people(), *far()], net(DOORS),
        {
            "gone": None,
            "another port": net([{**DOORS[0], "ports": on(8081)}, DOORS[1]]),
            "another peer": net([{**DOORS[0], "from": [pod("job")]}, DOORS[1]]),
            "everybody": net([{"ports": on(8080)}, DOORS[1]]),
            "all ports": net([{"from": [pod("web")]}, DOORS[1]]),
            "range shorter": net([DOORS[0], {**DOORS[1], "ports": [{"port": 9000, "endPort": 9099}]}]),
            "range without its end": net([DOORS[0], {**DOORS[1], "ports": on(9000)}]),
            "other namespaces": net([DOORS[0], {**DOORS[1], "from": [spaces(tier="front")]}]),
            "of no namespace": net([DOORS[0], {**DOORS[1], "from": [spaces(tier="none")]}]),
            "other pods": net(DOORS, app="job"),
            "peers joined": net([{**DOORS[0], "from": [{**spaces(tier="back"), **pod("web")}]}, DOORS[1]]),
            "nobody": net([]),
            "UDP": net([{**DOORS[0], "ports": [{"port": 8080, "protocol": "UDP"}]}, DOORS[1]]),
        },
        {
            "reordered": net(DOORS[::-1]),
            "split": net([DOORS[0], *({**DOORS[1], "ports": [{"port": a, "endPort": b}]} for a, b in ((9000, 9050), (9051, 9100)))]),
            "overlapping": net([*DOORS, {**DOORS[0], "ports": on(8080)}]),
            "named": net([{**DOORS[0], "ports": on("p8080")}, DOORS[1]]),
            "protocol said": net([{**DOORS[0], "ports": [{"port": 8080, "protocol": "TCP"}]}, DOORS[1]]),
            "by expression": net(DOORS, **asks("app", "In", "cart")),
            "namespace by name": net([DOORS[0], {**DOORS[1], "from": [spaces(**{"kubernetes.io/metadata.name": "depot"})]}]),
            "own namespace said": net([{**DOORS[0], "from": [{**spaces(tier="front"), **pod("web")}]}, DOORS[1]]),
        },
    ),
    "doors out": Scene(
        [*people("ambient"), *far("ambient")], net(egress=[*OUT, {"ports": on(15008)}], app="web"),
        {
            "gone": None,
            "shut": net(egress=[], app="web"),
            "no HBONE": net(egress=OUT, app="web"),
            "of others": net(egress=[*OUT, {"ports": on(15008)}], app="job"),
            "HBONE to some": net(egress=[*OUT, {"to": [pod("cart")], "ports": on(15008)}], app="web"),
        },
        {
            "only HBONE counts": net(egress=[{"ports": on(15008)}, OUT[1]], app="web"),
            "type left to be told": net(egress=[*OUT, {"ports": on(15008)}], app="web", types=["Egress"]),
            "within a range": net(egress=[*OUT, {"ports": [{"port": 15008, "endPort": 15008}]}], app="web"),
        },
    ),
    "blocks": Scene(
        [*people()], net([WIDE]),
        {
            "no gap": net([{**WIDE, "from": [block("10.0.0.0/8")]}]),
            "a wider gap": net([{**WIDE, "from": [block("10.0.0.0/8", "10.8.0.0/15")]}]),
            "a narrower block": net([{**WIDE, "from": [block("10.0.0.0/9", "10.9.0.0/16")]}]),
            "both": net([{**WIDE, "from": [block("10.0.0.0/8", "10.9.0.0/16"), block("2001:db8::/32")]}]),
            "gap closed by a second": net([{**WIDE, "from": [*WIDE["from"], block("10.9.7.0/24")]}]),
        },
        {
            "two halves": net([{**WIDE, "from": [block("10.0.0.0/9", "10.9.0.0/16"), block("10.128.0.0/9")]}]),
            "gap in parts": net([{**WIDE, "from": [block("10.0.0.0/8", "10.9.0.0/17", "10.9.128.0/17")]}]),
            "two rules": net([WIDE, {**WIDE, "from": [block("10.4.0.0/16")]}]),
        },
    ),
}  # fmt: skip


def strict(mode="STRICT", **ports):
    return peers(
        mode,
        "shop",
        name="own",
        app="cart",
        ports={port.removeprefix("p"): each for port, each in ports.items()} or None,
    )


MODES = {
    "modes by port": Scene(
        [*people(), m.o.namespace("istio-system")], strict(p8080="PERMISSIVE"),
        {
            "gone": strict("DISABLE"),
            "port forgotten": strict(),
            "port of another number": strict(p9090="PERMISSIVE"),
            "everywhere": strict("PERMISSIVE"),
            "turned round": strict("PERMISSIVE", p8080="STRICT"),
        },
        {"another port too": strict(p8080="PERMISSIVE", p7000="STRICT"), "unset at the port": strict("STRICT", p8080="PERMISSIVE")},
    ),
    "mode in ambient": Scene(
        [*people("ambient")], peers("STRICT", "shop"),
        {"gone": None, "permissive": peers("PERMISSIVE", "shop"), "of one": peers("STRICT", "shop", app="cart")},
        {
            "of the mesh": peers("STRICT", "istio-system"),
            "of each": [peers("STRICT", "shop", name=name, app=name) for name in PEOPLE],
        },
    ),
}  # fmt: skip


def subsets(*labels, **more):
    return {
        "host": "cart",
        "subsets": [{"name": f"v{at}", "labels": {"version": each}} for at, each in enumerate(labels, 1)],
        **more,
    }


def entry(**spec):
    ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
    found = {"hosts": ["api.example.com"], "ports": ports, "resolution": "DNS", "location": "MESH_EXTERNAL", **spec}
    return m.o.istio("ServiceEntry", "api", "shop", found)


def scope(*hosts, **spec):
    return m.o.istio("Sidecar", "own", "shop", {"egress": [{"hosts": list(hosts)}], **spec})


VERSIONS = [*pods("cart", labels={"version": "a"}), *pods("old", labels={"app": "cart", "version": "b"}, ip="10.1.9.9")]
CLOSED = mesh_config(outboundTrafficPolicy={"mode": "REGISTRY_ONLY"})
CHOOSING = vs("cart", {"hosts": ["cart"], "http": [{"route": [{"destination": {"host": "cart", "subset": "v1"}}]}]})
API = [*people(), entry(), CLOSED]


def calls(*rules, name="api", hosts=("api.example.com",), **more):
    return vs(name, {"hosts": list(hosts), "http": list(rules), **more})


def to(host, **rule):
    return {"route": [{"destination": {"host": host}}], **rule}


ROUTES = {
    "subsets": Scene(
        [*VERSIONS, *pods("web"), service("cart"), CHOOSING], dr("cart", subsets("a", "b")),
        {
            "gone": None,
            "labels swapped": dr("cart", subsets("b", "a")),
            "label lost": dr("cart", {"host": "cart", "subsets": [{"name": "v1"}, {"name": "v2"}]}),
            "another host": dr("cart", {**subsets("a", "b"), "host": "web"}),
            "renamed": dr("cart", {"host": "cart", "subsets": [{"name": "v3", "labels": {"version": "a"}}]}),
        },
        {
            "second forgotten": dr("cart", subsets("a")),
            "full name": dr("cart", {**subsets("a", "b"), "host": "cart.shop.svc.cluster.local"}),
            "another label beside": dr("cart", {"host": "cart", "subsets": [{"name": "v1", "labels": {"version": "a", "app": "cart"}}]}),
        },
    ),
    "outside": Scene(
        [*people(), CLOSED], entry(),
        {
            "gone": None,
            "another host": entry(hosts=["api.example.org"]),
            "another port": entry(ports=[{"number": 8080, "name": "http", "protocol": "HTTP"}]),
            "not for here": entry(exportTo=["depot"]),
        },
        {
            "for all by name": entry(exportTo=["*"]),
        },
    ),
    "outside by routes": Scene(
        API, calls(to("api.example.com", timeout="3s")),
        {
            "gone": None,
            "shorter": calls(to("api.example.com", timeout="2s")),
            "to a service": calls(to("cart", timeout="3s")),
            "of a path": calls(to("api.example.com", timeout="3s", match=[{"uri": {"prefix": "/a"}}]), to("api.example.com")),
            "with a fault": calls(to("api.example.com", timeout="3s", fault={"abort": {"httpStatus": 500, "percentage": {"value": 100}}})),
            "for gateways": calls(to("api.example.com", timeout="3s"), gateways=["shop/public"]),
            "for others": calls(to("api.example.com", timeout="3s"), exportTo=["depot"]),
            "for some": calls(to("api.example.com", timeout="3s", match=[{"sourceLabels": {"app": "web"}}]), to("api.example.com")),
        },
        {
            "in milliseconds": calls(to("api.example.com", timeout="3000ms")),
            "by a prefix of all": calls(to("api.example.com", timeout="3s", match=[{"uri": {"prefix": "/"}}])),
            "twice": calls(to("api.example.com", timeout="3s"), to("cart")),
            "by name of the mesh": calls(to("api.example.com", timeout="3s"), gateways=["mesh"]),
        },
    ),
    "scope": Scene(
        [*people(), *far(), CLOSED], scope("./*"),
        {
            "gone": None,
            "all": scope("*/*"),
            "of others": scope("depot/*"),
            "one": scope("./cart.shop.svc.cluster.local"),
            "for one": scope("./*", workloadSelector={"labels": {"app": "web"}}),
            "open": scope("./*", outboundTrafficPolicy={"mode": "ALLOW_ANY"}),
        },
        {
            "by name": scope("shop/*"),
            "twice": scope("./*", "shop/*"),
            "mode said": scope("./*", outboundTrafficPolicy={"mode": "REGISTRY_ONLY"}),
        },
    ),
}  # fmt: skip


def bound(name, **how):
    return service(name, labels={"istio.io/use-waypoint": "waypoint"}, **how)


PARENTS = [{"group": "", "kind": "Service", "name": "cart"}]


def routed(*rules, kind="HTTPRoute", parents=PARENTS, **more):
    return route(kind, "cart", {"parentRefs": parents, "rules": list(rules), **more})


def refs(*names, **more):
    return {
        "backendRefs": [{"name": name, "port": 80, **({"weight": weight} if weight else {})} for name, weight in names],
        **more,
    }


def headers(**edits):
    return {"filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": edits}]}


def path(kind, value):
    return {"matches": [{"path": {"type": kind, "value": value}}]}


def jwt(issuer="https://a.example.com", **more):
    rule = {"issuer": issuer, "jwksUri": "https://a.example.com/keys", **more}
    refs = [{"group": "", "kind": "Service", "name": "cart"}]
    return m.o.istio("RequestAuthentication", "tokens", "shop", {"targetRefs": refs, "jwtRules": [rule]})


WAYPOINT = [
    m.o.namespace("shop"),
    *(each for name in PEOPLE for each in pods(name, "ambient")),
    bound("cart"),
    service("web"),
    service("job"),
    *waypoint(),
]
FIRST = refs(("web", 0), **path("PathPrefix", "/a"))
REST = refs(("cart", 0))
NEEDS = policy("needs", {"from": [{"source": {"requestPrincipals": ["https://a.example.com/*"]}}]}, service="cart")

WAYPOINTS = {
    "routes": Scene(
        WAYPOINT, routed(FIRST, REST),
        {
            "gone": None,
            "exact": routed({**FIRST, **path("Exact", "/a")}, REST),
            "longer": routed({**FIRST, **path("PathPrefix", "/a/b")}, REST),
            "first alone": routed(FIRST),
            "rest alone": routed(REST),
            "weights": routed(refs(("web", 1), ("job", 1), **path("PathPrefix", "/a")), REST),
            "another parent": routed(FIRST, REST, parents=[{**PARENTS[0], "name": "web"}]),
            "a port": routed(FIRST, REST, parents=[{**PARENTS[0], "port": 81}]),
            "header set": routed({**FIRST, **headers(set=[{"name": "x", "value": "1"}])}, REST),
            "timeout": routed({**FIRST, "timeouts": {"request": "1s"}}, REST),
            "by method": routed({**FIRST, "matches": [{"path": {"type": "PathPrefix", "value": "/a"}, "method": "GET"}]}, REST),
            "raw prefix": routed({**FIRST, **path("RegularExpression", "/a.*")}, REST),
        },
        {
            "reordered": routed(REST, FIRST),
            "weight said": routed(refs(("web", 7), **path("PathPrefix", "/a")), REST),
            "port said": routed(FIRST, REST, parents=[{**PARENTS[0], "port": 80}]),
            "two matches": routed({**FIRST, "matches": [*path("PathPrefix", "/a")["matches"], *path("PathPrefix", "/a/b")["matches"]]}, REST),
            "by expression": routed({**FIRST, **path("RegularExpression", "/a(/.*)?")}, {**REST, **path("RegularExpression", "/.*")}),
            "two objects": [routed(FIRST), {**routed(REST), "metadata": {**routed(REST)["metadata"], "name": "rest"}}],
        },
    ),
    "tokens": Scene(
        [*WAYPOINT, NEEDS], jwt(),
        {
            "gone": None,
            "another issuer": jwt("https://b.example.com"),
            "audiences": jwt(audiences=["shop"]),
            "another header": jwt(fromHeaders=[{"name": "x-token"}]),
            "a parameter": jwt(fromParams=["token"]),
        },
        {
            "not handed on": jwt(forwardOriginalToken=False),
        },
    ),
    "accounts": Scene(
        WAYPOINT, policy("who", {"from": [{"source": {"principals": [principal("web")]}}], "to": [{"operation": {"ports": ["80"]}}]}, service="cart"),
        {
            "gone": None,
            "another": policy("who", {"from": [{"source": {"principals": [principal("job")]}}]}, service="cart"),
            "of the pods": policy("who", {"from": [{"source": {"principals": [principal("web")]}}]}, app="cart"),
            "a target port": policy("who", {"from": [{"source": {"principals": [principal("web")]}}], "to": [{"operation": {"ports": ["8080"]}}]}, service="cart"),
            "denied": policy("who", {"from": [{"source": {"principals": [principal("web")]}}]}, service="cart", action="DENY"),
            "no rules": policy("who", service="cart"),
            "of the waypoint": policy("who", {"from": [{"source": {"principals": [principal("job"), principal("web")]}}]}, gateway="waypoint"),
        },
        {
            "no ports": policy("who", {"from": [{"source": {"principals": [principal("web")]}}]}, service="cart"),
            "by accounts": policy("who", {"from": [{"source": {"serviceAccounts": ["shop/web"]}}]}, service="cart"),
            "others denied": policy("who", {"from": [{"source": {"notPrincipals": [principal("web")]}}]}, service="cart", action="DENY"),
            "of the whole waypoint": policy("who", {"from": [{"source": {"principals": [principal("web")]}}]}, gateway="waypoint"),
        },
    ),
}  # fmt: skip

SCENES = {**NETWORKS, **MODES, **ROUTES, **WAYPOINTS}


def put(scene, part):
    """The objects of a scene with something in the place of its part."""
    parts = part if isinstance(part, list) else [] if part is None else [part]
    return [*scene.standing, *parts]
