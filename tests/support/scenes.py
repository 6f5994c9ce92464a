"""A small language to state meshes and requests for decisions: who is there in which mode, who calls whom."""

import copy

import yaml
from tests.support import mesh as m

from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import (
    Client,
    GatewayClient,
    Http,
    NodeClient,
    OutsideClient,
    Request,
    Tcp,
    WorkloadClient,
)
from sidestep.semantics.versions import given_version

Object = m.Object
TD = "cluster.local"
_REDIRECTED = {"ambient.istio.io/redirection": "enabled"}


def principal(account: str, space: str = "shop") -> str:
    return f"{TD}/ns/{space}/sa/{account}"


def pods(
    name: str,
    mode: str = "sidecar",
    space: str = "shop",
    *,
    ip: str = "",
    labels=None,
    annotations=None,
    count: int = 1,
    ports=(8080,),
    account: str = "",
) -> list[Object]:
    """A Deployment and its pods: `sidecar`, `native`, `old` (no HBONE), `ambient`, `none`, `gateway`."""
    template = copy.deepcopy(m.gateway(name) if mode == "gateway" else m.app(name))
    template["metadata"]["labels"] |= labels or {}
    template["metadata"]["annotations"] = {**template["metadata"].get("annotations", {}), **(annotations or {})}
    template["spec"]["serviceAccountName"] = account or name
    if mode != "gateway":
        template["spec"]["containers"][0]["ports"] = [{"containerPort": port, "name": f"p{port}"} for port in ports]
    declared = copy.deepcopy(template)
    match mode:
        case "sidecar" | "native" | "old":
            template = m.inject(template, m.Sidecar(native=mode == "native", hbone=mode != "old"))
        case "ambient":
            template["metadata"]["annotations"] |= _REDIRECTED
    made = m.workload(template, name, space, declared=declared, replicas=count, pods=count)
    number = 1
    for each in made:
        if each["kind"] == "Pod":
            each["status"]["podIP"] = ip or f"10.1.{sum(map(ord, name + space)) % 250}.{number}"
            each["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
            number += 1
    return made


def service(
    name: str,
    space: str = "shop",
    *,
    port: int = 80,
    target: int | str = 8080,
    protocol: str = "http",
    selector=None,
    labels=None,
    headless: bool = False,
    vip: str = "",
    more_ports=(),
) -> Object:
    found = m.o.service(name, space, headless=headless, labels=labels)
    ports = [{"name": protocol, "port": port, "targetPort": target}, *more_ports]
    found["spec"]["ports"] = [{k: v for k, v in p.items() if v} for p in ports]
    found["spec"]["selector"] = selector or {"app": name}
    if not headless:
        found["spec"]["clusterIP"] = vip or f"10.96.{sum(map(ord, name)) % 250}.{sum(map(ord, space)) % 250}"
    return found


def waypoint(
    name: str = "waypoint", space: str = "shop", *, serves: str = "service", ready: bool = True
) -> list[Object]:
    gateway = m.o.waypoint(name, space, ready=ready)
    gateway["metadata"]["labels"]["istio.io/waypoint-for"] = serves
    return [gateway]


def policy(
    name: str,
    *rules: Object,
    action: str = "ALLOW",
    space: str = "shop",
    app: str = "",
    service: str = "",
    gateway: str = "",
    labels=None,
    **more,
) -> Object:
    spec: Object = {"action": action, "rules": list(rules), **more}
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    if labels:
        spec["selector"] = {"matchLabels": labels}
    if service:
        spec["targetRefs"] = [{"group": "", "kind": "Service", "name": service}]
    if gateway:
        spec["targetRefs"] = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway}]
    return m.o.istio("AuthorizationPolicy", name, space, spec)


def peers(mode: str, space: str = "istio-system", *, name: str = "default", app: str = "", ports=None) -> Object:
    spec: Object = {"mtls": {"mode": mode}} if mode else {}
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    if ports:
        spec["portLevelMtls"] = {str(port): {"mode": each} for port, each in ports.items()}
    return m.o.istio("PeerAuthentication", name, space, spec)


def mesh_config(**values) -> Object:
    data = {"mesh": yaml.safe_dump(values)}
    return m.o.thing("v1", "ConfigMap", m.o.meta("istio", "istio-system"), data=data)


def index(*objects, version: str = "1.30", **how) -> MeshIndex:
    flat = [each for group in objects for each in (group if isinstance(group, list) else [group])]
    spaces = sorted({each["metadata"].get("namespace") for each in flat} - {None, ""})
    read = {each["metadata"]["name"] for each in flat if each["kind"] == "Namespace"}
    flat = [*(m.o.namespace(space) for space in spaces if space not in read), *flat]
    return MeshIndex.of(m.mesh(*flat, **how), given_version(version))


def client(who: str) -> Client:
    """`web`, `ns/web`, `gateway:ns/name`, `node`, `outside`."""
    if who.startswith("gateway:"):
        space, _, name = who.removeprefix("gateway:").partition("/")
        return GatewayClient(space, name)
    if who in ("node", "outside"):
        return NodeClient("10.0.0.1") if who == "node" else OutsideClient("203.0.113.7")
    space, _, name = who.rpartition("/")
    return WorkloadClient(WorkloadRef(space or "shop", "Deployment", name))


def get(
    path: str = "/", method: str = "GET", *, host: str = "", token: str = "none", claims=None, **headers: str
) -> Http:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Http(method, path, host, named, Token(TokenState(token), claims or {}))


def ask(mesh: MeshIndex, who: str, to: str, payload: Http | Tcp | None = None, port: int = 80, **more) -> Decision:
    return decide(mesh, Request(client(who), to, port, payload or get(), **more))
