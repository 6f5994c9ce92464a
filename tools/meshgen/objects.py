"""Kubernetes and Istio objects in the smallest form that the API server would return."""

from typing import Any

from tools.meshgen.config import CNI_START, REVISION, START, TAG

Object = dict[str, Any]


def meta(name: str, namespace: str = "", **fields: Any) -> Object:
    found: Object = {"name": name}
    if namespace:
        found["namespace"] = namespace
    return {**found, "uid": f"uid-{namespace}-{name}", "resourceVersion": "1000", "creationTimestamp": START, **fields}


def thing(api_version: str, kind: str, metadata: Object, **fields: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def namespace(name: str, **labels: str) -> Object:
    spelled = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
    return thing("v1", "Namespace", meta(name, labels={"kubernetes.io/metadata.name": name, **spelled}))


def labelled_namespace(name: str, labels: dict[str, str]) -> Object:
    return thing("v1", "Namespace", meta(name, labels={"kubernetes.io/metadata.name": name, **labels}))


def owner(kind: str, name: str, api_version: str = "apps/v1") -> list[Object]:
    return [
        {"apiVersion": api_version, "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True,
         "blockOwnerDeletion": True}
    ]  # fmt: skip


def service(name: str, space: str, *, headless: bool = False, labels: dict[str, str] | None = None) -> Object:
    spec: Object = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    spec["clusterIP"] = "None" if headless else "10.96.0.10"
    return thing("v1", "Service", meta(name, space, labels=labels or {}), spec=spec)


def controller(kind: str, name: str, space: str, template: Object, replicas: int | None) -> Object:
    spec: Object = {"selector": {"matchLabels": {"app": name}}, "template": template}
    if replicas is not None:
        spec["replicas"] = replicas
    group = "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"
    return thing(group, kind, meta(name, space, labels={"app": name}), spec=spec)


def replica_set(name: str, space: str, parent: str, kind: str, replicas: int) -> Object:
    group = "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"
    return thing(
        "apps/v1",
        "ReplicaSet",
        meta(name, space, ownerReferences=owner(kind, parent, group)),
        spec={"replicas": replicas},
    )


def autoscaler(target: str, space: str) -> Object:
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "minReplicas": 2, "maxReplicas": 6}  # fmt: skip
    return thing("autoscaling/v2", "HorizontalPodAutoscaler", meta(target, space), spec=spec)


def disruption_budget(name: str, space: str, labels: dict[str, str], allowed: int) -> Object:
    spec = {"selector": {"matchLabels": labels}, "maxUnavailable": 1}
    return thing(
        "policy/v1", "PodDisruptionBudget", meta(name, space), spec=spec, status={"disruptionsAllowed": allowed}
    )


def network_policy(name: str, space: str, app: str, ports: tuple[int, ...]) -> Object:
    rule: Object = {"from": [{"podSelector": {}}]}
    if ports:
        rule["ports"] = [{"port": port, "protocol": "TCP"} for port in ports]
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    return thing("networking.k8s.io/v1", "NetworkPolicy", meta(name, space), spec=spec)


def istio(kind: str, name: str, space: str, spec: Object) -> Object:
    group = {
        "AuthorizationPolicy": "security.istio.io/v1",
        "PeerAuthentication": "security.istio.io/v1",
        "RequestAuthentication": "security.istio.io/v1",
        "Telemetry": "telemetry.istio.io/v1",
        "EnvoyFilter": "networking.istio.io/v1alpha3",
        "WasmPlugin": "extensions.istio.io/v1alpha1",
    }.get(kind, "networking.istio.io/v1")
    return thing(group, kind, meta(name, space), spec=spec)


def waypoint(name: str, space: str, *, ready: bool = True) -> Object:
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]}
    status = {"addresses": [{"type": "IPAddress", "value": "10.96.3.3"}]} if ready else {}
    labels = {"istio.io/waypoint-for": "service"}
    return thing("gateway.networking.k8s.io/v1", "Gateway", meta(name, space, labels=labels), spec=spec, status=status)


