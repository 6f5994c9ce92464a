"""Which waypoints the mesh has already, so that a plan reuses them and takes nobody's name.

Source: istio-semantics.md §2.3: istiod names the Deployment, the Service and the ServiceAccount of a waypoint exactly
like its Gateway, and the HorizontalPodAutoscaler and PodDisruptionBudget too; the annotation
`gateway.istio.io/name-override` names them otherwise. What exists under such a name and is not managed, it leaves alone
(pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go, `canManage`): the waypoint then never comes up.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sidestep.audit.cost.placement import ZONE
from sidestep.model.kinds import (
    AUTOSCALER,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    GATEWAY,
    NAMESPACE,
    NODE,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)  # fmt: skip
from sidestep.model.mesh import Mesh
from sidestep.model.pods import PodSpec
from sidestep.model.quantity import Resources
from sidestep.model.resource import Resource
from sidestep.model.templates import workload_templates
from sidestep.model.views.apps import Controller
from sidestep.model.views.core import Spec
from sidestep.semantics.proxies import GATEWAY_NAME, PROXY, is_waypoint
from sidestep.semantics.selectors import selects
from sidestep.semantics.waypoints import (
    USE_WAYPOINT,
    USE_WAYPOINT_NAMESPACE,
    Binding,
    BindingState,
    binding,
    is_waypoint_gateway,
    traffic_type,
)

NAME_OVERRIDE = "gateway.istio.io/name-override"
NAMED_LIKE_IT: tuple[Kind[Any], ...] = (
    GATEWAY, SERVICE, SERVICE_ACCOUNT, DEPLOYMENT, AUTOSCALER, DISRUPTION_BUDGET,
)  # fmt: skip

_LET_IN = (BindingState.ACCEPTED, BindingState.NOT_READY, BindingState.UNDECIDED)
"""Whether it is ready, and whether that can be told, is another question."""

ObjectName = tuple[str, str]
"""Namespace and name."""


class Bounds(Struct, frozen=True, rename="camel"):
    """Of an autoscaler.

    Attributes:
        min_replicas: the least.
        max_replicas: the most.
    """

    min_replicas: int
    max_replicas: int


class ExistingWaypoint(Struct, frozen=True, rename="camel"):
    """A waypoint that the mesh has.

    Attributes:
        namespace: its own.
        name: of the Gateway.
        traffic: what it serves: `service`, `workload`, `all` or `none`.
        replicas: pods that run, or else those declared; None where neither was read.
        requests: of one replica; None where neither a pod nor a Deployment was read.
        autoscaling: of its HorizontalPodAutoscaler; None where it has none, or none was read.
        disruption_budget: whether a PodDisruptionBudget guards it.
        parameters: the ConfigMap in `spec.infrastructure.parametersRef`; empty for none.
        admits: namespaces whose services may bind to it: its own, and those that its listener lets in.
        unread: kinds, by `plural.group`, that were not read, so that what is absent here may exist.
    """

    namespace: str
    name: str
    traffic: str
    replicas: int | None = None
    requests: Resources | None = None
    autoscaling: Bounds | None = None
    disruption_budget: bool = False
    parameters: str = ""
    admits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def existing(mesh: Mesh) -> tuple[ExistingWaypoint, ...]:
    """All waypoints of a mesh, by namespace and name."""
    running = _running(mesh)
    found = [_waypoint(mesh, gateway, running) for gateway in mesh.of(GATEWAY) if _is_waypoint(gateway)]
    return tuple(sorted(found, key=lambda waypoint: (waypoint.namespace, waypoint.name)))


def taken_names(mesh: Mesh) -> frozenset[ObjectName]:
    """Names that a new waypoint cannot have.

    An object that istiod would name so is there already, or somebody runs under the service account of that name, who
    would get past every policy that admits the waypoint.
    """
    objects = {(each.meta.namespace, each.meta.name) for kind in NAMED_LIKE_IT for each in mesh.of(kind)}
    shapes = (*(pod.shape for pod in mesh.pods), *(template.shape for template in workload_templates(mesh)))
    accounts = {(each.namespace, name) for each in shapes if (name := each.spec.service_account_name)}
    return frozenset(objects | accounts)


def zones(mesh: Mesh) -> int:
    """How many zones the nodes are in, by their label; 0 where nobody says."""
    return len({node.meta.labels[ZONE] for node in mesh.of(NODE) if node.meta.labels.get(ZONE)})


class _Running(Struct, frozen=True):
    """Pods of waypoints, by namespace and Gateway."""

    counts: Mapping[ObjectName, int]
    specs: Mapping[ObjectName, PodSpec]


def _running(mesh: Mesh) -> _Running:
    counts: Counter[ObjectName] = Counter()
    specs: dict[ObjectName, PodSpec] = {}
    for pod in mesh.pods:
        labels = pod.shape.labels
        if is_waypoint(labels) and GATEWAY_NAME in labels and not pod.status.terminal:
            key = (pod.namespace, labels[GATEWAY_NAME])
            counts[key] += 1
            specs.setdefault(key, pod.shape.spec)
    return _Running(counts, specs)


def _is_waypoint(gateway: Resource[Spec]) -> bool:
    """A class that is no string is none; files may hold anything."""
    return isinstance((gateway.view.spec or {}).get("gatewayClassName"), str) and is_waypoint_gateway(gateway)


def _waypoint(mesh: Mesh, gateway: Resource[Spec], running: _Running) -> ExistingWaypoint:
    key = gateway.meta.namespace, gateway.meta.name
    deployed = mesh.find(DEPLOYMENT, key[0], gateway.meta.annotations.get(NAME_OVERRIDE, key[1]))
    return ExistingWaypoint(
        *key,
        traffic_type(mesh, gateway),
        running.counts.get(key) or _declared(deployed),
        _requests(running.specs.get(key) or _template(deployed)),
        _bounds(mesh, deployed.meta.name if deployed else key[1], key[0]),
        _guarded(mesh, key),
        _parameters(gateway),
        _admitted(mesh, gateway),
        tuple(kind.key for kind in (DEPLOYMENT, AUTOSCALER, DISRUPTION_BUDGET) if mesh.lacks(kind)),
    )


def _declared(deployed: Resource[Controller] | None) -> int | None:
    """A Deployment without the field asks for one."""
    if deployed is None:
        return None
    return 1 if deployed.view.spec.replicas is None else deployed.view.spec.replicas


def _template(deployed: Resource[Controller] | None) -> PodSpec | None:
    template = deployed.view.spec.template if deployed else None
    return template.spec if template else None


def _requests(spec: PodSpec | None) -> Resources | None:
    containers = (spec.containers or ()) if spec else ()
    return next((container.requests for container in containers if container.name == PROXY), None)


def _bounds(mesh: Mesh, deployment: str, namespace: str) -> Bounds | None:
    for scaler in mesh.in_namespace(AUTOSCALER, namespace):
        target = scaler.view.spec.scale_target_ref
        if target.kind == DEPLOYMENT.name and target.name == deployment:
            least = scaler.view.spec.min_replicas
            return Bounds(1 if least is None else least, scaler.view.spec.max_replicas)
    return None


def _guarded(mesh: Mesh, key: ObjectName) -> bool:
    labels = {GATEWAY_NAME: key[1]}
    return any(selects(each.view.spec.selector, labels) for each in mesh.in_namespace(DISRUPTION_BUDGET, key[0]))


def _admitted(mesh: Mesh, gateway: Resource[Spec]) -> tuple[str, ...]:
    """Every namespace is asked only where a listener says anything at all: the default lets in its own."""
    own = gateway.meta.namespace
    labels = {USE_WAYPOINT: gateway.meta.name, USE_WAYPOINT_NAMESPACE: own}
    listeners = (gateway.view.spec or {}).get("listeners")
    if not isinstance(listeners, list) or not any(
        isinstance(each, dict) and each.get("allowedRoutes") for each in listeners
    ):
        return (own,)
    others = (space.meta.name for space in mesh.of(NAMESPACE))
    return tuple(sorted({own, *(name for name in others if _lets_in(binding(mesh, labels, name, "any")))}))


def _lets_in(found: Binding | None) -> bool:
    return found is not None and found.state in _LET_IN


def _parameters(gateway: Resource[Spec]) -> str:
    infrastructure = (gateway.view.spec or {}).get("infrastructure")
    reference = infrastructure.get("parametersRef") if isinstance(infrastructure, dict) else None
    name = reference.get("name") if isinstance(reference, dict) else None
    return name if isinstance(name, str) else ""
