"""From a pod to its record.

Source: ztunnel.md §3.9, "Workload from Pod"; names for telemetry as Istio's pkg/kube and pkg/model derive them.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

from sidestep.controlplane.records import (
    NETNS_ANNOTATION,
    PROXY_ANNOTATION,
    Locality,
    PolicyKey,
    PortMap,
    ProxyRole,
    ServiceKey,
    Tunnel,
    WaypointAddress,
    Workload,
    WorkloadUid,
)
from sidestep.controlplane.registry.objects import Labels, Tree
from sidestep.semantics.loose import annotations_of, as_dict, as_dicts, as_text, labels_of
from sidestep.semantics.proxies import REDIRECTION

_TUNNEL_LABEL = "networking.istio.io/tunnel"
_NAMES = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
_REVISIONS = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")
_FINISHED = ("Succeeded", "Failed")
_IN_PODS = frozenset(ProxyRole) - {ProxyRole.NODE}
_OF_CRON_JOB = re.compile(r"-\d{8,}$")


class Place(Struct, frozen=True):
    """What a workload's record takes from other objects.

    Attributes:
        services: that select it, with its ports.
        policies: that it lists, in the order in which istiod does.
        waypoint: for traffic to its own address.
        locality: of its node.
    """

    services: Mapping[ServiceKey, tuple[PortMap, ...]] = {}
    policies: tuple[PolicyKey, ...] = ()
    waypoint: WaypointAddress | None = None
    locality: Locality = Locality()


def pod_uid(cluster: str, namespace: str, name: str) -> WorkloadUid:
    """The key of a pod's record."""
    return WorkloadUid(f"{cluster}//Pod/{namespace}/{name}")


def workload_of(pod: Tree, place: Place, cluster: str, trust_domain: str) -> Workload | None:
    """The record of a pod; None for one without an address, or that has ended."""
    meta, spec, status = as_dict(pod.get("metadata")), as_dict(pod.get("spec")), as_dict(pod.get("status"))
    addresses = _addresses(status)
    if not addresses or status.get("phase") in _FINISHED:
        return None
    name, namespace = as_text(meta.get("name")), as_text(meta.get("namespace"))
    labels, annotations = labels_of(pod), annotations_of(pod)
    controller = _controller(meta, labels) or name
    native = labels.get(_TUNNEL_LABEL) == "http"
    meshed = native or annotations.get(REDIRECTION) == "enabled"
    return Workload(
        pod_uid(cluster, namespace, name),
        name,
        namespace,
        addresses,
        as_text(spec.get("nodeName")),
        as_text(spec.get("serviceAccountName")) or "default",
        trust_domain,
        Tunnel.HBONE if meshed else Tunnel.NONE,
        native,
        place.waypoint,
        place.policies,
        _ready(meta, status),
        place.services,
        place.locality,
        spec.get("hostNetwork") is True,
        "",
        controller,
        *canonical(labels, controller),
        annotations.get(NETNS_ANNOTATION, ""),
        _proxy(annotations),
        labels,
    )


def _proxy(annotations: Labels) -> ProxyRole | None:
    told = annotations.get(PROXY_ANNOTATION, "")
    return ProxyRole(told) if told in _IN_PODS else None


def canonical(labels: Labels, fallback: str) -> tuple[str, str]:
    """Name and revision for telemetry."""
    name = next((labels[key] for key in _NAMES if labels.get(key)), fallback)
    return name, next((labels[key] for key in _REVISIONS if labels.get(key)), "latest")


def named_port(pod: Tree, name: str) -> int | None:
    """The container port of a name; None where the pod has none."""
    for container in as_dicts(as_dict(pod.get("spec")).get("containers")):
        for port in as_dicts(container.get("ports")):
            number = port.get("containerPort")
            if port.get("name") == name and port.get("protocol", "TCP") == "TCP" and isinstance(number, int):
                return number
    return None


def _addresses(status: Tree) -> tuple[str, ...]:
    every = [as_text(each.get("ip")) for each in as_dicts(status.get("podIPs"))]
    return tuple(filter(None, every or [as_text(status.get("podIP"))]))


def _ready(meta: Tree, status: Tree) -> bool:
    conditions = as_dicts(status.get("conditions"))
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    return ready and not meta.get("deletionTimestamp")


def _controller(meta: Tree, labels: Labels) -> str:
    """The name that one thinks of: a ReplicaSet's without its hash, a CronJob's without its time."""
    for owner in as_dicts(meta.get("ownerReferences")):
        if owner.get("controller") is True:
            name = as_text(owner.get("name"))
            if owner.get("kind") == "ReplicaSet":
                return name.removesuffix(f"-{labels.get('pod-template-hash', '')}")
            return _OF_CRON_JOB.sub("", name) if owner.get("kind") == "Job" else name
    return ""
