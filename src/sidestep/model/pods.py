"""Pods as evidence: the fields that somebody reads, shared between replicas.

A cluster's 150,000 pods are copies of a few thousand templates, so everything that replicas have in common is one
`PodShape`, decoded once and judged once; a `Pod` is what is left: a name, a node, a state.
"""

import re
from functools import cached_property
from typing import Any

from msgspec import Struct, field

from sidestep.model.metadata import Labels, OwnerReference
from sidestep.model.origin import Origin
from sidestep.model.quantity import RawQuantity, Resources, millicores, whole_bytes

HOOK = "helm.sh/hook"
"""Helm makes such an object for a moment, anew each time."""
_KEPT_ANNOTATION = re.compile(
    r"helm\.sh/hook$|(?:[^/]*\.)?(?:istio\.io|sidestep\.dev)/|prometheus\.io/|cluster-autoscaler\.kubernetes\.io/|kubectl\.kubernetes\.io/(?:default-|restartedAt)"
)


class EnvVar(Struct, frozen=True, gc=False):
    """A literal environment variable; references to other objects are not followed."""

    name: str = ""
    value: str | None = None


class ContainerPort(Struct, frozen=True, gc=False, rename="camel"):
    """A declared port of a container."""

    container_port: int = 0
    name: str = ""
    protocol: str = "TCP"


class ResourceRequirements(Struct, frozen=True):
    """Requests and limits as written; a missing request falls back to the limit, as Kubernetes does."""

    requests: dict[str, RawQuantity | None] | None = None
    limits: dict[str, RawQuantity | None] | None = None


class SecurityContext(Struct, frozen=True, gc=False, rename="camel"):
    """Of a pod or a container, as far as it decides who bypasses a sidecar."""

    run_as_user: int | None = None


class Container(Struct, frozen=True, rename="camel", dict=True):
    """A container or init container; `restart_policy` Always makes an init container a native sidecar."""

    name: str = ""
    image: str | None = None
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    env: tuple[EnvVar, ...] | None = None
    ports: tuple[ContainerPort, ...] | None = None
    resources: ResourceRequirements | None = None
    restart_policy: str = ""
    security_context: SecurityContext | None = None

    @cached_property
    def requests(self) -> Resources:
        """What the scheduler reserves: requests, or limits where a request is missing."""
        return _amounts(self.resources, "requests", "limits")

    @cached_property
    def limits(self) -> Resources:
        """The limits; 0 where there is none."""
        return _amounts(self.resources, "limits")

    @property
    def is_native_sidecar(self) -> bool:
        """Whether it is an init container that keeps running beside the pod's containers."""
        return self.restart_policy == "Always"


class PodSpec(Struct, frozen=True, rename="camel"):
    """The spec of a pod or of a pod template."""

    containers: tuple[Container, ...] | None = ()
    init_containers: tuple[Container, ...] | None = None
    host_network: bool = False
    service_account_name: str = ""
    security_context: SecurityContext | None = None
    node_selector: Labels | None = None
    affinity: dict[str, Any] | None = None
    tolerations: tuple[dict[str, Any], ...] | None = None
    topology_spread_constraints: tuple[dict[str, Any], ...] | None = None
    priority_class_name: str = ""
    overhead: dict[str, RawQuantity] | None = None

    @property
    def all_containers(self) -> tuple[Container, ...]:
        """Init containers first, as they start."""
        return (*(self.init_containers or ()), *(self.containers or ()))


class PodShape(Struct, frozen=True, dict=True):
    """What all replicas made from one template at one time have in common."""

    namespace: str
    labels: Labels
    annotations: Labels
    owners: tuple[OwnerReference, ...]
    spec: PodSpec

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages the pod, if any."""
        return next((owner for owner in self.owners if owner.controller), None)


class Terminated(Struct, frozen=True, gc=False, rename="camel"):
    """How a container ended."""

    reason: str = ""
    exit_code: int = 0
    finished_at: str | None = None


class ContainerState(Struct, frozen=True, gc=False):
    """Of a container's states only the end is read."""

    terminated: Terminated | None = None


class ContainerStatus(Struct, frozen=True, gc=False, rename="camel"):
    """What the kubelet says of one container."""

    name: str = ""
    ready: bool = False
    restart_count: int = 0
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class PodCondition(Struct, frozen=True, gc=False):
    """One condition, by type and status."""

    type: str = ""
    status: str = ""


class PodAddress(Struct, frozen=True, gc=False):
    """One address of a pod."""

    ip: str = ""


class PodStatus(Struct, frozen=True, rename="camel"):
    """What the kubelet says of a pod; `pod_ips` are the same address and, with two IP families, the other."""

    phase: str = ""
    pod_ip: str = field(default="", name="podIP")
    start_time: str | None = None
    conditions: tuple[PodCondition, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None
    pod_ips: tuple[PodAddress, ...] | None = field(default=None, name="podIPs")

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of them, the first one first."""
        return tuple(dict.fromkeys(ip for ip in (self.pod_ip, *(each.ip for each in self.pod_ips or ())) if ip))

    @property
    def ready(self) -> bool:
        """Whether the Ready condition is True."""
        return any(c.type == "Ready" and c.status == "True" for c in self.conditions or ())

    @property
    def terminal(self) -> bool:
        """Whether the pod has ended and holds no resources any more."""
        return self.phase in ("Succeeded", "Failed")


class Pod(Struct, frozen=True):
    """One pod: its shape and what is its own."""

    name: str
    shape: PodShape
    status: PodStatus
    origin: Origin
    node: str = ""
    created: str | None = None
    deleting: bool = False

    @property
    def observed(self) -> bool:
        """Whether a cluster told of it: the manifest of a pod has no node and no status."""
        return bool(self.node or self.status.phase)

    @property
    def namespace(self) -> str:
        """The namespace, which all replicas share."""
        return self.shape.namespace


def is_kept_annotation(key: str) -> bool:
    """Whether somebody reads an annotation: a mesh's, ours, Helm's for hooks, and who is scraped or restarted."""
    return _KEPT_ANNOTATION.match(key) is not None


def kept_annotations(annotations: Labels) -> Labels:
    """Those of a pod's annotations that somebody reads."""
    return {key: value for key, value in annotations.items() if is_kept_annotation(key)}


def _amounts(resources: ResourceRequirements | None, *preference: str) -> Resources:
    if resources is None:
        return Resources()
    tables = [getattr(resources, name) or {} for name in preference]

    def first(key: str) -> RawQuantity | None:
        return next((table[key] for table in tables if key in table), None)

    return Resources(millicores(first("cpu")) or 0, whole_bytes(first("memory")) or 0)
