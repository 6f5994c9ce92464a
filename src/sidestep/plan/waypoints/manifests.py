"""The objects that make a waypoint: plain trees that the API server takes as they are.

Source: istio-semantics.md §2.3 (manifests/charts/istio-control/istio-discovery/files/waypoint.yaml of each version).
"""

from typing import Any

from msgspec import Struct

from sidestep.model.kinds import AUTOSCALER, CONFIG_MAP, DEPLOYMENT, DISRUPTION_BUDGET, GATEWAY, Kind
from sidestep.plan.waypoints.overlay import Behaviour, Tree, check, parameters, scaling_spec
from sidestep.plan.waypoints.placement import PlacedWaypoint
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.proxies import GATEWAY_NAME, REVISION
from sidestep.semantics.versions import IstioVersion
from sidestep.semantics.waypoints import HBONE_PORT, USE_WAYPOINT_NAMESPACE, WAYPOINT_FOR

ORIGIN = "sidestep.dev/origin"
CLASS = "istio-waypoint"
LISTENER = "mesh"
"""What istioctl names it."""
_NAMED = 10
_MADE_BY = {"sidestep.dev/made-by": "plan"}
_DEFAULT_REVISION = ("", "default")


class Installation(Struct, frozen=True, rename="camel"):
    """The mesh that a waypoint is for.

    Attributes:
        version: of istiod: what it reads from a Gateway changed.
        revision: label `istio.io/rev` of new waypoints; empty where the mesh has but one.
        gateway_api: the version of the Gateway API that the cluster serves.
    """

    version: IstioVersion
    revision: str = ""
    gateway_api: str = GATEWAY.api_version()


class WaypointManifests(Struct, frozen=True, rename="camel"):
    """What to apply for one waypoint, in this order.

    Attributes:
        objects: plain trees; the ConfigMap first, since istiod renders nothing for a Gateway that lacks it.
        cannot_set: what this version of Istio gives no means to set.
        notes: what a reader should know before applying.
    """

    objects: tuple[Tree, ...]
    cannot_set: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def manifests(
    placed: PlacedWaypoint, installation: Installation, behaviour: Behaviour | None = None
) -> WaypointManifests:
    """The objects of one waypoint; none for one that the mesh has, which stays its owner's.

    Args:
        placed: the waypoint.
        installation: the mesh.
        behaviour: when pods come and go.
    """
    behaviour = behaviour or Behaviour()
    check(behaviour)
    if placed.reused is not None:
        return WaypointManifests((), (), _lacking(placed))
    if installation.version.since(1, 26):
        options = _config_map(placed, behaviour)
        gateway = _gateway(placed, installation, options["metadata"]["name"])
        return WaypointManifests((options, gateway), (), _notes(placed, installation, behaviour))
    objects = (_gateway(placed, installation, ""), _autoscaler(placed, behaviour), _budget(placed))
    return WaypointManifests(objects, _cannot_set(installation, behaviour), _notes(placed, installation, behaviour))


def parameters_name(waypoint: str) -> str:
    """Of the ConfigMap with a waypoint's parameters."""
    return f"sidestep-{waypoint}"


def origin(placed: PlacedWaypoint) -> str:
    """What the annotation of each object says: where it comes from, and nothing that load changes."""
    services = ", ".join(f"{namespace}/{name}" for namespace, name in placed.services[:_NAMED])
    more = f" and {len(placed.services) - _NAMED} more" if len(placed.services) > _NAMED else ""
    return f"sidestep plan: waypoint for {services}{more}"


def _object(kind: Kind[Any], placed: PlacedWaypoint, name: str, api_version: str = "") -> Tree:
    metadata: Tree = {"name": name, "namespace": placed.namespace, "annotations": {ORIGIN: origin(placed)}}
    return {"apiVersion": api_version or kind.api_version(), "kind": kind.name, "metadata": metadata}


def _config_map(placed: PlacedWaypoint, behaviour: Behaviour) -> Tree:
    tree = _object(CONFIG_MAP, placed, parameters_name(placed.name))
    return {**tree, "data": parameters(placed.name, placed.size, behaviour)}


def _gateway(placed: PlacedWaypoint, installation: Installation, options: str) -> Tree:
    tree = _object(GATEWAY, placed, placed.name, installation.gateway_api)
    tree["metadata"]["labels"] = {WAYPOINT_FOR: placed.traffic}
    if installation.revision not in _DEFAULT_REVISION:
        tree["metadata"]["labels"][REVISION] = installation.revision
    spec: Tree = {"gatewayClassName": CLASS, "listeners": [_listener(placed)]}
    infrastructure = _infrastructure(installation, options)
    if infrastructure:
        spec["infrastructure"] = infrastructure
    return {**tree, "spec": spec}


