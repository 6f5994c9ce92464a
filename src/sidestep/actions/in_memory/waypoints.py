"""What istiod makes of a waypoint's Gateway once it is ready.

Source: istio-semantics.md §2.3 (labels of the pods, name of the service account, default resources).
"""

from typing import Any

from sidestep.model.metadata import Labels, OwnerReference
from sidestep.model.origin import Origin
from sidestep.model.pods import (
    Container,
    ContainerStatus,
    Pod,
    PodCondition,
    PodShape,
    PodSpec,
    PodStatus,
    ResourceRequirements,
)
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.injection import INJECT
from sidestep.semantics.loose import as_dict
from sidestep.semantics.proxies import GATEWAY_NAME, MANAGED, PROXY

REPLICAS = 2
_ACCOUNT = "gateway.istio.io/service-account"
_MANAGERS = {"istio-agentgateway-waypoint": "istio.io-agentgateway-mesh-controller"}
_MANAGER = "istio.io-mesh-controller"
_HASH = "waypoint"
_RESOURCES = ResourceRequirements({"cpu": "100m", "memory": "128Mi"}, {"cpu": "2", "memory": "1Gi"})


def with_address(tree: dict[str, Any]) -> dict[str, Any]:
    """A Gateway that istiod has served: under the name of its Service, since nobody can tell the address."""
    metadata = as_dict(tree.get("metadata"))
    host = f"{metadata.get('name')}.{metadata.get('namespace') or 'default'}.svc.cluster.local"
    address = {"type": "Hostname", "value": host}
    return {**tree, "status": {**as_dict(tree.get("status")), "addresses": [address]}}


def has_address(gateway: Resource[Spec]) -> bool:
    """Whether istiod has served a Gateway."""
    return bool(as_dict(gateway.view.status).get("addresses"))


def is_pod_of(gateway: Resource[Any], pod: Pod) -> bool:
    """Whether istiod made a pod for a Gateway."""
    return pod.shape.labels.get(GATEWAY_NAME) == gateway.meta.name and MANAGED in pod.shape.labels


def waypoint_pods(gateway: Resource[Spec]) -> tuple[Pod, ...]:
    """Ready pods of a waypoint; two, as every plan asks for at least, on nodes that nobody can tell."""
    shape = _shape(gateway)
    origin: Origin = gateway.origin
    statuses = (ContainerStatus(PROXY, ready=True),)
    status = PodStatus("Running", conditions=(PodCondition("Ready", "True"),), container_statuses=statuses)
    return tuple(Pod(f"{gateway.meta.name}-{_HASH}-{number}", shape, status, origin) for number in range(REPLICAS))


def _shape(gateway: Resource[Spec]) -> PodShape:
    name, spec = gateway.meta.name, as_dict(gateway.view.spec)
    labels = {
        **_inherited(gateway),
        GATEWAY_NAME: name,
        MANAGED: _MANAGERS.get(str(spec.get("gatewayClassName")), _MANAGER),
        INJECT: "false",
        DATAPLANE_MODE: "none",
        "pod-template-hash": _HASH,
    }
    container = Container(PROXY, args=("proxy", "waypoint"), resources=_RESOURCES)
    account = gateway.meta.annotations.get(_ACCOUNT) or name
    owner = OwnerReference("ReplicaSet", f"{name}-{_HASH}", "apps/v1", controller=True)
    return PodShape(gateway.meta.namespace, labels, {}, (owner,), PodSpec((container,), service_account_name=account))


def _inherited(gateway: Resource[Spec]) -> Labels:
    """The labels of `spec.infrastructure`, which take the place of the Gateway's own."""
    infrastructure = as_dict(as_dict(gateway.view.spec).get("infrastructure"))
    if infrastructure.get("labels") or infrastructure.get("annotations"):
        return {key: value for key, value in as_dict(infrastructure.get("labels")).items() if isinstance(value, str)}
    return gateway.meta.labels
