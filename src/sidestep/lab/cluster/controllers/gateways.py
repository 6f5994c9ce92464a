"""Gateways of the Gateway API: a Deployment of Envoys, a Service before it and an account, as istiod makes them.

Source: istio-semantics.md §2.3 (pilot/pkg/config/kube/gateway/deploymentcontroller.go, files/waypoint.yaml,
files/kube-gateway.yaml). A Gateway has addresses once a pod of it was ready, and keeps them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from sidestep.lab.cluster.controllers.wants import Wants
from sidestep.lab.cluster.injected import READY_PORT, gateway_container
from sidestep.lab.cluster.objects import Tree, meta_of, spec_of, status_of
from sidestep.lab.cluster.overlays import overlaid
from sidestep.lab.cluster.templates import controller_reference
from sidestep.semantics.loose import annotations_of, as_dict, as_dicts, as_strings, as_text, labels_of
from sidestep.semantics.proxies import GATEWAY_NAME, MANAGED
from sidestep.semantics.waypoints import HBONE_PORT, SERVICE_ACCOUNT

RESTARTED = "kubectl.kubernetes.io/restartedAt"
_CLASS_NAME = "gateway.networking.k8s.io/gateway-class-name"
_NAME_OVERRIDE = "gateway.istio.io/name-override"
_SERVICE_TYPE = "networking.istio.io/service-type"
_NEAR = "networking.istio.io/traffic-distribution"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_GRACE = 30
_OVERLAID = {
    "Deployment": "deployment",
    "Service": "service",
    "ServiceAccount": "serviceAccount",
    "HorizontalPodAutoscaler": "horizontalPodAutoscaler",
    "PodDisruptionBudget": "podDisruptionBudget",
}


class GatewayKind(Struct, frozen=True):
    """What is made of Gateways of a class.

    Attributes:
        proxy: what their pods' proxy is started as.
        manager: who says that he made it.
        suffix: of the names of what is made.
        service_type: of the Service unless the Gateway says otherwise.
    """

    proxy: str
    manager: str
    suffix: str = ""
    service_type: str = "ClusterIP"


_WAYPOINT = GatewayKind("waypoint", "istio.io-mesh-controller")
_INGRESS = GatewayKind("router", "istio.io-gateway-controller", "-istio", "LoadBalancer")
_BY_CLASS = {"istio-waypoint": _WAYPOINT, "istio": _INGRESS}
_BY_CONTROLLER = {"istio.io/mesh-controller": _WAYPOINT, "istio.io/gateway-controller": _INGRESS}


class Around(Struct, frozen=True):
    """What a Gateway's objects hang on besides itself.

    Attributes:
        classes: GatewayClasses by name.
        parameters: ConfigMaps with overlays, the class's first.
        image: of proxies.
        revision: of the control plane.
    """

    classes: Mapping[str, Tree] = {}
    parameters: Sequence[Tree] = ()
    image: str = ""


def gateway_kind(gateway: Tree, classes: Mapping[str, Tree]) -> GatewayKind | None:
    """What is made of a Gateway; None for one that somebody else runs, or that names who serves it already."""
    name = as_text(spec_of(gateway).get("gatewayClassName"))
    by_hand = any(each.get("type") == "Hostname" for each in as_dicts(spec_of(gateway).get("addresses")))
    if by_hand:
        return None
    known = _BY_CLASS.get(name)
    return known or _BY_CONTROLLER.get(as_text(spec_of(classes.get(name, {})).get("controllerName")))


def gateway(owner: Tree, children: Sequence[Tree], around: Around) -> Wants:
    """What a Gateway wants.

    Args:
        owner: the Gateway.
        children: what was made for it.
        around: what else counts.
    """
    kind = gateway_kind(owner, around.classes)
    if kind is None:
        return Wants()
    there = {as_text(each.get("kind")): each for each in children}
    made = [_owned(each, owner) for each in _objects(owner, kind, around)]
    made = [_kept(each, there.get(as_text(each.get("kind")))) for each in made]
    return Wants(create=tuple(made), status=_status(owner, there))


def is_programmed(owner: Tree) -> bool:
    """Whether it serves, or did."""
    conditions = as_dicts(status_of(owner).get("conditions"))
    return any(each.get("type") == "Programmed" and each.get("status") == "True" for each in conditions)


def _objects(owner: Tree, kind: GatewayKind, around: Around) -> Iterable[Tree]:
    name = annotations_of(owner).get(_NAME_OVERRIDE) or f"{meta_of(owner)['name']}{kind.suffix}"
    account = annotations_of(owner).get(SERVICE_ACCOUNT) or name
    base = {
        "ServiceAccount": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}},
        "Deployment": _deployment(owner, kind, name, account, around.image),
        "Service": _service(owner, kind, name),
        "HorizontalPodAutoscaler": _autoscaler(name),
        "PodDisruptionBudget": _budget(owner, name),
    }
    for word, tree in base.items():
        tree["metadata"] = {**tree["metadata"], **_named(owner, kind)}
        found = overlaid(tree, [as_text(as_dict(each.get("data")).get(_OVERLAID[word])) for each in around.parameters])
        if found is not None:
            yield found
        elif word in {"ServiceAccount", "Deployment", "Service"}:
            yield tree


def _named(owner: Tree, kind: GatewayKind) -> dict[str, Any]:
    """Namespace, labels and annotations of everything that is made: the Gateway's own, or its infrastructure's."""
    infrastructure = as_dict(spec_of(owner).get("infrastructure"))
    labels = as_dict(infrastructure.get("labels")) or labels_of(owner)
    annotations = as_dict(infrastructure.get("annotations")) or annotations_of(owner)
    return {
        "namespace": meta_of(owner)["namespace"],
        "labels": {**labels, **_labels(owner, kind)},
        "annotations": {key: value for key, value in annotations.items() if key != _APPLIED},
    }


def _labels(owner: Tree, kind: GatewayKind) -> dict[str, str]:
    class_name = as_text(spec_of(owner).get("gatewayClassName"))
    return {GATEWAY_NAME: str(meta_of(owner)["name"]), _CLASS_NAME: class_name, MANAGED: kind.manager}


def _deployment(owner: Tree, kind: GatewayKind, name: str, account: str, image: str) -> Tree:
    named = _named(owner, kind)
    labels = {
        "sidecar.istio.io/inject": "false",
        "istio.io/dataplane-mode": "none",
        "service.istio.io/canonical-name": name,
        "service.istio.io/canonical-revision": "latest",
        **named["labels"],
    }
    spec = {
        "serviceAccountName": account,
        "terminationGracePeriodSeconds": _GRACE,
        "containers": [gateway_container(image, kind.proxy)],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {GATEWAY_NAME: meta_of(owner)["name"]}},
            "template": {"metadata": {"labels": labels, "annotations": named["annotations"]}, "spec": spec},
        },
    }


def _service(owner: Tree, kind: GatewayKind, name: str) -> Tree:
    ports = [{"name": "status-port", "port": READY_PORT, "protocol": "TCP", "appProtocol": "tcp"}]
    if kind is _WAYPOINT:
        ports.append({"name": "mesh", "port": HBONE_PORT, "protocol": "TCP", "appProtocol": "hbone"})
    else:
        ports += _listened(owner)
    spec = {
        "type": annotations_of(owner).get(_SERVICE_TYPE, kind.service_type),
        "selector": {GATEWAY_NAME: meta_of(owner)["name"]},
        "ports": ports,
    }
    if kind is _WAYPOINT:
        spec["trafficDistribution"] = "PreferClose"
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _listened(owner: Tree) -> list[dict[str, Any]]:
    """A port for each number that listeners name."""
    found: dict[int, dict[str, Any]] = {}
    for each in as_dicts(spec_of(owner).get("listeners")):
        number, protocol = each.get("port"), as_text(each.get("protocol")).lower()
        if isinstance(number, int) and number not in found:
            name = as_text(each.get("name")) or f"{protocol}-{number}"
            found[number] = {"name": name, "port": number, "protocol": "TCP", "appProtocol": protocol}
    return list(found.values())


def _autoscaler(name: str) -> Tree:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": target, "maxReplicas": 1}
    meta = {"name": name}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec}


def _budget(owner: Tree, name: str) -> Tree:
    spec = {"selector": {"matchLabels": {GATEWAY_NAME: meta_of(owner)["name"]}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}


def _owned(tree: Tree, owner: Tree) -> Tree:
    return {**tree, "metadata": {**tree["metadata"], "ownerReferences": [controller_reference(owner)]}}


def _kept(tree: Tree, before: Tree | None) -> Tree:
    """With what others say of an object that is there: how many pods, and that it was restarted."""
    if before is None or tree["kind"] != "Deployment":
        return tree
    spec = {**tree["spec"]}
    if "replicas" in spec_of(before):
        spec.setdefault("replicas", spec_of(before)["replicas"])
    restarted = annotations_of(as_dict(spec_of(before).get("template"))).get(RESTARTED)
    if restarted:
        template = spec["template"]
        annotations = {**as_dict(template["metadata"].get("annotations")), RESTARTED: restarted}
        spec["template"] = {**template, "metadata": {**template["metadata"], "annotations": annotations}}
    return {**tree, "spec": spec}


def _status(owner: Tree, there: Mapping[str, Tree]) -> Tree:
    generation = meta_of(owner).get("generation", 1)
    before = as_dicts(status_of(owner).get("addresses"))
    ready = status_of(there.get("Deployment", {})).get("readyReplicas", 0)
    own = as_strings(spec_of(there.get("Service", {})).get("clusterIPs"))[:1]
    addresses = before or ([{"type": "IPAddress", "value": each} for each in own] if ready else [])
    programmed = ("True", "Programmed", "") if addresses else ("False", "AddressNotAssigned", "no pod was ready yet")
    accepted = ("True", "Accepted", "")
    return {
        "addresses": addresses,
        "conditions": [
            {"type": name, "status": status, "reason": reason, "message": message, "observedGeneration": generation}
            for name, (status, reason, message) in (("Accepted", accepted), ("Programmed", programmed))
        ],
    }
