"""Small meshes and questions by chance, the same for the same seed.

Addresses are not known before pods run, so objects and questions name them: `<shop/web:0>` is the IPv4 address of the first
pod of that Deployment, `<shop/web:0:6>` its IPv6 address, `<vip shop/web>` and `<vip shop/web:6>` those of a Service.
"""

from ipaddress import ip_network
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

Object = dict[str, Any]

ROOT = "istio-system"
SPACES = ("shop", "back", "plain")
NODES = ("node-1", "node-2")
APPS = (("shop", "web"), ("shop", "cart"), ("shop", "db"), ("back", "stock"), ("back", "web"), ("plain", "job"))
_USUAL, _SPOKEN = 80, 70
HTTP, ADMIN, GREETS = 8080, 9090, 7000
"""The ports of every pod; the last speaks first."""
PER_POPULATION = 8
"""Meshes that share their pods: making those takes longest."""
_MODE = "istio.io/dataplane-mode"
_BYPASS = "ambient.istio.io/bypass-inbound-capture"


class Sent(Struct, frozen=True, omit_defaults=True):
    """An HTTP request.

    Attributes:
        method: of it.
        path: with query.
        host: the Host header; empty for the name that is dialled, and the port.
        headers: by lower-case name.
        token: name of the bearer token that it has; empty for none.
        grpc: whether it is a call of gRPC, to the method that the path names.
        gateway: whether it is sent to the gateway, which leads it to the host by its routes.
    """

    method: str = "GET"
    path: str = "/"
    host: str = ""
    headers: dict[str, str] = {}
    token: str = ""
    grpc: bool = False
    gateway: bool = False

    def authority(self, dialled: str, port: int) -> str:
        """The Host header, as clients write it."""
        return self.host or (dialled if port == _USUAL else f"{dialled}:{port}")


class Question(Struct, frozen=True, omit_defaults=True):
    """Who dials what.

    Attributes:
        client: a pod (`shop/web:0`) or a node (`node:node-1`).
        to: a name, or an address as above.
        port: dialled.
        first: whether the server is to speak first, which it does at one port only.
        sent: the request, where decisions about requests are compared.
    """

    client: str
    to: str
    port: int
    first: bool = False
    sent: Sent | None = None


class Case(Struct, frozen=True):
    """A mesh and what is asked of it.

    Attributes:
        objects: of the mesh.
        questions: to be asked.
        apart: whether replicas are decided about one by one, as if each had a template of its own.
        answered: of a kept case, whether its question is answered.
    """

    objects: tuple[Object, ...]
    questions: tuple[Question, ...]
    apart: bool = False
    answered: bool | None = None


def case(seed: int, number: int, size: int) -> Case:
    """One of a seed's meshes, with so many questions."""
    pods = _population(Random(f"{seed}/{number // PER_POPULATION}"))  # noqa: S311 - nothing is secret here
    chance = Random(f"{seed}/{number}/rules")  # noqa: S311
    services = _services(chance)
    written = _written(Random(f"{seed}/{number}/written"), services, pods)  # noqa: S311
    further = Random(f"{seed}/{number}/entries")  # noqa: S311
    entries = _entries(further, pods)
    objects = (*pods, *services, *written, *entries, *_policies(chance), *_peers(chance))
    questions = [_question(chance, pods, services) for _ in range(size)]
    questions = [_to_entry(further, pods, entries, each) if further.random() < 0.1 else each for each in questions]
    return Case(objects, tuple(questions), apart=number % 2 == 1)


def thing(api: str, kind: str, name: str, space: str, spec: Object, **meta: Any) -> Object:
    place = {"namespace": space} if space else {}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **place, **meta}, "spec": spec}


def _population(chance: Random) -> list[Object]:
    """Namespaces, of which some are in ambient, and pods that follow or do not."""
    found = [_space(chance, name) for name in SPACES]
    return [*found, *(_deployment(chance, space, name) for space, name in APPS)]


