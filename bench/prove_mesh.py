"""A mesh before and after a planned migration, of any size: same seed, same mesh.

Before, every workload has a sidecar and policies by selector. Afterwards everybody is in ambient: services whose
policies look at HTTP are behind the waypoint of their namespace, with policies by targetRefs and the pods closed to
everybody else; the others keep theirs at ztunnel. A quarter of the services has a route.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tools.meshgen import objects as o
from tools.meshgen.cluster import Cluster
from tools.meshgen.config import Config
from tools.meshgen.templates import app, meshed, waypoint

from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.model.origin import ClusterOrigin
from sidestep.sources.objects.builder import MeshBuilder

_NODES = 100
_WAYPOINT = "cluster.local/ns/{}/sa/waypoint"


@dataclass(frozen=True)
class Size:
    """How large it is."""

    namespaces: int
    services: int
    policies: int
    routes: int

    @property
    def per_namespace(self) -> int:
        """Services of one namespace."""
        return max(1, self.services // self.namespaces)


@dataclass(frozen=True)
class Faults:
    """What is wrong with the mesh afterwards: numbers of services whose policy lost something."""

    dropped: frozenset[int] = frozenset()


def mesh(size: Size, *, after: bool, faults: Faults = Faults()) -> Mesh:
    """The mesh, by the real builder."""
    builder, origin = MeshBuilder(), ClusterOrigin("bench", "1")
    for text in texts(size, after=after, faults=faults):
        builder.add(text.encode(), origin)
    return builder.build(SourceInfo(SourceKind.CLUSTER, "bench"))


def texts(size: Size, *, after: bool, faults: Faults = Faults()) -> Iterator[str]:
    """Its objects, each as JSON."""
    cluster = Cluster(Config(_NODES, seed=1))
    cluster.nodes.extend(f"n{number}" for number in range(_NODES))
    cluster.add(*o.control_plane(), o.labelled_namespace("istio-system", {}))
    for number in range(size.namespaces):
        space = f"space-{number}"
        labels = {"istio.io/dataplane-mode": "ambient"} if after else {"istio-injection": "enabled"}
        cluster.add(o.labelled_namespace(space, labels))
        if after:
            cluster.add(o.waypoint("waypoint", space))
    for number in range(size.services):
        _service(cluster, size, number, after=after)
    for number in range(size.namespaces if after else 0):
        cluster.workload("Deployment", "waypoint", f"space-{number}", waypoint("waypoint"), 1)
    for number in range(size.policies):
        place = number * size.services // size.policies
        for each in _policies(size, number, place, after=after, faulty=place in faults.dropped):
            cluster.add(each)
    for number in range(size.routes):
        cluster.add(_route(size, number * size.services // size.routes))
    yield from (text for found in cluster.texts.values() for text in found)
    yield from cluster.pods


def _space(size: Size, number: int) -> str:
    return f"space-{min(number // size.per_namespace, size.namespaces - 1)}"


def _is_guarded(size: Size, number: int) -> bool:
    """Whether a service has a policy or a route that looks at HTTP."""
    step, routed = max(1, size.services // size.policies), max(1, size.services // max(1, size.routes))
    return (number % step == 0 and (number // step) % 4 != 3) or number % routed == 0


def _service(cluster: Cluster, size: Size, number: int, *, after: bool) -> None:
    name, space = f"app-{number}", _space(size, number)
    template = app(name)
    template["spec"]["serviceAccountName"] = name
    pods = meshed(template, "ambient" if after else "tag")
    cluster.workload("Deployment", name, space, pods, 1, declared=template)
    bound = after and _is_guarded(size, number)
    service = o.service(name, space, labels={"istio.io/use-waypoint": "waypoint"} if bound else {})
    service["spec"] |= {
        "clusterIP": f"172.{16 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}",
        "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
    }
    cluster.add(service)


def _policies(size: Size, number: int, place: int, *, after: bool, faulty: bool) -> list[o.Object]:
    name, space = f"app-{place}", _space(size, place)
    chance = random.Random(number)
    callers = [chance.randrange(size.services) for _ in range(3)]
    names = [f"cluster.local/ns/{_space(size, each)}/sa/app-{each}" for each in callers]
    if not _is_guarded(size, place):
        rules = [{"from": [{"source": {"principals": names, "namespaces": [space]}}]}]
        return [_policy(f"policy-{number}", space, {"rules": rules, "selector": {"matchLabels": {"app": name}}})]
    reads = {"methods": ["GET", "HEAD"], "paths": ["/api/*", "/health", f"/static-{number % 50}/" + "{**}"]}
    writes = {"methods": ["POST", "PUT"], "paths": [f"/api/items-{number % 200}/*", "/api/orders/{*}/lines"]}
    rules = [
        {"from": [{"source": {"namespaces": [space]}}], "to": [{"operation": reads}]},
        {"from": [{"source": {"principals": names}}], "to": [{"operation": writes}]},
    ]
    if faulty:
        rules[1] = {"to": rules[1]["to"]}
    if not after:
        return [_policy(f"policy-{number}", space, {"rules": rules, "selector": {"matchLabels": {"app": name}}})]
    closed = {"rules": [{"from": [{"source": {"principals": [_WAYPOINT.format(space)]}}]}]}
    target = {"kind": "Service", "group": "", "name": name}
    return [
        _policy(f"policy-{number}", space, {"rules": rules, "targetRefs": [target]}),
        _policy(f"policy-{number}-only-waypoint", space, {**closed, "selector": {"matchLabels": {"app": name}}}),
    ]


def _policy(name: str, space: str, spec: o.Object) -> o.Object:
    return o.istio("AuthorizationPolicy", name, space, spec)


def _route(size: Size, number: int) -> o.Object:
    name, space = f"app-{number}", _space(size, number)
    host = f"{name}.{space}.svc.cluster.local"
    own = {"destination": {"host": host}}
    http = [
        {"match": [{"uri": {"prefix": "/v2/"}}], "route": [own], "timeout": "2s"},
        {"match": [{"headers": {"x-canary": {"exact": "1"}}}], "route": [{**own, "weight": 90}, {**own, "weight": 10}]},
        {"route": [own]},
    ]
    return o.istio("VirtualService", f"route-{number}", space, {"hosts": [host], "http": http})


def pathological(count: int, *, same: bool) -> Mesh:
    """One service with hundreds of rules that look at paths by every form; one rule less where it is not the same."""
    cluster = Cluster(Config(_NODES, seed=1))
    cluster.nodes.append("n0")
    cluster.add(*o.control_plane(), o.labelled_namespace("istio-system", {}), o.labelled_namespace("shop", {}))
    for name in ("web", "cart"):
        template = app(name)
        cluster.workload("Deployment", name, "shop", meshed(template, "tag"), 1, declared=template)
        service = o.service(name, "shop")
        service["spec"] |= {"clusterIP": "172.20.0.1", "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
        cluster.add(service)
    chance = random.Random(count)
    for number in range(count if same else count - 1):
        forms = (
            {"paths": [f"/api-{number}/*"]},
            {"paths": [f"*/end-{number}"]},
            {"paths": [f"/team-{number}/" + "{*}/items/{**}"], "methods": ["GET", "POST"]},
            {"paths": [f"/exact/{number}"], "notMethods": ["DELETE"]},
        )
        rule: o.Object = {"to": [{"operation": chance.choice(forms)}]}
        if chance.random() < 0.2:
            rule["when"] = [{"key": f"request.headers[x-{number % 7}]", "values": [f"v{number}*"]}]
        spec = {"action": "DENY" if number % 3 else "ALLOW", "rules": [rule]}
        cluster.add(
            o.istio(
                "AuthorizationPolicy", f"rule-{number}", "shop", {**spec, "selector": {"matchLabels": {"app": "cart"}}}
            )
        )
    builder, origin = MeshBuilder(), ClusterOrigin("bench", "1")
    for text in (*(text for texts in cluster.texts.values() for text in texts), *cluster.pods):
        builder.add(text.encode(), origin)
    return builder.build(SourceInfo(SourceKind.CLUSTER, "bench"))
