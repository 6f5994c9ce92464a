"""The language in which scenes are written: who is there in which mode, and what is configured.

`web` calls `cart` on port 80, whose pods listen on 8080, all of them in namespace `shop`.
"""

import json
from typing import Any

import yaml

from sidestep.demo.scene import Object

SHOP, ROOT = "shop", "istio-system"
BOUND = {"istio.io/use-waypoint": "waypoint"}
DELETE: dict[str, Any] = {"method": "DELETE", "path": "/items/1"}
AUTHORIZER = "checks"
"""The workload that answers the checks of CUSTOM policies."""
ISSUER = "https://issuer.sidestep.dev"
_IN_NO_MESH = {"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none"}
_MODES = {
    "sidecar": {"sidecar.istio.io/inject": "true"},
    "old": {"sidecar.istio.io/inject": "true"},
    "ambient": {"istio.io/dataplane-mode": "ambient"},
    "none": _IN_NO_MESH,
}
_NO_HBONE = {"proxy.istio.io/config": json.dumps({"proxyMetadata": {"ISTIO_META_ENABLE_HBONE": "false"}})}
_GATEWAYS = "gateway.networking.k8s.io"


def thing(api_version: str, kind: str, name: str, space: str = SHOP, **parts: Any) -> Object:
    """Any object."""
    where = {"namespace": space} if space else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **where}, **parts}


def istio(kind: str, name: str, spec: Object, space: str = SHOP) -> Object:
    """An object of Istio's."""
    security = kind in ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication")
    return thing(f"{'security' if security else 'networking'}.istio.io/v1", kind, name, space, spec=spec)