def _space(chance: Random, name: str) -> Object:
    ambient = chance.random() < (0.1 if name == "plain" else 0.85)
    labels = {_MODE: "ambient"} if ambient else {}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _deployment(chance: Random, space: str, name: str) -> Object:
    labels = {"app": name, "tier": chance.choice(("front", "rear"))}
    own = chance.choices(("", "none", "ambient"), (8, 1, 1))[0]
    if own:
        labels[_MODE] = own
    speaks = '{"protocol": {"8080": "http", "9090": "http", "7000": "tcp-first"}}'
    annotations = {"sidestep.dev/behaviour": speaks, "sidestep.dev/calls": "none"}
    if chance.random() < 0.05:
        annotations[_BYPASS] = "true"
    # The same name is another port in every second pod: Services resolve it pod by pod.
    named = (HTTP, ADMIN) if chance.random() < 0.7 else (ADMIN, HTTP)
    ports = [{"name": "web", "containerPort": named[0]}, {"name": "other", "containerPort": named[1]}, {"name": "greets", "containerPort": GREETS}]  # fmt: skip
    spec = {
        "serviceAccountName": chance.choice((name, name, name, "shared")), "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": "any", "ports": ports}],
    }  # fmt: skip
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}
    wanted = {"replicas": chance.choice((1, 1, 2)), "selector": {"matchLabels": {"app": name}}, "template": template}
    return thing("apps/v1", "Deployment", name, space, wanted)


_SERVED: tuple[tuple[int, int | str | None], ...] = (
    (80, HTTP), (80, "web"), (81, ADMIN), (82, "nobody"), (83, "other"), (70, GREETS), (70, "greets"), (HTTP, None), (ADMIN, HTTP),
)  # fmt: skip


def _services(chance: Random) -> list[Object]:
    """One for most Deployments, some in front of several, some of nobody."""
    wanted = [(space, name, {"app": name}) for space, name in APPS if chance.random() < 0.8]
    wanted += [(chance.choice(SPACES), f"more-{number}", _selector(chance)) for number in range(chance.randrange(3))]
    return [_service(chance, space, name, selector) for space, name, selector in wanted]


def _selector(chance: Random) -> Object:
    return chance.choice(({"tier": "front"}, {"tier": "rear"}, {"app": "web"}, {"app": "nobody"}))


def _service(chance: Random, space: str, name: str, selector: Object) -> Object:
    chosen = dict(chance.sample(_SERVED, chance.randint(1, 4)))
    ports = [
        {"name": f"p{number}", "port": number, **({} if target is None else {"targetPort": target})}
        for number, target in chosen.items()
    ]
    spec: Object = {"selector": selector, "ports": ports}
    if chance.random() < 0.15:
        spec["clusterIP"] = "None"
    return thing("v1", "Service", name, space, spec)


def _written(chance: Random, services: list[Object], pods: list[Object]) -> list[Object]:
    """Some Services lose their selector, and have what is written down: all pods of a Deployment."""
    found = []
    deployments = [each for each in pods if each["kind"] == "Deployment"]
    for service in services:
        if chance.random() < 0.12:
            del service["spec"]["selector"]
            behind = chance.choice(deployments)
            ports = [
                {"name": each["name"], "port": _behind(chance, each["port"]), "protocol": "TCP"}
                for each in service["spec"]["ports"]
                if chance.random() < 0.9
            ]
            found += [slice_of(service, family, _all(behind, family), ports) for family in ("IPv4", "IPv6")]
    return found


_ENTRY_PORTS: tuple[Object, ...] = (
    {"number": 80, "name": "http", "protocol": "HTTP", "targetPort": HTTP},
    {"number": 81, "name": "admin", "protocol": "TCP", "targetPort": ADMIN},
    {"number": _SPOKEN, "name": "greets", "protocol": "TCP", "targetPort": GREETS},
    {"number": HTTP, "name": "own", "protocol": "HTTP"},
)


def _entries(chance: Random, pods: list[Object]) -> list[Object]:
    """ServiceEntries anywhere: with addresses that are given to them, or of their own outside of all our networks."""
    return [_entry(chance, number, pods) for number in range(chance.choice((0, 0, 1, 1, 2)))]


