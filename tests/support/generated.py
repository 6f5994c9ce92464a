"""Small meshes and requests by chance: every mode, every action, every field, every state of a waypoint."""

import copy

from hypothesis import strategies as st
from tests.support import scenes as s
from tests.support.mesh import Object, mesh, o

from sidestep.model.call_graph import Callee, Caller, CallerRole, CallGraph, Edge, Evidence, call_graph
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Answers, Request, Tcp
from sidestep.semantics.versions import given_version

SHOP, BACK, ROOT = "shop", "back", "istio-system"
WORKLOADS = ((SHOP, "web"), (SHOP, "cart"), (BACK, "stock"))
MODES = ("sidecar", "old", "native", "ambient", "none")
GATEWAY = "ingress"
PORTS = ("80", "8080", "9090", "15008", "x")
PRINCIPALS = (s.principal("web"), s.principal("cart"), s.principal("stock", BACK), s.principal("waypoint"), "*", "*/sa/web", "cluster.local/*", "old.td/ns/shop/sa/web")  # fmt: skip
ADDRESSES = ("10.1.0.0/16", "203.0.113.7", "0.0.0.0/0", "::/0", "10.1.1.1", "no address")
PATHS = ("/", "/a", "/a*", "*b", "*", "/a/{*}", "/{**}/b")
SOURCE = {
    "principals": PRINCIPALS, "namespaces": (SHOP, BACK, "s*", "*"), "ipBlocks": ADDRESSES, "remoteIpBlocks": ADDRESSES,
    "requestPrincipals": ("*", "https://issuer.example.com/*", "a/b"), "serviceAccounts": ("web", "shop/web", "back/stock"),
    "trustDomains": ("cluster.local", "*.local", "old.td"),
}  # fmt: skip
OPERATION = {
    "hosts": ("cart", "*", "cart.shop*", "api.example.com"), "ports": PORTS, "methods": ("GET", "POST", "*"), "paths": PATHS,
}  # fmt: skip
CONDITIONS = {
    "request.headers[x-team]": ("a", "*", "b*"), "request.auth.claims[groups]": ("admin", "*"), "source.ip": ADDRESSES,
    "remote.ip": ADDRESSES, "destination.ip": ADDRESSES, "destination.port": PORTS, "source.namespace": (SHOP, BACK),
    "source.principal": PRINCIPALS, "connection.sni": ("a.example.com", "*"), "request.auth.audiences": ("shop", "*"),
    "experimental.envoy.filters.a.b[c]": ("d",), "no.such.key": ("x",),
}  # fmt: skip
RARE = st.integers(0, 9).map(lambda number: number == 0)
SOME = st.integers(0, 3).map(lambda number: number == 0)


def several(values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


@st.composite
def fields(draw, table):
    """A source or an operation."""
    found = {}
    for name in draw(st.lists(st.sampled_from(sorted(table)), max_size=2, unique=True)):
        negated = f"not{name[0].upper()}{name[1:]}"
        found[negated if draw(SOME) else name] = draw(several(table[name]))
    return found


@st.composite
def conditions(draw):
    key = draw(st.sampled_from(sorted(CONDITIONS)))
    return {"key": key, draw(st.sampled_from(("values", "values", "notValues"))): draw(several(CONDITIONS[key]))}


@st.composite
def rules(draw):
    found = {}
    if draw(st.booleans()):
        found["from"] = [{"source": each} for each in draw(st.lists(fields(SOURCE), min_size=1, max_size=2))]
    if draw(st.booleans()):
        found["to"] = [{"operation": each} for each in draw(st.lists(fields(OPERATION), min_size=1, max_size=2))]
    if draw(SOME):
        found["when"] = draw(st.lists(conditions(), min_size=1, max_size=2))
    return found


@st.composite
def places(draw):
    """Where a policy attaches: to all of a namespace, by selector, or by targetRefs."""
    match draw(st.integers(0, 4)):
        case 0:
            return {}
        case 1 | 2:
            return {"selector": {"matchLabels": {"app": draw(st.sampled_from(("web", "cart", "stock")))}}}
        case 3:
            name = draw(st.sampled_from(("cart", "stock", "nobody")))
            return {"targetRefs": [{"group": "", "kind": "Service", "name": name}]}
        case _:
            return {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}]}


SPACES = st.sampled_from((SHOP, SHOP, SHOP, BACK, ROOT))


