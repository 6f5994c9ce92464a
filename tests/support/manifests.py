"""A small mesh as trees of Kubernetes objects, with what each door must carry or leave out."""

from typing import Any

SECRET_VALUE = "hunter2-never-to-be-seen"


def labelled(
    kind: str, name: str, namespace: str | None = "shop", api_version: str = "v1", **rest: Any
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, **rest.pop("metadata", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def proxy_container() -> dict[str, Any]:
    return {
        "name": "istio-proxy",
        "image": "registry.acme.test/istio/proxyv2:1.24.1",
        "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local"],
        "env": [
            {"name": "ISTIO_META_ENABLE_HBONE", "value": "true"},
            {"name": "ISTIO_META_APP_CONTAINERS", "value": "pi"},
            {"name": "ISTIO_META_INTERCEPTION_MODE", "value": "REDIRECT"},
            {"name": "CA_ADDR", "value": "istiod.istio-system.svc:15012"},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "restartPolicy": "Always",
    }


def app_container() -> dict[str, Any]:
    return {
        "name": "checkout-app",
        "image": "registry.acme.test/shop/checkout:2024-secretsauce",
        "command": ["/bin/checkout"],
        "args": ["--token", SECRET_VALUE],
        "env": [
            {"name": "DB_PASSWORD", "value": SECRET_VALUE},
            {"name": "REF", "valueFrom": {"secretKeyRef": {"name": "db"}}},
        ],
        "livenessProbe": {"exec": {"command": ["check", SECRET_VALUE]}},
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    }


def pod(name: str, **metadata: Any) -> dict[str, Any]:
    return labelled(
        "Pod",
        name,
        metadata={
            "labels": {"app": "checkout", "pod-template-hash": "6b9f7c", "team": "bigbank"},
            "annotations": {
                "sidecar.istio.io/status": '{"revision":"canary","volumes":["istio-envoy"]}',
                "sidecar.istio.io/proxyCPU": "100m",
                "acme.test/owner": "jane.doe@acme.test",
            },
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "checkout-6b9f7c", "controller": True}
            ],
            "creationTimestamp": "2026-01-01T00:00:00Z",
            **metadata,
        },
        spec={
            "nodeName": "ip-10-0-1-2.acme-internal.test",
            "serviceAccountName": "checkout-sa",
            "nodeSelector": {"topology.kubernetes.io/zone": "eu-west-1a", "pool": "bigbank-pool"},
            "containers": [app_container()],
            "initContainers": [{"name": "istio-init", "image": "istio/proxyv2:1.24.1"}, proxy_container()],
        },
        status={
            "phase": "Running",
            "podIP": "10.1.2.3",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "checkout-app", "ready": True, "restartCount": 2}],
        },
    )


def deployment() -> dict[str, Any]:
    labels = {"app": "checkout", "team": "bigbank"}
    return labelled(
        "Deployment",
        "checkout",
        api_version="apps/v1",
        metadata={
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": SECRET_VALUE,
                "acme.test/owner": "jane.doe@acme.test",
            }
        },
        spec={
            "replicas": 2,
            "unknownToUs": {"kept": [1, 2.5, None, "x"]},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {"sidecar.istio.io/inject": "true"}},
                "spec": {"containers": [app_container()]},
            },
        },
    )


def objects() -> list[dict[str, Any]]:
    """One of most things; names that must not survive hashing are listed in `NAMES`."""
    return [
        labelled("Namespace", "shop", None, metadata={"labels": {"istio-injection": "enabled", "cost": "bigbank"}}),
        labelled(
            "Node",
            "ip-10-0-1-2.acme-internal.test",
            None,
            metadata={
                "labels": {"node.kubernetes.io/instance-type": "m5.large", "topology.kubernetes.io/zone": "eu-west-1a"}
            },
            spec={"providerID": "aws:///eu-west-1a/i-0abcdef"},
            status={"allocatable": {"cpu": "2", "memory": "8Gi"}},
        ),
        deployment(),
        labelled(
            "ReplicaSet",
            "checkout-6b9f7c",
            api_version="apps/v1",
            metadata={
                "labels": {"app": "checkout", "pod-template-hash": "6b9f7c"},
                "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout", "controller": True}
                ],
            },
            spec={"replicas": 2, "template": {"spec": {"containers": [app_container()]}}},
        ),
        pod("checkout-6b9f7c-aaaaa"),
        pod("checkout-6b9f7c-bbbbb", deletionTimestamp="2026-01-01T00:00:00Z"),
        labelled(
            "Service",
            "checkout",
            metadata={"labels": {"istio.io/use-waypoint": "shop-waypoint"}},
            spec={"selector": {"app": "checkout"}, "ports": [{"port": 80, "name": "http"}], "clusterIP": "10.9.9.9"},
        ),
        labelled(
            "Gateway",
            "shop-waypoint",
            api_version="gateway.networking.k8s.io/v1",
            metadata={"labels": {"istio.io/waypoint-for": "service"}},
            spec={
                "gatewayClassName": "istio-waypoint",
                "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
            },
        ),
        labelled(
            "VirtualService",
            "checkout-routes",
            api_version="networking.istio.io/v1",
            spec={
                "hosts": ["checkout.shop.svc.cluster.local", "pay.acme.test"],
                "gateways": ["shop/edge-gateway"],
                "http": [
                    {
                        "match": [{"uri": {"prefix": "/v1/pay"}, "headers": {"x-tenant": {"exact": "bigbank"}}}],
                        "route": [{"destination": {"host": "checkout", "subset": "canary-subset"}, "weight": 100}],
                        "timeout": "2s",
                    }
                ],
            },
        ),
        labelled(
            "AuthorizationPolicy",
            "only-frontend",
            api_version="security.istio.io/v1",
            spec={
                "action": "ALLOW",
                "selector": {"matchLabels": {"app": "checkout"}},
                "rules": [
                    {
                        "from": [
                            {
                                "source": {
                                    "principals": ["cluster.local/ns/shop/sa/frontend-sa"],
                                    "ipBlocks": ["8.8.8.0/24"],
                                }
                            }
                        ],
                        "when": [
                            {"key": "request.headers[x]", "values": ["one-tenant"], "notValues": ["other-tenant"]}
                        ],
                        "to": [{"operation": {"methods": ["GET"], "paths": ["/v1/*"]}}],
                    }
                ],
            },
        ),
        labelled(
            "ConfigMap",
            "istio",
            "istio-system",
            data={"mesh": "trustDomain: acme-trust.test\naccessLogFile: /dev/stdout\n"},
        ),
        labelled("Widget", "gizmo", api_version="factory.acme.test/v1", spec={"password": SECRET_VALUE}),
        labelled("Secret", "db", data={"password": SECRET_VALUE}),
    ]


NAMES = (
    "checkout", "shop-waypoint", "bigbank", "acme", "jane", "frontend-sa", "only-frontend", "ip-10-0-1-2", "i-0abcdef",
    "edge-gateway", "canary-subset", "gizmo", "8.8.8.0", "6b9f7c", "DB_PASSWORD", "secretsauce", '"shop"', "shop/",
    ".shop", "Widget", "one-tenant", "other-tenant", '"pi"',
)  # fmt: skip