def _infrastructure(installation: Installation, options: str) -> Tree:
    """Annotations, since istiod otherwise copies the Gateway's own to the pods and a changed origin would restart them.

    The field is experimental in the Gateway API that came before Istio 1.24.
    """
    if not installation.version.since(1, 24):
        return {}
    annotations: Tree = {"annotations": dict(_MADE_BY)}
    reference = {"group": "", "kind": CONFIG_MAP.name, "name": options}
    return {**annotations, "parametersRef": reference} if options else annotations


def _listener(placed: PlacedWaypoint) -> Tree:
    """Where only its own namespace binds, the default (`from: Same`) is right."""
    listener: Tree = {"name": LISTENER, "port": HBONE_PORT, "protocol": "HBONE"}
    namespaces = sorted({*placed.bound_namespaces, placed.namespace})
    if namespaces == [placed.namespace]:
        return listener
    chosen = {"matchExpressions": [{"key": NAMESPACE_NAME, "operator": "In", "values": namespaces}]}
    return {**listener, "allowedRoutes": {"namespaces": {"from": "Selector", "selector": chosen}}}


def _autoscaler(placed: PlacedWaypoint, behaviour: Behaviour) -> Tree:
    """CPU in thousandths of a core: before 1.26 the requests, of which a percentage would be, cannot be set."""
    target = {"apiVersion": DEPLOYMENT.api_version(), "kind": DEPLOYMENT.name, "name": placed.name}
    spec = scaling_spec(placed.size.autoscaling, behaviour, utilisation=False)
    return {**_object(AUTOSCALER, placed, placed.name), "spec": {"scaleTargetRef": target, **spec}}


def _budget(placed: PlacedWaypoint) -> Tree:
    selector = {"matchLabels": {GATEWAY_NAME: placed.name}}
    return {**_object(DISRUPTION_BUDGET, placed, placed.name), "spec": {"maxUnavailable": 1, "selector": selector}}


def _cannot_set(installation: Installation, behaviour: Behaviour) -> tuple[str, ...]:
    """What only `parametersRef` sets, which istiod reads since 1.26."""
    version = installation.version
    mesh_wide = "; for all waypoints at once: the Helm value global.waypoint.{}" if version.since(1, 24) else ""
    found = [
        f"requests and limits of the waypoint{mesh_wide.format('resources')}",
        f"spread over zones and nodes{mesh_wide.format('topologySpreadConstraints')}",
        "terminationGracePeriodSeconds, fixed at 2 s: what is open is cut on each rollout, so no drain is set either",
    ]
    if behaviour.priority_class:
        found.append("priorityClassName")
    if behaviour.traffic_distribution and not version.since(1, 24):
        found.append("traffic distribution: clients use replicas of all zones alike")
    elif behaviour.traffic_distribution not in ("", "PreferClose"):
        found.append(f"traffic distribution {behaviour.traffic_distribution}: istiod writes PreferClose")
    return tuple(f"before Istio 1.26 there is no way to set {words}" for words in found)


def _notes(placed: PlacedWaypoint, installation: Installation, behaviour: Behaviour) -> tuple[str, ...]:
    found = []
    if placed.namespace not in placed.bound_namespaces:
        found.append(
            f"namespace {placed.namespace} must exist, and services name it by the label {USE_WAYPOINT_NAMESPACE}"
        )
    if installation.version.assumed:
        found.append(f"Istio's version was not read: written for {installation.version.version}")
    if behaviour.count_connections:
        found.append(
            "the autoscaler's metric envoy_http_downstream_cx_active takes an adapter for custom metrics; without one "
            "the autoscaler adds replicas by CPU and never removes any"
        )
    if behaviour.priority_class:
        found.append(f"PriorityClass {behaviour.priority_class} must exist, or no pod of the waypoint is created")
    return tuple(found)


def _lacking(placed: PlacedWaypoint) -> tuple[str, ...]:
    """What a waypoint that is there lacks of what the plan would give it."""
    there, size = placed.reused, placed.size
    if there is None:
        return ()
    name = f"waypoint {there.namespace}/{there.name}"
    found = [f"{name} is there already and is left as it is"]
    least = there.autoscaling.min_replicas if there.autoscaling else there.replicas
    if least is not None and least < size.replicas:
        found.append(f"{name} keeps at least {least} replicas where its load needs {size.replicas}")
    if there.autoscaling is None and AUTOSCALER.key not in there.unread:
        found.append(f"{name} has no HorizontalPodAutoscaler")
    if not there.disruption_budget and DISRUPTION_BUDGET.key not in there.unread:
        found.append(f"{name} has no PodDisruptionBudget")
    if there.requests is not None and there.requests.cpu_millis < size.requests.cpu_millis:
        found.append(
            f"{name} requests {there.requests.cpu_millis}m of CPU where its load needs {size.requests.cpu_millis}m"
        )
    if there.requests is not None and there.requests.memory_bytes < size.requests.memory_bytes:
        found.append(f"{name} requests less memory than its load needs")
    return tuple(found)
