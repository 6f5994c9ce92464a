"""Meshes with as many services and AuthorizationPolicies as asked for, and requests to them: same seed, same mesh.

Half of the workloads have sidecars, a quarter is in ambient behind waypoints, an eighth in ambient without one, and an
eighth in no mesh. Policies look at methods, paths, headers, principals, namespaces and ports, at the places where each
kind of workload has them enforced; a mesh without them would be fast for nothing.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tools.meshgen import objects as o
from tools.meshgen.cluster import Cluster
from tools.meshgen.config import Config
from tools.meshgen.templates import app, meshed, waypoint

from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.model.origin import ClusterOrigin
from sidestep.semantics.requests import Client, Http, NodeClient, OutsideClient, Request, Tcp, WorkloadClient
from sidestep.sources.objects.builder import MeshBuilder

_MODES = ("sidecar",) * 4 + ("waypoint",) * 2 + ("ambient", "none")
_STYLES = {"sidecar": "tag", "waypoint": "ambient", "ambient": "ambient", "none": "none"}
_MODES_OF_CLIENTS = {"waypoint": "ambient", "none": "no mesh"}
_METHODS = ("GET", "GET", "GET", "POST", "DELETE")
_NODES = 100
_KINDS = 20


@dataclass(frozen=True)
class Size:
    """How large a mesh is, and among how many of its services requests go.

    Attributes:
        policies: AuthorizationPolicies, spread over all services.
        services: each with a Deployment of one or two pods.
        per_namespace: services in one namespace.
        among: only the first so many services send and receive requests; 0 for all.
    """

    policies: int
    services: int
    per_namespace: int = 40
    among: int = 0


@dataclass(frozen=True)
class Server:
    """A workload with the Service of its name."""

    number: int
    mode: str
    name: str
    namespace: str

    @property
    def client(self) -> Client:
        """Its pods as clients."""
        return WorkloadClient(WorkloadRef(self.namespace, "Deployment", self.name))


def servers(size: Size) -> list[Server]:
    """All workloads; the order is the one in which requests are spread over them."""
    chance = random.Random(size.services)
    return [
        Server(number, chance.choice(_MODES), f"app-{number}", f"space-{number // size.per_namespace}")
        for number in range(size.services)
    ]


def mesh(size: Size) -> Mesh:
    """The mesh, by the real builder."""
    cluster, everybody = Cluster(Config(_NODES, seed=1)), servers(size)
    cluster.nodes.extend(f"n{number}" for number in range(_NODES))
    cluster.add(*o.control_plane(), o.labelled_namespace("istio-system", {}))
    for space in dict.fromkeys(server.namespace for server in everybody):
        cluster.add(o.labelled_namespace(space, {}), o.waypoint("waypoint", space))
        cluster.workload("Deployment", "waypoint", space, waypoint("waypoint"), 2)
    for server in everybody:
        _deploy(cluster, server)
    for number in range(size.policies):
        cluster.add(_policy(number, everybody[number * len(everybody) // size.policies], everybody))
    builder, origin = MeshBuilder(), ClusterOrigin("bench", "1")
    for text in (*(text for texts in cluster.texts.values() for text in texts), *cluster.pods):
        builder.add(text.encode(), origin)
    return builder.build(SourceInfo(SourceKind.CLUSTER, "bench"))


def _deploy(cluster: Cluster, server: Server) -> None:
    template = app(server.name)
    template["spec"]["serviceAccountName"] = server.name
    pods = meshed(template, _STYLES[server.mode])
    cluster.workload("Deployment", server.name, server.namespace, pods, 1 + server.number % 2, declared=template)
    labels = {"istio.io/use-waypoint": "waypoint"} if server.mode == "waypoint" else {}
    service = o.service(server.name, server.namespace, labels=labels)
    service["spec"] |= {
        "clusterIP": f"172.20.{server.number >> 8}.{server.number & 255}",
        "ports": [
            {"name": "http", "port": 80, "targetPort": 8080},
            {"name": "tcp-data", "port": 5432, "targetPort": 5432},
        ],
    }
    cluster.add(service)


def _policy(number: int, server: Server, everybody: list[Server]) -> o.Object:
    """One policy where its server has it enforced: by selector at a sidecar or ztunnel, by targetRefs at a waypoint."""
    callers = [everybody[(server.number * 7 + step * 13) % len(everybody)] for step in range(4)]
    names = [f"cluster.local/ns/{each.namespace}/sa/{each.name}" for each in callers]
    if server.mode in ("ambient", "none"):
        rules = [{"from": [{"source": {"namespaces": [server.namespace], "notPrincipals": names[:1]}}]}]
        rules.append({"from": [{"source": {"principals": names}}], "to": [{"operation": {"ports": ["8080"]}}]})
        spec: o.Object = {"rules": rules}
    elif number % 3 == 0:
        banned = {"paths": ["/admin*", "*/internal"], "notMethods": ["GET", "HEAD"]}
        rules = [{"to": [{"operation": banned}]}, {"when": [{"key": "request.headers[x-debug]", "values": ["*"]}]}]
        spec = {"action": "DENY", "rules": rules}
    else:
        reads = {"methods": ["GET", "HEAD"], "paths": ["/api/*", "/health", "/static/{**}"]}
        writes = {"methods": ["POST", "PUT", "DELETE"], "paths": ["/api/items/*", "/api/orders/{*}/lines"]}
        rules = [
            {"from": [{"source": {"namespaces": [server.namespace, "space-1*"]}}], "to": [{"operation": reads}]},
            {"from": [{"source": {"principals": names}}], "to": [{"operation": writes}]},
            {"from": [{"source": {"principals": names}}], "to": [{"operation": {"ports": ["5432"]}}]},
        ]
        spec = {"rules": rules}
    if server.mode == "waypoint":
        spec["targetRefs"] = [{"group": "", "kind": "Service", "name": server.name}]
    else:
        spec["selector"] = {"matchLabels": {"app": server.name}}
    return o.istio("AuthorizationPolicy", f"policy-{number}", server.namespace, spec)


def requests(size: Size, made: Mesh, count: int, seed: int) -> Iterator[tuple[str, Request]]:
    """Requests by their kind, each with a client, a server and a path of its own.

    Args:
        size: of the mesh.
        made: it, for the addresses of pods.
        count: how many; with as many as there are services, each is asked once, and always in the same way.
        seed: other seeds, other clients and other paths.
    """
    addresses = {f"{pod.namespace}/{pod.shape.labels['app']}": pod.status.pod_ip for pod in made.pods}
    everybody, chance = servers(size)[: size.among or None], random.Random(seed)
    for number in range(count):
        server, client = everybody[number * 7919 % len(everybody)], chance.choice(everybody)
        yield _request(server, client, addresses, number % _KINDS, chance)


def _request(
    server: Server, client: Server, addresses: dict[str, str], kind: int, chance: random.Random
) -> tuple[str, Request]:
    pair = f"{_MODES_OF_CLIENTS.get(client.mode, client.mode)} to {server.mode}"
    host, full = f"{server.name}.{server.namespace}", f"{server.name}.{server.namespace}.svc.cluster.local"
    http = Http(chance.choice(_METHODS), f"/api/{chance.choice(('items', 'orders'))}/{chance.getrandbits(32)}?page=1")
    match kind:
        case 0 | 1 | 2:
            return "TCP", Request(client.client, host, 5432, Tcp())
        case 3 | 4:
            address = addresses[f"{server.namespace}/{server.name}"]
            return "HTTP to a pod's address", Request(client.client, address, 8080, http)
        case 5:
            return "HTTP from a node or outside", Request(OutsideClient("203.0.113.7"), full, 80, http)
        case 6:
            return "HTTP from a node or outside", Request(NodeClient("10.0.0.1"), full, 80, http)
        case _:
            return f"HTTP, {pair}", Request(client.client, host, 80, http)
