"""Who is there: pods with sidecars, in ambient and of no mesh, beside each other, waypoints and a gateway."""

import json
from collections.abc import Iterable
from random import Random
from typing import Any

from tests.lab.fidelity.meshes import Object, thing
from tests.support.scenes import mesh_config

HTTP, ADMIN, GRPC = 8080, 9090, 7070
"""The ports of every pod."""
WAYPOINT, FURTHER_WAYPOINT = "wp", "further"
"""Of a namespace, and of one that has two the other."""
GATEWAY = "front"
EDGE = "edge"
AUTHORIZER, PROVIDER = "authorizer", "asked"
ADMITTED = "x-ext-authz"
"""The header by which the lab's authorizer admits."""
SPACES = {"shop": "sidecar", "back": "ambient", "plain": "none"}
"""Namespaces, and of what kind most of their pods are."""
PODS = (
    ("shop", "web-v1", "web"), ("shop", "web-v2", "web"), ("shop", "cart-v1", "cart"), ("shop", "db-v1", "db"),
    ("back", "stock-v1", "stock"), ("back", "stock-v2", "stock"), ("back", "ship-v1", "ship"), ("plain", "job-v1", "job"),
)  # fmt: skip
"""Deployments of one pod each: namespace, name, application."""
APPS = tuple(dict.fromkeys((space, app) for space, _, app in PODS))
_GATEWAYS = "gateway.networking.k8s.io/v1"
_MODES = ("sidecar", "ambient", "none")
_LABELS = {
    "sidecar": {"sidecar.istio.io/inject": "true"},
    "ambient": {"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "ambient"},
    "none": {"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none"},
}
_USE = "istio.io/use-waypoint"


def population(chance: Random) -> list[Object]:
    """Namespaces, pods and proxies that stand alone."""
    found = [_space(name) for name in (*SPACES, EDGE)]
    found += [_deployment(chance, *each) for each in PODS]
    served = ["service", "service", "all"]
    found += [_waypoint(space, WAYPOINT, chance.choice(served)) for space in ("shop", "back")]
    found.append(_waypoint("back", FURTHER_WAYPOINT, chance.choice((*served, "workload"))))
    return [*found, _front(), *_authorizer()]


def mode_of(deployment: Object) -> str:
    """`sidecar`, `ambient` or `none`."""
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    return next(mode for mode, each in _LABELS.items() if each.items() <= labels.items())


def pods_of(objects: Iterable[Object]) -> list[Object]:
    """The Deployments that send and serve."""
    names = {(space, name) for space, name, _ in PODS}
    return [each for each in objects if each["kind"] == "Deployment" and (each["metadata"]["namespace"], each["metadata"]["name"]) in names]  # fmt: skip


def _space(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {}}}


def _deployment(chance: Random, space: str, name: str, app: str) -> Object:
    usual = SPACES[space]
    mode = usual if usual == "none" or chance.random() < 0.7 else chance.choice(_MODES)
    labels = {"app": app, "version": name.rpartition("-")[2], "tier": chance.choice(("front", "rear")), **_LABELS[mode]}
    if mode == "ambient" and chance.random() < 0.15:
        labels[_USE] = WAYPOINT
    speaks = {"keep_alive": 1, "protocol": {str(HTTP): "http", str(ADMIN): "http", str(GRPC): "grpc"}}
    annotations = {"sidestep.dev/behaviour": json.dumps(speaks), "sidestep.dev/calls": "none"}
    if mode == "sidecar" and chance.random() < 0.2:
        annotations["proxy.istio.io/config"] = 'proxyMetadata: {ISTIO_META_ENABLE_HBONE: "false"}'
    ports = [{"containerPort": port, "name": word} for port, word in ((HTTP, "web"), (ADMIN, "admin"), (GRPC, "rpc"))]
    spec = {
        "serviceAccountName": app, "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": "any", "ports": ports}],
    }  # fmt: skip
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}
    chosen = {"matchLabels": {"app": app, "version": labels["version"]}}
    return thing("apps/v1", "Deployment", name, space, {"replicas": 1, "selector": chosen, "template": template})


def _waypoint(space: str, name: str, serves: str) -> Object:
    listeners: list[Any] = [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]
    spec = {"gatewayClassName": "istio-waypoint", "listeners": listeners}
    return thing(_GATEWAYS, "Gateway", name, space, spec, labels={"istio.io/waypoint-for": serves})


def _front() -> Object:
    everybody = {"namespaces": {"from": "All"}}
    listeners: list[Any] = [{"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": everybody}]
    return thing(_GATEWAYS, "Gateway", GATEWAY, EDGE, {"gatewayClassName": "istio", "listeners": listeners})


def _authorizer() -> list[Object]:
    """Who is asked by CUSTOM policies, and the mesh's word of it; nothing stands before its pod."""
    labels = {"app": AUTHORIZER, **_LABELS["none"]}
    told = {"sidestep.dev/behaviour": '{"service": "authorizer"}'}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": "any", "ports": [{"containerPort": HTTP}]}]}  # fmt: skip
    template = {"metadata": {"labels": labels, "annotations": told}, "spec": spec}
    deployment = {"replicas": 1, "selector": {"matchLabels": {"app": AUTHORIZER}}, "template": template}
    service = {"selector": {"app": AUTHORIZER}, "ports": [{"name": "http", "port": 80, "targetPort": HTTP}]}
    provider = {"service": f"{AUTHORIZER}.{EDGE}.svc.cluster.local", "port": 80, "includeRequestHeadersInCheck": [ADMITTED], "timeout": "4s"}  # fmt: skip
    config = {"extensionProviders": [{"name": PROVIDER, "envoyExtAuthzHttp": provider}]}
    return [
        thing("apps/v1", "Deployment", AUTHORIZER, EDGE, deployment), thing("v1", "Service", AUTHORIZER, EDGE, service),
        mesh_config(**config),
    ]  # fmt: skip