def _entry(chance: Random, number: int, pods: list[Object]) -> Object:
    """In front of the pods that it selects in its namespace, or of those that it names, wherever they are."""
    deployments = [each for each in pods if each["kind"] == "Deployment"]
    own = [f"198.51.100.{number + 1}", f"2001:db8:77::{number + 1}", f"192.0.2.{16 * number}/28"]
    ports = chance.sample(_ENTRY_PORTS, chance.choice((1, 2, 3)))
    spec: Object = {
        "hosts": [f"entry-{number}.example"], "addresses": sorted(chance.sample(own, chance.choice((0, 1, 2, 3)))),
        "resolution": "STATIC", "location": chance.choice(("MESH_INTERNAL", "MESH_EXTERNAL")), "ports": ports,
    }  # fmt: skip
    if chance.random() < 0.5:
        spec["workloadSelector"] = {"labels": _selector(chance)}
    else:
        behind, families = chance.choice(deployments), chance.choice((("IPv4",), ("IPv6",), ("IPv4", "IPv6")))
        ports = {each["name"]: ADMIN for each in ports if each["number"] != _SPOKEN and chance.random() < 0.3}
        spec["endpoints"] = [
            {"address": address, **({"ports": ports} if ports else {})}
            for family in families
            for address in _all(behind, family)
        ]
    return thing("networking.istio.io/v1", "ServiceEntry", f"entry-{number}", chance.choice(SPACES), spec)


def _to_entry(chance: Random, pods: list[Object], entries: list[Object], asked: Question) -> Question:
    """Who is captured dials an entry in place of what it was to dial; others know nothing of it."""
    if not entries or asked.client.startswith("node:") or not _captured(pods, asked.client):
        return asked
    spec = chance.choice(entries)["spec"]
    port = chance.choice(spec["ports"])["number"]
    own = [_of_network(chance, each) for each in spec["addresses"]]
    # Of a network DNS answers no address.
    names = spec["hosts"] if not own or any("/" not in each for each in spec["addresses"]) else []
    to = chance.choice([*names, *own])
    return Question(asked.client, to, port, port == _SPOKEN)


def _of_network(chance: Random, address: str) -> str:
    """An address, or one of a network's."""
    network = ip_network(address)
    return str(network[chance.randrange(network.num_addresses)])


def _behind(chance: Random, port: int) -> int:
    """At one port of Services the server speaks first."""
    return GREETS if port == _SPOKEN else chance.choice((HTTP, HTTP, ADMIN))


def _all(deployment: Object, family: str) -> list[str]:
    """Addresses of its pods."""
    meta, six = deployment["metadata"], ":6" if family == "IPv6" else ""
    return [f"<{meta['namespace']}/{meta['name']}:{at}{six}>" for at in range(deployment["spec"]["replicas"])]


def slice_of(service: Object, family: str, addresses: list[str], ports: list[Object]) -> Object:
    """Endpoints of a Service that somebody writes down."""
    name, space = service["metadata"]["name"], service["metadata"]["namespace"]
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
        "metadata": {"name": f"{name}-{family.lower()}", "namespace": space, "labels": {"kubernetes.io/service-name": name}},
        "endpoints": [{"addresses": [each]} for each in addresses], "ports": ports,
    }  # fmt: skip


def _some(chance: Random, values: tuple[str, ...]) -> list[str]:
    return chance.sample(values, min(len(values), chance.choice((1, 1, 2))))


