"""What a waypoint's Deployment, Service, autoscaler and disruption budget are told beyond what istiod generates.

Source: istio-semantics.md §2.3 and §6.1 (h), (j): since 1.26 istiod merges the ConfigMap in
`spec.infrastructure.parametersRef` over what it generates, by the keys `deployment`, `service`, `serviceAccount`,
`horizontalPodAutoscaler` and `podDisruptionBudget`; any other key, or another name in the metadata, makes it render
nothing at all (pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go, `applyOverlay`).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml
from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.model.quantity import Resources
from sidestep.plan.waypoints.size import Autoscaling, WaypointSize
from sidestep.semantics.proxies import GATEWAY_NAME, PROXY

Tree = dict[str, Any]
CONNECTIONS = "envoy_http_downstream_cx_active"
"""The suffix `downstream_cx_active` is always among the stats that a proxy keeps (pkg/bootstrap/config.go)."""
ENVOY_DRAIN_SECONDS = 45
"""`drainDuration` of the default ProxyConfig (pkg/config/mesh/mesh.go): over how long Envoy sends clients away."""
_ZONE, _HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
_DISTRIBUTION = "networking.istio.io/traffic-distribution"
_PROXY_CONFIG = "proxy.istio.io/config"
_MIB = 2**20


class _Dumper(yaml.SafeDumper):
    """Writes texts of lines as such, so that one can read them."""


def _lines(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, "|" if "\n" in text else None)


_Dumper.add_representer(str, _lines)


class Behaviour(Struct, frozen=True, rename="camel"):
    """How a waypoint behaves when pods come and go.

    Attributes:
        grace_seconds: `terminationGracePeriodSeconds`; istiod's own was 2 up to 1.27 and is 30 since.
        drain_seconds: `terminationDrainDuration`, 5 by default: how long a pod that ends serves what is open. A 503 on
            each rollout is what a short one costs.
        priority_class: `priorityClassName`, which must exist; empty for none.
        traffic_distribution: `PreferClose` keeps clients in their zone; empty leaves it to istiod.
        strict_zones: a replica that would make zones uneven stays pending rather than go where there is room.
        count_connections: the autoscaler looks at open connections too; that takes an adapter for custom metrics.
        scale_down_seconds: for how long the load has to stay low.
    """

    grace_seconds: int = 60
    drain_seconds: int = ENVOY_DRAIN_SECONDS
    priority_class: str = ""
    traffic_distribution: str = "PreferClose"
    strict_zones: bool = False
    count_connections: bool = True
    scale_down_seconds: int = 300


def check(behaviour: Behaviour) -> None:
    """Refuse what would cut connections: a drain that outlasts the grace."""
    if not 0 < behaviour.drain_seconds < behaviour.grace_seconds:
        raise UsageError(
            f"a drain of {behaviour.drain_seconds} s does not end within a grace period of {behaviour.grace_seconds} s",
            where="behaviour of waypoints",
            remedy="make drain_seconds positive and less than grace_seconds",
        )
    if not 0 <= behaviour.scale_down_seconds <= 3600:
        raise UsageError(
            f"an autoscaler cannot wait for {behaviour.scale_down_seconds} s",
            where="behaviour of waypoints",
            remedy="make scale_down_seconds at least 0 and at most 3600",
        )


def parameters(name: str, size: WaypointSize, behaviour: Behaviour) -> dict[str, str]:
    """The data of the ConfigMap that `parametersRef` names: YAML by key.

    The number of replicas is the autoscaler's alone: istiod would write a number in the Deployment again and again.
    """
    texts = {"deployment": _printed(_deployment(name, size, behaviour)), **_common(size.autoscaling, behaviour)}
    return dict(sorted(texts.items()))


@lru_cache(maxsize=1024)
def _common(scaling: Autoscaling, behaviour: Behaviour) -> Mapping[str, str]:
    """What waypoints of one size share, printed once: printing YAML takes longer than all the rest of a waypoint."""
    trees: Tree = {
        "horizontalPodAutoscaler": {"spec": scaling_spec(scaling, behaviour, utilisation=True)},
        "podDisruptionBudget": {"spec": {"maxUnavailable": 1}},
    }
    if behaviour.traffic_distribution:
        annotations = {_DISTRIBUTION: behaviour.traffic_distribution}
        trees["service"] = {"metadata": {"annotations": annotations}}
    return {key: _printed(tree) for key, tree in trees.items()}


def _printed(tree: Tree) -> str:
    text: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False)
    return text


def scaling_spec(scaling: Autoscaling, behaviour: Behaviour, *, utilisation: bool) -> Tree:
    """Bounds, metrics and pace of a HorizontalPodAutoscaler, without its target.

    Args:
        scaling: bounds and targets.
        behaviour: pace.
        utilisation: CPU as a share of the requests; else in thousandths of a core.
    """
    metrics = [_cpu(scaling, utilisation=utilisation)]
    if behaviour.count_connections:
        target = {"type": "AverageValue", "averageValue": str(scaling.connections)}
        metrics.append({"type": "Pods", "pods": {"metric": {"name": CONNECTIONS}, "target": target}})
    return {
        "minReplicas": scaling.min_replicas,
        "maxReplicas": scaling.max_replicas,
        "metrics": metrics,
        "behavior": {
            "scaleDown": {
                "stabilizationWindowSeconds": behaviour.scale_down_seconds,
                "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
            }
        },
    }


def _cpu(scaling: Autoscaling, *, utilisation: bool) -> Tree:
    target: Tree = {"type": "AverageValue", "averageValue": f"{scaling.cpu_millis}m"}
    if utilisation:
        target = {"type": "Utilization", "averageUtilization": scaling.cpu_percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _deployment(name: str, size: WaypointSize, behaviour: Behaviour) -> Tree:
    pod: Tree = {
        "terminationGracePeriodSeconds": behaviour.grace_seconds,
        "topologySpreadConstraints": [
            _spread(name, _ZONE, strict=behaviour.strict_zones),
            _spread(name, _HOST, strict=False),
        ],
        "containers": [{"name": PROXY, "resources": _resources(size)}],
    }
    if behaviour.priority_class:
        pod["priorityClassName"] = behaviour.priority_class
    drain = yaml.safe_dump({"terminationDrainDuration": f"{behaviour.drain_seconds}s"})
    return {"spec": {"template": {"metadata": {"annotations": {_PROXY_CONFIG: drain}}, "spec": pod}}}


def _spread(name: str, key: str, *, strict: bool) -> Tree:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "DoNotSchedule" if strict else "ScheduleAnyway",
        "labelSelector": {"matchLabels": {GATEWAY_NAME: name}},
    }


def _resources(size: WaypointSize) -> Tree:
    return {"requests": _amounts(size.requests), "limits": _amounts(size.limits)}


def _amounts(resources: Resources) -> dict[str, str]:
    memory = resources.memory_bytes
    return {
        "cpu": f"{resources.cpu_millis}m",
        "memory": f"{memory // _MIB}Mi" if memory % _MIB == 0 else str(memory),
    }
