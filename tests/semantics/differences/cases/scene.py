"""The scenes that cases begin with: `web` calls `cart` on port 80, whose pods listen on 8080."""

from msgspec.structs import replace
from tests.semantics.differences.cases.case import Case, Expected, Object, flat
from tests.support import mesh as m
from tests.support import scenes

from sidestep.semantics.decisions import Proxy, Shape, Verdict
from sidestep.semantics.requests import Http, Request, Tcp

WEB, CART, WAYPOINT = "10.1.0.1", "10.1.0.2", "10.1.0.9"
BOUND = {"istio.io/use-waypoint": "waypoint"}
TO_WAYPOINT = (Proxy.ZTUNNEL_OUT, Proxy.WAYPOINT)
SIDECARS = (Proxy.SIDECAR_OUT, Proxy.SIDECAR_IN)
ZTUNNELS = (Proxy.ZTUNNEL_OUT, Proxy.ZTUNNEL_IN)
THROUGH = (Proxy.ZTUNNEL_OUT, Proxy.WAYPOINT, Proxy.ZTUNNEL_IN)

ALLOW, DENY, UNREACHABLE, UNKNOWN = Verdict.ALLOW, Verdict.DENY, Verdict.UNREACHABLE, Verdict.UNKNOWN


def pair(client: str, server: str, *more: Object | list[Object], labels=None, **service) -> tuple[Object, ...]:
    """`web` and `cart` in modes, the Service before cart, and more."""
    return flat(
        scenes.pods("web", client, ip=WEB),
        scenes.pods("cart", server, ip=CART),
        scenes.service("cart", labels=labels, **service),
        *more,
    )


def sidecars(*more: Object | list[Object], **service) -> tuple[Object, ...]:
    return pair("sidecar", "sidecar", *more, **service)


def ambient(*more: Object | list[Object], **service) -> tuple[Object, ...]:
    return pair("ambient", "ambient", *more, **service)


def bound(*more: Object | list[Object], client: str = "ambient", **service) -> tuple[Object, ...]:
    """Both in ambient, and the Service behind a waypoint."""
    return pair(client, "ambient", waypoint(), *more, **{"labels": BOUND, **service})


def waypoint(
    name: str = "waypoint", space: str = "shop", *, serves: str = "service", ip: str = WAYPOINT, labels=None
) -> list[Object]:
    """A waypoint that is ready: its Gateway and its pod."""
    template = m.waypoint(name)
    template["metadata"]["labels"] |= labels or {}
    template["spec"]["serviceAccountName"] = name
    made = m.workload(template, name, space, replicas=1, pods=1)
    for each in made:
        if each["kind"] == "Pod":
            each["status"] |= {"podIP": ip, "conditions": [{"type": "Ready", "status": "True"}]}
    return [*scenes.waypoint(name, space, serves=serves), *made]


def gateway() -> list[Object]:
    return scenes.pods("edge", "gateway", ip="10.1.0.7")


def istiod(**flags: str) -> list[Object]:
    """Flags of the control plane."""
    container = {"name": "discovery", "image": "docker.io/istio/pilot:1.30.0"}
    container["env"] = [{"name": name, "value": value} for name, value in flags.items()]
    template = {"metadata": {"labels": {"app": "istiod"}}, "spec": {"containers": [container]}}
    return [m.o.controller("Deployment", "istiod", "istio-system", template, 1)]


def vs(name: str, host: str, *http: Object, space: str = "shop", **more) -> Object:
    return m.o.istio("VirtualService", name, space, {"hosts": [host], "http": list(http), **more})


def dr(name: str, host: str, policy: Object | None = None, space: str = "shop", **more) -> Object:
    spec = {"host": host, **({"trafficPolicy": policy} if policy else {}), **more}
    return m.o.istio("DestinationRule", name, space, spec)


def http_route(name: str, service: str, *rules: Object, space: str = "shop") -> Object:
    parents = [{"group": "", "kind": "Service", "name": service, "port": 80}]
    spec = {"parentRefs": parents, "rules": list(rules)}
    return m.o.thing("gateway.networking.k8s.io/v1", "HTTPRoute", m.o.meta(name, space), spec=spec)


def entry(name: str, host: str, *, location: str = "MESH_EXTERNAL", port: int = 80, protocol: str = "HTTP") -> Object:
    spec = {"hosts": [host], "location": location, "resolution": "DNS"}
    spec["ports"] = [{"number": port, "name": protocol.lower(), "protocol": protocol}]
    return m.o.istio("ServiceEntry", name, "shop", spec)


def written(service: str, address: str) -> Object:
    """An EndpointSlice that somebody wrote down, with an address and no pod."""
    found = m.o.thing("discovery.k8s.io/v1", "EndpointSlice", m.o.meta(f"{service}-by-hand", "shop"))
    found["metadata"]["labels"] = {"kubernetes.io/service-name": service}
    return found | {
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


def to(host: str, subset: str = "", **more) -> Object:
    """A rule of a VirtualService with one destination."""
    destination = {"host": host, **({"subset": subset} if subset else {})}
    return {"route": [{"destination": destination}], **more}


def backend(name: str, **more) -> Object:
    """A rule of an HTTPRoute with one backend."""
    return {"backendRefs": [{"name": name, "port": 80}], **more}


def tokens(name: str, *, app: str = "", service: str = "", **rule) -> Object:
    spec: Object = {"jwtRules": [{"issuer": "https://issuer.example.com", **rule}]}
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    if service:
        spec["targetRefs"] = [{"group": "", "kind": "Service", "name": service}]
    return m.o.istio("RequestAuthentication", name, "shop", spec)


def methods(*names: str) -> Object:
    return {"to": [{"operation": {"methods": list(names)}}]}


def callers(*accounts: str, **more) -> Object:
    return {"from": [{"source": {"principals": [scenes.principal(each) for each in accounts], **more}}]}


def ask(payload: Http | Tcp | None = None, *, who: str = "web", host: str = "cart", port: int = 80, **more) -> Request:
    return Request(scenes.client(who), host, port, payload or scenes.get(), **more)


def admitted(path: tuple[Proxy, ...], by: str = "", /, **facts: object) -> Expected:
    return Expected(ALLOW, Shape.NONE, by, path, facts)


def refused(path: tuple[Proxy, ...], shape: Shape, by: str = "", /, **facts: object) -> Expected:
    return Expected(DENY, shape, by, path, facts)


def lost(path: tuple[Proxy, ...], shape: Shape, by: str = "", /, **facts: object) -> Expected:
    """It does not arrive."""
    return Expected(UNREACHABLE, shape, by, path, facts)


def depends(path: tuple[Proxy, ...], by: str = "", /, **facts: object) -> Expected:
    return Expected(UNKNOWN, Shape.NONE, by, path, facts)


def at(version: str, case: Case) -> Case:
    return replace(case, version=version)
