"""What Istio's injector makes of a pod: the proxy's container, labels, annotations, probes led through its agent.

Source: istio-semantics.md §1.3 to §1.5 (files/injection-template.yaml, files/gateway-injection-template.yaml,
pkg/kube/inject/app_probe.go). Volumes and environment that nothing here reads are left out.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.controlplane.registry.pods import canonical
from sidestep.lab.cluster.objects import Tree, meta_of, owner_of, spec_of
from sidestep.model.quantity import Resources
from sidestep.semantics.loose import annotations_of, as_dict, as_dicts, as_text, labels_of
from sidestep.semantics.proxies import INTERCEPTION, PROXY, REVISION, STATUS, TUNNEL
from sidestep.semantics.proxy_config import HBONE, ProxyConfig
from sidestep.semantics.proxy_resources import CHART_REQUESTS

HEALTH_PORT, READY_PORT, METRICS_PORT = 15020, 15021, 15090
PROBERS = "ISTIO_KUBE_APP_PROBERS"
"""Variable of the proxy's container with the probes as they were written."""
TLS_MODE = "security.istio.io/tlsMode"
_INIT = "istio-init"
_CANONICAL = ("service.istio.io/canonical-name", "service.istio.io/canonical-revision")
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_HEALTH_ANNOTATION = "status.sidecar.istio.io/port"
_REWRITE = "sidecar.istio.io/rewriteAppHTTPProbers"
_PROBES = {"readinessProbe": "readyz", "livenessProbe": "livez", "startupProbe": "startupz"}
_HANDLERS = ("httpGet", "tcpSocket", "grpc")
_AUTO = "auto"


class Given(Struct, frozen=True):
    """What the injector decided for a pod.

    Attributes:
        revision: that injects.
        image: of the proxy.
        native: the sidecar is an init container that stays.
        hbone: it takes HBONE.
        config: what the proxy is told to be.
        requests: of CPU and memory.
    """

    revision: str
    image: str
    native: bool
    hbone: bool
    config: ProxyConfig
    requests: Resources


def inject_sidecar(pod: Tree, given: Given) -> None:
    """Give a pod a sidecar."""
    spec = pod["spec"]
    written = _without_proxy(spec)
    proxy = _merged(_sidecar(given), written)
    probers = _rewrite_probes(pod)
    if probers:
        proxy["env"] = [*proxy["env"], {"name": PROBERS, "value": msgspec.json.encode(probers).decode()}]
    captures = annotations_of(pod).get(INTERCEPTION) != "NONE"
    init: list[Tree] = [{"name": _INIT, "image": given.image, "args": ["istio-iptables"]}] if captures else []
    containers = as_dicts(spec.get("containers"))
    if given.native:
        spec["initContainers"] = [*init, {**proxy, "restartPolicy": "Always"}, *as_dicts(spec.get("initContainers"))]
    else:
        spec["initContainers"] = [*as_dicts(spec.get("initContainers")), *init]
        hold = given.config.holds_application
        spec["containers"] = [proxy, *containers] if hold else [*containers, proxy]
    if not spec["initContainers"]:
        del spec["initContainers"]
    labels = {TLS_MODE: "istio", **({TUNNEL: "http"} if given.hbone else {})}
    _mark(pod, given, labels, [each["name"] for each in init] + ([PROXY] if given.native else []))


def inject_gateway(pod: Tree, given: Given) -> None:
    """Have a pod's container of the proxy's name be a gateway."""
    spec = pod["spec"]
    written = _without_proxy(spec)
    spec["containers"] = [_merged(_proxy_of(given, "router"), written), *as_dicts(spec.get("containers"))]
    _mark(pod, given, {}, [])


def gateway_container(image: str, kind: str) -> Tree:
    """The container of a gateway's or a waypoint's Deployment.

    Args:
        image: of the proxy.
        kind: `router` or `waypoint`.
    """
    return _proxy(image, kind, CHART_REQUESTS, {})


def probers_of(pod: Tree) -> dict[str, Tree]:
    """The probes that were led through the proxy's agent, as they were written, by their path there."""
    spec = spec_of(pod)
    for container in (*as_dicts(spec.get("initContainers")), *as_dicts(spec.get("containers"))):
        if container.get("name") == PROXY:
            for variable in as_dicts(container.get("env")):
                if variable.get("name") == PROBERS:
                    return _decoded(as_text(variable.get("value")))
    return {}


def health_port(annotations: Mapping[str, str]) -> int:
    """At which the proxy's agent is asked; 0 where it is not."""
    written = annotations.get(_HEALTH_ANNOTATION, str(HEALTH_PORT))
    return int(written) if written.isascii() and written.isdigit() else 0


def _sidecar(given: Given) -> Tree:
    proxy = _proxy_of(given, "sidecar")
    hbone = {"name": HBONE, "value": "true" if given.hbone else "false"}
    probe = {**proxy["readinessProbe"], "periodSeconds": 1, "failureThreshold": 600}
    hooks = _hooks(given)
    return {**proxy, "env": [*proxy["env"], hbone], "startupProbe": probe, **({"lifecycle": hooks} if hooks else {})}