@st.composite
def policies(draw, name: str, action: str = ""):
    action = action or draw(st.sampled_from(("ALLOW", "ALLOW", "DENY", "DENY", "AUDIT", "CUSTOM")))
    spec = {"action": action, "rules": draw(st.lists(rules(), max_size=2)), **draw(places())}
    if action == "CUSTOM":
        spec["provider"] = {"name": draw(st.sampled_from(("authz", "unknown")))}
    found = o.istio("AuthorizationPolicy", name, draw(SPACES), spec)
    if draw(RARE):
        found["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
    return found


@st.composite
def peer_authentications(draw, name: str):
    modes = st.sampled_from(("STRICT", "PERMISSIVE", "DISABLE", "UNSET", ""))
    app = draw(st.sampled_from(("", "cart", "stock")))
    ports = draw(st.dictionaries(st.sampled_from((8080, 9090)), modes, max_size=2)) if app else None
    return s.peers(draw(modes), draw(SPACES), name=name, app=app, ports=ports)


@st.composite
def request_authentications(draw, name: str):
    rule = {"issuer": "https://issuer.example.com", "jwks": "{}"}
    if draw(SOME):
        rule["audiences"] = ["shop"]
    if draw(RARE):
        rule["fromHeaders"] = [{"name": "x-token"}]
    return o.istio("RequestAuthentication", name, draw(SPACES), {"jwtRules": [rule], **draw(places())})


@st.composite
def network_policies(draw, name: str):
    peers = st.sampled_from(
        (
            {"podSelector": {}}, {"podSelector": {"matchLabels": {"app": "web"}}}, {"namespaceSelector": {}},
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.1.1/32"]}},
        )
    )  # fmt: skip
    rule = {"from": draw(st.lists(peers, max_size=2)), "ports": [{"port": p} for p in draw(st.lists(st.sampled_from((8080, 15008, "p8080")), max_size=2))]}  # fmt: skip
    spec = {"podSelector": draw(st.sampled_from(({}, {"matchLabels": {"app": "cart"}}))), "policyTypes": ["Ingress"], "ingress": [rule][: draw(st.integers(0, 1))]}  # fmt: skip
    metadata = o.meta(name, draw(st.sampled_from((SHOP, BACK))))
    return o.thing("networking.k8s.io/v1", "NetworkPolicy", metadata, spec=spec)


def bound(draw):
    """Labels by which a Service or a namespace asks for a waypoint: none, one that is there, one that is not."""
    name = draw(st.sampled_from(("", "", "waypoint", "typo", "none")))
    found = {"istio.io/use-waypoint": name} if name else {}
    if found and draw(SOME):
        found["istio.io/use-waypoint-namespace"] = SHOP
    return found | ({"istio.io/ingress-use-waypoint": "true"} if draw(RARE) else {})


@st.composite
def services(draw):
    """One for each server, perhaps headless or with several ports, and perhaps another in front of the same pods."""
    found = []
    for space, name in WORKLOADS[1:]:
        protocol = draw(st.sampled_from(("http", "http", "tcp", "web")))
        more = [{"name": draw(st.sampled_from(("tcp", "grpc", ""))), "port": 9090, "targetPort": draw(st.sampled_from((9090, "p8080", "none")))}]  # fmt: skip
        found.append(
            s.service(
                name, space, protocol=protocol, headless=draw(RARE), labels=bound(draw),
                more_ports=more if draw(st.booleans()) else (),
            )
        )  # fmt: skip
    if draw(SOME):
        found.append(s.service("cart-v2", SHOP, selector={"app": "cart"}, labels=bound(draw)))
    return found


@st.composite
def waypoints(draw):
    if draw(st.booleans()):
        return []
    ready = draw(st.booleans())
    made = s.waypoint(
        "waypoint", SHOP, serves=draw(st.sampled_from(("service", "workload", "all", "none"))), ready=ready
    )
    if draw(SOME):
        reach = {"allowedRoutes": {"namespaces": {"from": draw(st.sampled_from(("All", "Same", "Selector")))}}}
        made[0]["spec"]["listeners"][0] |= reach
    return made


@st.composite
def entries(draw):
    spec = {
        "hosts": ["api.example.com"], "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}, {"number": 80, "name": "http", "protocol": "HTTP"}],
        "resolution": draw(st.sampled_from(("DNS", "NONE", "STATIC"))), "location": draw(st.sampled_from(("MESH_EXTERNAL", "MESH_INTERNAL"))),
    }  # fmt: skip
    if spec["resolution"] == "STATIC":
        spec["endpoints"] = [{"address": "10.1.1.1"}]
    return o.istio("ServiceEntry", "api", draw(SPACES), spec)


@st.composite
def worlds(draw, modes=MODES, most: int = 4) -> list[Object]:
    """The objects of a small mesh."""
    found: list[Object] = [o.labelled_namespace(space, bound(draw)) for space in (SHOP, BACK)]
    for index, (space, name) in enumerate(WORKLOADS):
        for number, mode in enumerate(draw(st.lists(st.sampled_from(modes), min_size=1, max_size=2, unique=True))):
            pods = s.pods(name, mode, space, ip=f"10.1.{index}.{number + 1}", count=draw(st.integers(1, 2)))
            found += pods if not number else [_renamed(each, number) for each in pods if each["kind"] == "Pod"]
    if draw(SOME):
        found += s.pods(GATEWAY, "gateway", SHOP)
    found += draw(services()) + draw(waypoints())
    made = {
        "policy": policies, "peer": peer_authentications, "token": request_authentications, "net": network_policies,
    }  # fmt: skip
    for kind, make in made.items():
        count = draw(st.integers(0, most if kind == "policy" else 2)) if kind != "net" or draw(SOME) else 0
        found += [draw(make(f"{kind}-{number}")) for number in range(count)]
    if draw(SOME):
        found.append(draw(entries()))
    if draw(SOME):
        found.append(draw(configs()))
    if draw(st.booleans()):
        found += draw(written([each for each in found if each["kind"] == "Service"]))
    return found


@st.composite
def written(draw, behind):
    """Endpoints of Services that somebody wrote down: addresses of pods, and of others."""
    return [_slice(draw, each["metadata"], each["spec"]["ports"]) for each in behind]


def _slice(draw, service, ports):
    addresses = draw(
        st.lists(st.sampled_from(("10.1.1.1", "10.1.2.1", "10.1.0.1", "203.0.113.7")), min_size=1, max_size=3)
    )
    name, space = service["name"], service["namespace"]
    made = o.thing("discovery.k8s.io/v1", "EndpointSlice", o.meta(f"{name}-by-hand", space), addressType="IPv4")
    made["metadata"]["labels"] = {"kubernetes.io/service-name": name}
    own = [{"name": each.get("name", ""), "port": 8080, "protocol": "TCP"} for each in ports]
    return made | {"endpoints": [{"addresses": [each]} for each in dict.fromkeys(addresses)], "ports": own}


def _renamed(pod: Object, number: int) -> Object:
    pod = copy.deepcopy(pod)
    pod["metadata"]["name"] += f"-{number}"
    return pod


@st.composite
def configs(draw):
    values: Object = {"trustDomainAliases": draw(st.sampled_from(([], ["old.td"])))}
    if draw(st.booleans()):
        values["extensionProviders"] = [{"name": "authz", draw(st.sampled_from(("envoyExtAuthzHttp", "envoyExtAuthzGrpc"))): {"service": "authz.shop.svc.cluster.local", "port": 1}}]  # fmt: skip
    if draw(RARE):
        values["outboundTrafficPolicy"] = {"mode": "REGISTRY_ONLY"}
    return s.mesh_config(**values)


@st.composite
def requests(draw) -> Request:
    who = draw(
        st.sampled_from(
            ("shop/web", "shop/web", "shop/cart", "back/stock", f"gateway:shop/{GATEWAY}", "node", "outside")
        )
    )
    hosts = ("cart", "cart.shop", "stock.back.svc.cluster.local", "cart-v2", "10.1.1.1", "10.1.2.1", "10.9.9.9", "api.example.com", "nobody", "")  # fmt: skip
    to = draw(st.sampled_from(hosts))
    port = draw(st.sampled_from((80, 80, 8080, 9090, 443, 0)))
    if draw(SOME):
        payload = Tcp(draw(st.booleans()), draw(st.sampled_from(("", "a.example.com"))))
    else:
        headers = draw(
            st.dictionaries(
                st.sampled_from(("x_team", "x_forwarded_for")), st.sampled_from(("a", "203.0.113.7", "")), max_size=2
            )
        )
        claims = {"iss": "https://issuer.example.com", "sub": "b", "groups": ["admin"], "aud": "shop"}
        token = draw(st.sampled_from(("none", "none", "valid", "invalid", "expired")))
        payload = s.get(
            draw(st.sampled_from(("/", "/a", "/a/b", "/c?x=1", "no path", "/a#b"))), draw(st.sampled_from(("GET", "POST", "OPTIONS"))),
            host=draw(st.sampled_from(("", "", "cart", "api.example.com"))), token=token, claims=draw(st.sampled_from(({}, claims))), **headers,
        )  # fmt: skip
    authorizer = draw(st.sampled_from((Answers.UNSTATED, Answers.ALLOWS, Answers.DENIES)))
    return Request(s.client(who), to, port, payload, authorizer)


def indexed(objects: list[Object], version: str = "1.30", **how) -> MeshIndex:
    return MeshIndex.of(mesh(*objects, **how), given_version(version))


def calls_of(*pairs: tuple[WorkloadRef, WorkloadRef]) -> CallGraph:
    """Who calls whom, each seen once a second."""
    edges = [
        Edge(
            Caller(CallerRole.WORKLOAD, a.namespace, a.kind, a.name),
            Callee(b.namespace, b.kind, b.name, b.namespace, b.name),
            requests_per_second=1.0, evidence=Evidence.METRICS,
        )
        for a, b in pairs
    ]  # fmt: skip
    return call_graph(edges)


REFS = tuple(WorkloadRef(space, "Deployment", name) for space, name in WORKLOADS)
graphs = st.lists(st.tuples(st.sampled_from(REFS), st.sampled_from(REFS)), max_size=4).map(
    lambda pairs: calls_of(*pairs)
)


def read(objects: list[Object], **how) -> Mesh:
    return mesh(*objects, **how)
