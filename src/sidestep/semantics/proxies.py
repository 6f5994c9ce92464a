"""What a pod is to the mesh, read from the pod itself and never from what its labels promise.

Source: istio-semantics.md §1.3 and §1.4 (istio manifests/charts/istio-control/istio-discovery/files, pkg/kube/inject).
"""

from enum import StrEnum

from msgspec import Struct

from sidestep.model.metadata import Labels, Revision
from sidestep.model.pods import Container, PodShape
from sidestep.semantics.embedded import embedded_json

PROXY = "istio-proxy"
STATUS = "sidecar.istio.io/status"
TEMPLATES = "inject.istio.io/templates"
REVISION = "istio.io/rev"
TUNNEL = "networking.istio.io/tunnel"
INTERCEPTION = "sidecar.istio.io/interceptionMode"
REDIRECTION = "ambient.istio.io/redirection"
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
MANAGED = "gateway.istio.io/managed"

_WAYPOINT_CONTROLLERS = ("istio.io-mesh-controller", "istio.io-agentgateway-mesh-controller")
REDIRECTORS = ("istio-init", "istio-validation")
"""Init containers that say that a sidecar's redirection is in place."""
_PROXYLESS_TEMPLATES = ("grpc-agent", "grpc-simple")
_GATEWAY_TEMPLATE = "gateway"
_CNI = ("istio-cni-node", "istio-cni")
_ISTIOD = "istiod"


class Role(StrEnum):
    """What a pod does in the mesh."""

    APPLICATION = "application"
    GATEWAY = "gateway"
    WAYPOINT = "waypoint"
    ZTUNNEL = "ztunnel"
    ISTIO_CNI = "istio-cni"
    ISTIOD = "istiod"


class SidecarMode(StrEnum):
    """How a sidecar runs: beside the app, or as an init container that stays."""

    CLASSIC = "classic"
    NATIVE = "native"


_ROLE_OF_TYPE = {"router": Role.GATEWAY, "waypoint": Role.WAYPOINT, "ztunnel": Role.ZTUNNEL}


class Recognition(Struct, frozen=True):
    """What a pod was recognised as.

    Attributes:
        role: what it does in the mesh.
        sidecar: how its sidecar runs; None when it has none.
        proxy: the proxy's container, of a sidecar, a gateway or a waypoint.
        revision: which revision injected it, where it says so.
        hbone: whether the sidecar can receive HBONE on 15008.
        captures: whether the sidecar's traffic redirection is installed.
        proxyless: it speaks xDS by itself (gRPC) and nothing is intercepted.
        captured: ztunnel captures it, by the CNI agent's own annotation.
        orphan_proxy: a container called `istio-proxy` that the user wrote and nobody injected.
    """

    role: Role = Role.APPLICATION
    sidecar: SidecarMode | None = None
    proxy: Container | None = None
    revision: Revision | None = None
    hbone: bool = False
    captures: bool = False
    proxyless: bool = False
    captured: bool = False
    orphan_proxy: bool = False


def recognise(shape: PodShape) -> Recognition:
    """What the pods of a shape are."""
    role = _role(shape)
    captured = shape.annotations.get(REDIRECTION) == "enabled"
    proxy, mode = _proxy(shape)
    revision = _revision(shape)
    if role is not Role.APPLICATION:
        return Recognition(role, proxy=proxy, revision=revision, captured=captured)
    if _is_proxyless(shape, proxy):
        return Recognition(proxyless=True, revision=revision, captured=captured)
    redirects = any(c.name in REDIRECTORS for c in shape.spec.init_containers or ())
    if proxy is None or not (STATUS in shape.annotations or (redirects and _proxy_type(proxy) == "sidecar")):
        return Recognition(captured=captured, orphan_proxy=proxy is not None)
    return Recognition(
        sidecar=mode,
        proxy=proxy,
        revision=revision,
        hbone=shape.labels.get(TUNNEL) == "http" or _env(proxy, "ISTIO_META_ENABLE_HBONE") == "true",
        captures=redirects and shape.annotations.get(INTERCEPTION) != "NONE",
        captured=captured,
    )


def is_waypoint(labels: Labels) -> bool:
    """Whether labels are those that istiod puts on a waypoint's pods."""
    return labels.get(MANAGED) in _WAYPOINT_CONTROLLERS


def _role(shape: PodShape) -> Role:
    labels, containers = shape.labels, {c.name: c for c in shape.spec.containers or ()}
    app = labels.get("app") or labels.get("app.kubernetes.io/name") or labels.get("k8s-app")
    if is_waypoint(labels):
        return Role.WAYPOINT
    if "install-cni" in containers and app in _CNI:
        return Role.ISTIO_CNI
    if app == _ISTIOD and "discovery" in containers:
        return Role.ISTIOD
    if _GATEWAY_TEMPLATE in _templates(shape):
        return Role.GATEWAY
    proxy = containers.get(PROXY)
    return _ROLE_OF_TYPE.get(_proxy_type(proxy) or "", Role.APPLICATION) if proxy else Role.APPLICATION


def _proxy(shape: PodShape) -> tuple[Container | None, SidecarMode | None]:
    """The proxy's container; the native one where templates left a second container of that name."""
    for container in shape.spec.init_containers or ():
        if container.name == PROXY and container.is_native_sidecar:
            return container, SidecarMode.NATIVE
    for container in shape.spec.containers or ():
        if container.name == PROXY:
            return container, SidecarMode.CLASSIC
    return None, None


def _proxy_type(proxy: Container) -> str | None:
    """`sidecar`, `router`, `waypoint` or `ztunnel`: the word after `proxy` in the arguments."""
    args = proxy.args or ()
    if not args or args[0] != "proxy":
        return None
    return args[1] if len(args) > 1 else None


def _is_proxyless(shape: PodShape, proxy: Container | None) -> bool:
    if not _templates(shape).isdisjoint(_PROXYLESS_TEMPLATES):
        return True
    if proxy is not None:
        return _env(proxy, "DISABLE_ENVOY") == "true"
    return any(_env(c, "GRPC_XDS_BOOTSTRAP") is not None for c in shape.spec.containers or ())


def _templates(shape: PodShape) -> set[str]:
    """The injection templates that a pod asks for, or was made from."""
    return {name.strip() for name in shape.annotations.get(TEMPLATES, "").split(",")}


def _revision(shape: PodShape) -> Revision | None:
    status = embedded_json(shape.annotations.get(STATUS)) or {}
    found = status.get("revision") or shape.annotations.get(REVISION) or shape.labels.get(REVISION)
    return Revision(found) if isinstance(found, str) else None


def _env(container: Container, name: str) -> str | None:
    return next((variable.value or "" for variable in container.env or () if variable.name == name), None)