def pods(  # noqa: PLR0913 - what pods are made of
    name: str,
    mode: str,
    space: str = SHOP,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    behaviour: Object | None = None,
    replicas: int = 1,
    container: Object | None = None,
) -> Object:
    """A Deployment, its pods `sidecar`, `old` (a sidecar that knows no HBONE), `ambient` or `none`."""
    told = {"sidestep.dev/behaviour": json.dumps(behaviour)} if behaviour else {}
    notes = {**(_NO_HBONE if mode == "old" else {}), **told, **(annotations or {})}
    chosen = {"app": name, **(labels or {})}
    template = {
        "metadata": {
            "labels": {**chosen, **_MODES[mode]},
            **({"annotations": notes} if notes else {}),
        },
        "spec": {
            "serviceAccountName": name,
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": "any", "ports": [{"containerPort": 8080}], **(container or {})}],
        },
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": chosen}, "template": template}
    return thing("apps/v1", "Deployment", name, space, spec=spec)


def service(  # noqa: PLR0913 - what Services are made of
    name: str,
    space: str = SHOP,
    *,
    labels: dict[str, str] | None = None,
    selector: dict[str, str] | None = None,
    protocol: str = "http",
    headless: bool = False,
    annotations: dict[str, str] | None = None,
) -> Object:
    """A Service: port 80 is the pods' 8080."""
    made = thing("v1", "Service", name, space)
    made["metadata"] |= ({"labels": labels} if labels else {}) | ({"annotations": annotations} if annotations else {})
    port = {"name": protocol, "port": 80, "targetPort": 8080}
    made["spec"] = {"selector": selector or {"app": name}, "ports": [port]}
    if headless:
        made["spec"]["clusterIP"] = "None"
    return made


def pair(
    client: str, server: str, *more: Object, server_pods: Object | None = None, **of_service: Any
) -> tuple[Object, ...]:
    """`web` and `cart` in modes, the Service before cart, and more."""
    made = server_pods or pods("cart", server)
    return (*spaces(*more), pods("web", client), made, service("cart", **of_service), *more)


def sidecars(*more: Object, **of_service: Any) -> tuple[Object, ...]:
    """Both with sidecars."""
    return pair("sidecar", "sidecar", *more, **of_service)


def ambient(*more: Object, **of_service: Any) -> tuple[Object, ...]:
    """Both in ambient."""
    return pair("ambient", "ambient", *more, **of_service)


def bound(*more: Object, client: str = "ambient", **of_service: Any) -> tuple[Object, ...]:
    """Both in ambient, and the Service behind a waypoint."""
    return pair(client, "ambient", waypoint(), *more, **{"labels": BOUND, **of_service})


def spaces(*objects: Object) -> tuple[Object, ...]:
    """The namespaces of objects, and `shop`."""
    names = {SHOP, *(each["metadata"].get("namespace", "") for each in objects)} - {""}
    return tuple(thing("v1", "Namespace", name, "") for name in sorted(names))


def waypoint(name: str = "waypoint", **infrastructure: Any) -> Object:
    """A waypoint of Services; its pods as `infrastructure` has them."""
    listeners = [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]
    spec: Object = {"gatewayClassName": "istio-waypoint", "listeners": listeners}
    if infrastructure:
        spec["infrastructure"] = infrastructure
    return thing(f"{_GATEWAYS}/v1", "Gateway", name, spec=spec)


def policy(  # noqa: PLR0913 - what policies are made of
    name: str,
    *rules: Object,
    action: str = "ALLOW",
    space: str = SHOP,
    app: str = "",
    labels: dict[str, str] | None = None,
    service: str = "",
    gateway: str = "",
    **more: Any,
) -> Object:
    """An AuthorizationPolicy."""
    spec: Object = {"action": action, "rules": list(rules), **more}
    chosen = {"app": app} if app else labels
    if chosen:
        spec["selector"] = {"matchLabels": chosen}
    if service:
        spec["targetRefs"] = [{"group": "", "kind": "Service", "name": service}]
    if gateway:
        spec["targetRefs"] = [{"group": _GATEWAYS, "kind": "Gateway", "name": gateway}]
    return istio("AuthorizationPolicy", name, spec, space)


def deny(**where: Any) -> Object:
    """A policy that refuses DELETE."""
    return policy("no-delete", methods("DELETE"), action="DENY", **where)


def methods(*names: str) -> Object:
    """A rule on methods."""
    return {"to": [{"operation": {"methods": list(names)}}]}


def callers(*accounts: str) -> Object:
    """A rule on accounts of `shop`."""
    return {"from": [{"source": {"principals": [f"cluster.local/ns/{SHOP}/sa/{each}" for each in accounts]}}]}


def peers(
    mode: str = "", space: str = ROOT, *, name: str = "default", app: str = "", ports: Object | None = None
) -> Object:
    """A PeerAuthentication."""
    spec: Object = {"mtls": {"mode": mode}} if mode else {}
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    if ports:
        spec["portLevelMtls"] = {str(port): {"mode": each} for port, each in ports.items()}
    return istio("PeerAuthentication", name, spec, space)


def tokens(name: str, **rule: Any) -> Object:
    """A RequestAuthentication for `cart`, with the keys of the lab's issuer."""
    spec = {"selector": {"matchLabels": {"app": "cart"}}, "jwtRules": [{"issuer": ISSUER, "jwks": "{keys}", **rule}]}
    return istio("RequestAuthentication", name, spec)


def routed(name: str, host: str, *http: Object, space: str = SHOP, **more: Any) -> Object:
    """A VirtualService."""
    return istio("VirtualService", name, {"hosts": [host], "http": list(http), **more}, space)


def to(host: str, subset: str = "", **more: Any) -> Object:
    """A rule of a VirtualService with one destination."""
    return {"route": [{"destination": {"host": host, **({"subset": subset} if subset else {})}}], **more}


def destination(name: str, host: str, policy: Object) -> Object:
    """A DestinationRule."""
    return istio("DestinationRule", name, {"host": host, "trafficPolicy": policy})


def http_route(name: str, service: str, *rules: Object) -> Object:
    """An HTTPRoute of a Service."""
    spec = {"parentRefs": [{"group": "", "kind": "Service", "name": service, "port": 80}], "rules": list(rules)}
    return thing(f"{_GATEWAYS}/v1", "HTTPRoute", name, spec=spec)


def backend(name: str, **more: Any) -> Object:
    """A rule of an HTTPRoute with one backend."""
    return {"backendRefs": [{"name": name, "port": 80}], **more}


def gateway() -> tuple[Object, ...]:
    """An ingress gateway with a route to `cart`."""
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "Same"}}}
    made = thing(f"{_GATEWAYS}/v1", "Gateway", "edge", spec={"gatewayClassName": "istio", "listeners": [listener]})
    spec = {"parentRefs": [{"name": "edge"}], "rules": [backend("cart")]}
    return made, thing(f"{_GATEWAYS}/v1", "HTTPRoute", "edge", spec=spec), pods("caller", "none", "outside")


def mesh_config(**values: Any) -> Object:
    """The mesh configuration."""
    return thing("v1", "ConfigMap", "istio", ROOT, data={"mesh": yaml.safe_dump(values, sort_keys=False)})


def istiod(version: str, **flags: str) -> Object:
    """The control plane's Deployment, for its version and its environment alone."""
    container: Object = {"name": "discovery", "image": f"docker.io/istio/pilot:{version}"}
    if flags:
        container["env"] = [{"name": name, "value": value} for name, value in flags.items()]
    return pods("istiod", "none", ROOT, container=container)