_PRINCIPALS = (
    "cluster.local/ns/shop/sa/web", "cluster.local/ns/shop/sa/cart", "cluster.local/ns/back/sa/stock", "cluster.local/ns/back/sa/web",
    "cluster.local/ns/shop/*", "*/sa/web", "*", "cluster.local/*", "other.td/ns/shop/sa/web", "*/sa/shared", "*hop/sa/w*", "cluster.local/ns/shop/sa/WEB",
)  # fmt: skip
_BLOCKS = (
    "<shop/web:0>", "<shop/web:0>/32", "<shop/cart:0>", "<back/stock:0>", "<plain/job:0>", "10.128.0.0/20", "10.128.16.0/20", "10.128.16.9/20",
    "0.0.0.0/0", "::/0", "fd00:10:128::/64", "<shop/web:0:6>", "172.18.0.0/24", "169.254.7.127", "no address",
)  # fmt: skip
_PORTS = ("8080", "9090", "7000", "80", "15008", "x")
_SPACE_NAMES = ("shop", "back", "plain", "s*", "*ck", "*", "SHOP")
_SOURCE = {
    "principals": _PRINCIPALS, "namespaces": _SPACE_NAMES, "ipBlocks": _BLOCKS,
    "serviceAccounts": ("web", "shop/web", "back/web", "cart", "shared", "back/stock"),
}  # fmt: skip
_SOURCE_7 = {"remoteIpBlocks": _BLOCKS, "requestPrincipals": ("*", "a/b")}
_OPERATION = {"ports": _PORTS}
_OPERATION_7 = {"methods": ("GET", "POST"), "paths": ("/", "/a*"), "hosts": ("cart", "*")}
_CONDITIONS = {
    "source.ip": _BLOCKS, "source.namespace": _SPACE_NAMES, "source.principal": _PRINCIPALS, "destination.ip": _BLOCKS,
    "destination.port": _PORTS,
}  # fmt: skip
_CONDITIONS_7 = {
    "request.headers[x-team]": ("a",), "remote.ip": _BLOCKS, "connection.sni": ("*",), "request.auth.claims[a]": ("b",),
    "source.serviceAccount": ("shop/web",), "no.such.key": ("x",),
}  # fmt: skip


def _fields(chance: Random, four: Object, seven: Object) -> Object:
    """A source or an operation; negated fields among them, and now and then one that ztunnel cannot read."""
    table = {**four, **seven} if chance.random() < 0.15 else four
    names = chance.sample(sorted(table), chance.choice((1, 1, 2)) if len(table) > 1 else 1)
    return {
        (f"not{name[0].upper()}{name[1:]}" if chance.random() < 0.3 else name): _some(chance, table[name])
        for name in names
    }


def _condition(chance: Random) -> Object:
    table = {**_CONDITIONS, **_CONDITIONS_7} if chance.random() < 0.15 else _CONDITIONS
    key = chance.choice(sorted(table))
    sides = chance.choice((("values",), ("values",), ("notValues",), ("values", "notValues")))
    return {"key": key, **{side: _some(chance, table[key]) for side in sides}}


def _rule(chance: Random) -> Object:
    found: Object = {}
    if chance.random() < 0.65:
        found["from"] = [{"source": _fields(chance, _SOURCE, _SOURCE_7)} for _ in range(chance.choice((1, 1, 2)))]
    if chance.random() < 0.45:
        found["to"] = [{"operation": _fields(chance, _OPERATION, _OPERATION_7)} for _ in range(chance.choice((1, 1, 2)))]  # fmt: skip
    if chance.random() < 0.3:
        found["when"] = [_condition(chance) for _ in range(chance.choice((1, 1, 2)))]
    return found


def _place(chance: Random) -> Object:
    match chance.randrange(10):
        case 0 | 1:
            return {}
        case 2:
            return {"selector": {"matchLabels": {"tier": chance.choice(("front", "rear"))}}}
        case 3:
            return {"selector": {"matchLabels": {"app": chance.choice(APPS)[1], "tier": "front"}}}
        case 4 if chance.random() < 0.4:
            return {"targetRefs": [{"group": "", "kind": "Service", "name": "cart"}]}
        case _:
            return {"selector": {"matchLabels": {"app": chance.choice(APPS)[1]}}}


def _policies(chance: Random) -> list[Object]:
    return [_policy(chance, f"policy-{number}") for number in range(chance.choice((0, 2, 3, 4, 5, 6)))]


def _policy(chance: Random, name: str) -> Object:
    action = chance.choices(("ALLOW", "DENY", "AUDIT", "CUSTOM"), (10, 10, 1, 1))[0]
    spec: Object = {"action": action, "rules": [_rule(chance) for _ in range(chance.choice((0, 1, 1, 2)))], **_place(chance)}  # fmt: skip
    if action == "CUSTOM":
        spec["provider"] = {"name": "authz"}
    meta = {"annotations": {"istio.io/dry-run": "true"}} if chance.random() < 0.05 else {}
    space = chance.choice(("shop", "shop", "back", "back", "plain", ROOT))
    return thing("security.istio.io/v1", "AuthorizationPolicy", name, space, spec, **meta)