def http_route(name: str, space: str, service_name: str) -> Object:
    spec = {"parentRefs": [{"group": "", "kind": "Service", "name": service_name, "port": 80}],
            "rules": [{"backendRefs": [{"name": service_name, "port": 80}]}]}  # fmt: skip
    return thing("gateway.networking.k8s.io/v1", "HTTPRoute", meta(name, space), spec=spec)


def gateway_class() -> Object:
    return thing(
        "gateway.networking.k8s.io/v1", "GatewayClass", meta("istio-waypoint"),
        spec={"controllerName": "istio.io/mesh-controller"},
    )  # fmt: skip


def webhook(revision: str, tag: str = "") -> Object:
    """Istio's webhook configuration of a revision or tag; the default revision answers to `istio-injection` too."""
    name = tag or revision
    entries = [
        _entry("rev.namespace", [_in("istio.io/rev", name), _absent("istio-injection")], [_not_refused()]),
        _entry(
            "rev.object",
            [_absent("istio.io/rev"), _absent("istio-injection")],
            [_not_refused(), _in("istio.io/rev", name)],
        ),
    ]
    if name == "default":
        entries += [
            _entry("namespace", [_in("istio-injection", "enabled")], [_not_refused()]),
            _entry(
                "object", [_absent("istio-injection"), _absent("istio.io/rev")],
                [_in("sidecar.istio.io/inject", "true"), _absent("istio.io/rev")],
            ),
        ]  # fmt: skip
    labels = {"app": "sidecar-injector", "istio.io/rev": revision}
    if tag:
        labels["istio.io/tag"] = tag
    title = f"istio-revision-tag-{tag}" if tag else f"istio-sidecar-injector-{revision}".removesuffix("-default")
    return thing(
        "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", meta(title, labels=labels), webhooks=entries
    )


def injector_config(revision: str) -> Object:
    suffix = "" if revision == "default" else f"-{revision}"
    values = '{"global":{"proxy":{"resources":{"requests":{"cpu":"100m","memory":"128Mi"}}}}}'
    data = {"config": "policy: enabled\nalwaysInjectSelector: []\nneverInjectSelector: []\n", "values": values}
    return thing("v1", "ConfigMap", meta(f"istio-sidecar-injector{suffix}", "istio-system"), data=data)


def control_plane() -> list[Object]:
    return [
        webhook("default"),
        webhook(REVISION),
        webhook(REVISION, TAG),
        injector_config("default"),
        injector_config(REVISION),
        gateway_class(),
    ]


def node(name: str, kind: str, size: tuple[int, int], zone: str, group: str) -> Object:
    cpus, gib = size
    labels = {
        "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": kind,
        "topology.kubernetes.io/region": "us-east-1",
        "topology.kubernetes.io/zone": f"us-east-1{zone}",
        "eks.amazonaws.com/nodegroup": group,
    }
    room = {"cpu": f"{cpus * 1000 - 90}m", "memory": f"{gib * 1024 - 1500}Mi", "pods": "110"}
    status = {
        "capacity": {"cpu": str(cpus), "memory": f"{gib}Gi", "pods": "110"},
        "allocatable": room,
        "nodeInfo": {"kubeletVersion": "v1.34.2"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    provider = f"aws:///us-east-1{zone}/i-{name}"
    return thing(
        "v1",
        "Node",
        meta(name, labels=labels, creationTimestamp=CNI_START),
        spec={"providerID": provider},
        status=status,
    )


def _entry(prefix: str, namespace_terms: list[Object], pod_terms: list[Object]) -> Object:
    return {
        "name": f"{prefix}.sidecar-injector.istio.io",
        "namespaceSelector": {"matchExpressions": namespace_terms},
        "objectSelector": {"matchExpressions": pod_terms},
        "failurePolicy": "Fail",
        "clientConfig": {"service": {"name": "istiod", "namespace": "istio-system", "path": "/inject"}},
    }


def _in(key: str, value: str) -> Object:
    return {"key": key, "operator": "In", "values": [value]}


def _absent(key: str) -> Object:
    return {"key": key, "operator": "DoesNotExist"}


def _not_refused() -> Object:
    return {"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}
