"""Pod templates: ordinary applications, and the mesh's own proxies."""

from tools.meshgen import objects as o
from tools.meshgen.config import ISTIO_IMAGE, OLD_ISTIO_IMAGE, OLD_REVISION, REVISION
from tools.meshgen.proxies import REQUESTS, Sidecar, inject, proxy_container


def app(name: str, cpu: int = 100, memory: int = 256, **labels: str) -> o.Object:
    """A template of an ordinary application."""
    container = {
        "name": "app",
        "image": f"registry.example.com/{name}:1.4.2",
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "GREETING", "value": "hello"}],
        "resources": {"requests": {"cpu": f"{cpu}m", "memory": f"{memory}Mi"}},
    }
    metadata: o.Object = {"labels": {"app": name, **labels}, "annotations": {}}
    return {"metadata": metadata, "spec": {"containers": [container]}}


def ztunnel() -> o.Object:
    template = app("ztunnel", 200, 512)
    container = proxy_container(
        "ztunnel", "docker.io/istio/ztunnel:1.29.2", {"requests": {"cpu": "200m", "memory": "512Mi"}}
    )
    template["spec"]["containers"] = [container]
    return template


def gateway(name: str) -> o.Object:
    template = app(name)
    template["spec"]["containers"] = [proxy_container("router", ISTIO_IMAGE, REQUESTS)]
    template["metadata"]["labels"]["istio"] = "ingressgateway"
    return template


def waypoint(name: str) -> o.Object:
    template = app(name)
    template["spec"]["containers"] = [proxy_container("waypoint", ISTIO_IMAGE, REQUESTS)]
    template["metadata"]["labels"] |= {
        "gateway.networking.k8s.io/gateway-name": name,
        "gateway.istio.io/managed": "istio.io-mesh-controller",
        "istio.io/dataplane-mode": "none",
        "sidecar.istio.io/inject": "false",
    }
    return template


def meshed(plain: o.Object, style: str, *, native: bool = True) -> o.Object:
    """A template as its pods look in a namespace of some style."""
    if style in ("none", "ambient"):
        annotations = {**plain["metadata"]["annotations"], "ambient.istio.io/redirection": "enabled"}
        return plain if style == "none" else {**plain, "metadata": {**plain["metadata"], "annotations": annotations}}
    if style == "old":
        return inject(plain, Sidecar(native=False, revision=OLD_REVISION, image=OLD_ISTIO_IMAGE, hbone=False))
    return inject(plain, Sidecar(native=native, revision="default" if style == "default" else REVISION))