_MODES = ("STRICT", "STRICT", "PERMISSIVE", "DISABLE", "UNSET", "")


def _peers(chance: Random) -> list[Object]:
    """Any level may be absent, and of a level there may be two."""
    found = []
    if chance.random() < 0.4:
        found.append(_peer(chance, "mesh", ROOT, selector=chance.random() < 0.1))
    for space in SPACES:
        if chance.random() < 0.3:
            found.append(_peer(chance, "space", space, selector=False))
        found += [_peer(chance, f"own-{n}", space, selector=True) for n in range(chance.choice((0, 0, 0, 1, 1, 2)))]
    return found


def _peer(chance: Random, name: str, space: str, *, selector: bool) -> Object:
    mode = chance.choice(_MODES)
    spec: Object = {"mtls": {"mode": mode}} if mode else {}
    if selector:
        spec["selector"] = {"matchLabels": {"app": chance.choice(APPS)[1]}}
        numbers = chance.sample((HTTP, ADMIN, GREETS, 80), chance.choice((0, 1, 1, 2)))
        if numbers:
            spec["portLevelMtls"] = {str(number): {"mode": chance.choice(_MODES[:-1])} for number in numbers}
    return thing("security.istio.io/v1", "PeerAuthentication", name, space, spec)


def _question(chance: Random, pods: list[Object], services: list[Object]) -> Question:
    running = [
        f"{each['metadata']['namespace']}/{each['metadata']['name']}:{number}"
        for each in pods
        if each["kind"] == "Deployment"
        for number in range(each["spec"]["replicas"])
    ]
    client = f"node:{chance.choice(NODES)}" if chance.random() < 0.08 else chance.choice(running)
    if not services or chance.random() < 0.5:
        port = chance.choices((HTTP, ADMIN, GREETS, 15001, 15006, 15008), (8, 6, 3, 1, 1, 1))[0]
        six = ":6" if chance.random() < 0.3 else ""
        return Question(client, f"<{chance.choice(running)}{six}>", port, port == GREETS)
    reachable = [each for each in services if not (client.startswith("node:") and _is_headless(each))]
    found = _to_service(chance, client, chance.choice(reachable or services))
    # Without a proxy, nobody answers at a port that a Service does not have.
    return (
        replace(found, port=chance.randint(4000, 4999)) if chance.random() < 0.05 and _captured(pods, client) else found
    )


def _captured(pods: list[Object], client: str) -> bool:
    """Whether labels put a client into ambient."""
    space, _, name = client.partition(":")[0].partition("/")
    for each in pods:
        if each["kind"] == "Deployment" and (each["metadata"]["namespace"], each["metadata"]["name"]) == (space, name):
            own = each["spec"]["template"]["metadata"]["labels"].get(_MODE)
            return own == "ambient" if own else any(_is_ambient(other, space) for other in pods)
    return False


def _is_ambient(each: Object, name: str) -> bool:
    return each["kind"] == "Namespace" and each["metadata"]["name"] == name and bool(each["metadata"]["labels"])


def _is_headless(service: Object) -> bool:
    return service["spec"].get("clusterIP") == "None"


def _to_service(chance: Random, client: str, service: Object) -> Question:
    meta, spec = service["metadata"], service["spec"]
    port = chance.choice(spec["ports"])["port"]
    names = [f"{meta['name']}.{meta['namespace']}", f"{meta['name']}.{meta['namespace']}.svc.cluster.local"]
    if client.startswith(f"{meta['namespace']}/"):
        names.append(meta["name"])
    vip = f"vip {meta['namespace']}/{meta['name']}"
    by_name = _is_headless(service) or (chance.random() < 0.5 and not client.startswith("node:"))
    six = ":6" if chance.random() < 0.3 else ""
    return Question(client, chance.choice(names) if by_name else f"<{vip}{six}>", port, port == _SPOKEN)
