"""Containers that Istio's injector and gateway controller add, as the API server returns them."""

import json
from dataclasses import dataclass, field
from typing import Any

from tools.meshgen.config import ISTIO_IMAGE, REVISION

Object = dict[str, Any]

REQUESTS = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}}
_ENVIRONMENT = (
    ("PILOT_CERT_PROVIDER", "istiod"),
    ("CA_ADDR", "istiod.istio-system.svc:15012"),
    ("PROXY_CONFIG", "{}\n"),
    ("ISTIO_META_POD_PORTS", '[\n    {"containerPort":8080,"protocol":"TCP"}\n]'),
    ("ISTIO_META_APP_CONTAINERS", "app"),
    ("ISTIO_META_CLUSTER_ID", "Kubernetes"),
    ("ISTIO_META_INTERCEPTION_MODE", "REDIRECT"),
    ("ISTIO_META_MESH_ID", "cluster.local"),
    ("TRUST_DOMAIN", "cluster.local"),
)
_REFERENCES = (
    ("POD_NAME", "metadata.name"),
    ("POD_NAMESPACE", "metadata.namespace"),
    ("INSTANCE_IP", "status.podIP"),
    ("SERVICE_ACCOUNT", "spec.serviceAccountName"),
    ("HOST_IP", "status.hostIP"),
)
_MOUNTS = (
    ("workload-socket", "/var/run/secrets/workload-spiffe-uds"),
    ("credential-socket", "/var/run/secrets/credential-uds"),
    ("workload-certs", "/var/run/secrets/workload-spiffe-credentials"),
    ("istiod-ca-cert", "/var/run/secrets/istio"),
    ("istio-data", "/var/lib/istio/data"),
    ("istio-envoy", "/etc/istio/proxy"),
    ("istio-token", "/var/run/secrets/tokens"),
    ("istio-podinfo", "/etc/istio/pod"),
)


@dataclass(frozen=True)
class Sidecar:
    """How a sidecar is injected."""

    native: bool = True
    revision: str = REVISION
    image: str = ISTIO_IMAGE
    hbone: bool = True
    resources: Object = field(default_factory=lambda: REQUESTS)


def inject(template: Object, sidecar: Sidecar) -> Object:
    """A pod template as it looks after injection."""
    spec, metadata = template["spec"], template["metadata"]
    proxy = proxy_container("sidecar", sidecar.image, sidecar.resources)
    if sidecar.hbone:
        proxy["env"].append({"name": "ISTIO_META_ENABLE_HBONE", "value": "true"})
    init = [_init(sidecar)]
    containers = list(spec["containers"])
    if sidecar.native:
        init.append({**proxy, "restartPolicy": "Always"})
    else:
        containers.append(proxy)
    labels = {**metadata["labels"], "security.istio.io/tlsMode": "istio"}
    labels |= {"service.istio.io/canonical-name": labels["app"], "service.istio.io/canonical-revision": "latest"}
    if sidecar.hbone:
        labels["networking.istio.io/tunnel"] = "http"
    annotations = {**metadata.get("annotations", {}), **_annotations(sidecar)}
    return {
        "metadata": {**metadata, "labels": labels, "annotations": annotations},
        "spec": {**spec, "containers": containers, "initContainers": [*init, *spec.get("initContainers", [])]},
    }


def proxy_container(kind: str, image: str, resources: Object) -> Object:
    return {
        "name": "istio-proxy",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["proxy", kind, "--domain", "$(POD_NAMESPACE).svc.cluster.local", "--proxyLogLevel=warning"],
        "env": [{"name": name, "value": value} for name, value in _ENVIRONMENT]
        + [{"name": n, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": p}}} for n, p in _REFERENCES],
        "ports": [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": 15021, "scheme": "HTTP"}, "periodSeconds": 15},
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "privileged": False,
            "readOnlyRootFilesystem": True, "runAsGroup": 1337, "runAsNonRoot": True, "runAsUser": 1337,
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [{"mountPath": path, "name": name} for name, path in _MOUNTS],
    }  # fmt: skip


def _init(sidecar: Sidecar) -> Object:
    return {
        "name": "istio-init",
        "image": sidecar.image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["istio-iptables", "-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-b", "*"],
        "resources": sidecar.resources,
        "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}, "runAsUser": 0},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }


def _annotations(sidecar: Sidecar) -> dict[str, str]:
    init = ["istio-init", "istio-proxy"] if sidecar.native else ["istio-init"]
    status = {
        "initContainers": init,
        "containers": None if sidecar.native else ["istio-proxy"],
        "volumes": [name for name, _ in _MOUNTS],
        "imagePullSecrets": None,
        "revision": sidecar.revision,
    }
    return {
        "istio.io/rev": sidecar.revision,
        "kubectl.kubernetes.io/default-container": "app",
        "prometheus.io/path": "/stats/prometheus",
        "prometheus.io/port": "15020",
        "prometheus.io/scrape": "true",
        "sidecar.istio.io/status": json.dumps(status, separators=(",", ":")),
    }