def _hooks(given: Given) -> Tree:
    if given.native:
        return {"preStop": _command("request", f"--debug-port={HEALTH_PORT}", "POST", "drain")}
    return {"postStart": _command("wait")} if given.config.holds_application else {}


def _command(*words: str) -> Tree:
    return {"exec": {"command": ["pilot-agent", *words]}}


def _proxy(image: str, kind: str, requests: Resources, metadata: Mapping[str, str]) -> Tree:
    amounts = {"cpu": f"{requests.cpu_millis}m", "memory": str(requests.memory_bytes)}
    return {
        "name": PROXY,
        "image": image,
        "args": ["proxy", kind, "--domain", "$(POD_NAMESPACE).svc.cluster.local"],
        "env": [{"name": name, "value": value} for name, value in sorted(metadata.items()) if name != HBONE],
        "ports": [{"name": "http-envoy-prom", "containerPort": METRICS_PORT, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": READY_PORT}, "periodSeconds": 15},
        "resources": {"requests": amounts},
        "securityContext": {"runAsUser": 1337},
    }


def _proxy_of(given: Given, kind: str) -> Tree:
    return _proxy(given.image, kind, given.requests, given.config.metadata)


def _without_proxy(spec: Tree) -> Tree:
    """Take out the proxy's container as the user wrote it, which only completes the injector's."""
    written: Tree = {}
    for field in ("containers", "initContainers"):
        rows = as_dicts(spec.get(field))
        written = next((each for each in rows if each.get("name") == PROXY), written)
        if rows:
            spec[field] = [each for each in rows if each.get("name") != PROXY]
    return written


def _merged(proxy: Tree, written: Tree) -> Tree:
    own = {key: value for key, value in written.items() if key != "image" or value != _AUTO}
    env = [*proxy["env"], *as_dicts(own.pop("env", None))]
    ports = [*proxy["ports"], *(each for each in as_dicts(own.pop("ports", None)) if each not in proxy["ports"])]
    return {**proxy, **own, "args": proxy["args"], "env": env, "ports": ports}


def _mark(pod: Tree, given: Given, labels: dict[str, str], init: list[str]) -> None:
    """Labels and annotations by which everybody sees that it was injected; what the pod says itself stays."""
    meta = pod["metadata"]
    names = dict(zip(_CANONICAL, canonical(labels_of(pod), _workload(pod)), strict=True))
    meta["labels"] = {**names, **labels, **labels_of(pod)}
    first = next(
        (each.get("name") for each in as_dicts(spec_of(pod).get("containers")) if each.get("name") != PROXY), ""
    )
    status = {
        "initContainers": init or None,
        "containers": [PROXY] if PROXY not in init else None,
        "volumes": None,
        "imagePullSecrets": None,
        "revision": given.revision,
    }
    added = {REVISION: given.revision, STATUS: msgspec.json.encode(status).decode()}
    if first:
        added[_DEFAULT_CONTAINER] = first
    meta["annotations"] = {**added, **annotations_of(pod), STATUS: added[STATUS]}


def _workload(pod: Tree) -> str:
    kind, name = owner_of(pod)
    hashed = labels_of(pod).get("pod-template-hash", "")
    return (name.removesuffix(f"-{hashed}") if kind == "ReplicaSet" else name) or as_text(meta_of(pod).get("name"))


def _rewrite_probes(pod: Tree) -> dict[str, Tree]:
    """Lead probes through the proxy's agent, as the node knows no mTLS; how they were written, by their new path."""
    annotations = annotations_of(pod)
    port = health_port(annotations)
    if annotations.get(_REWRITE, "true") == "false" or not port:
        return {}
    found: dict[str, Tree] = {}
    for container in as_dicts(spec_of(pod).get("containers")):
        ports = {each.get("name"): each.get("containerPort") for each in as_dicts(container.get("ports"))}
        for field, word in _PROBES.items():
            probe = as_dict(container.get(field))
            kind = next((each for each in _HANDLERS if as_dict(probe.get(each))), "")
            if kind:
                path = f"/app-health/{container.get('name', '')}/{word}"
                found[path] = {kind: _numbered(probe[kind], ports), "timeoutSeconds": probe.get("timeoutSeconds", 1)}
                rest = {key: value for key, value in probe.items() if key not in _HANDLERS}
                container[field] = {**rest, "httpGet": {"path": path, "port": port, "scheme": "HTTP"}}
    return found


def _numbered(handler: Tree, ports: dict[Any, Any]) -> Tree:
    """With its port as a number."""
    return {**handler, "port": ports.get(handler.get("port"), handler.get("port"))}


def _decoded(text: str) -> dict[str, Tree]:
    try:
        return {key: value for key, value in as_dict(msgspec.json.decode(text)).items() if isinstance(value, dict)}
    except msgspec.DecodeError:
        return {}
