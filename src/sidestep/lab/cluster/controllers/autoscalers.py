"""HorizontalPodAutoscalers: how many pods are wanted, by what the proxies in them use.

Source: Kubernetes' documentation, "Horizontal Pod Autoscaling", algorithm details: the ratio of what is used to the
target, nothing within a tenth of it, the largest of all metrics; fewer only after a while in which more was never due.
"""

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from sidestep.lab.cluster.objects import Tree, spec_of
from sidestep.model.quantity import millicores
from sidestep.semantics.loose import as_dict, as_dicts, as_text

CONNECTIONS = "connections"
"""Name of the Pods metric that counts who is connected to a pod's proxy."""
_TOLERANCE = 0.1
_CPU_TARGET = 80
_WAIT = 300.0


class Used(Struct, frozen=True):
    """What one pod uses.

    Attributes:
        cpu: thousandths of a core.
        request: thousandths of a core that it asked for.
        connections: to its proxy.
    """

    cpu: float
    request: int
    connections: int = 0


def desired(scaler: Tree, current: int, used: Sequence[Used]) -> int:
    """How many pods are wanted now.

    Args:
        scaler: the HorizontalPodAutoscaler.
        current: how many are wanted until now.
        used: by each pod that is ready.
    """
    spec = spec_of(scaler)
    ratios = list(_ratios(spec, used)) if used else []
    wanted = max((_scaled(current, each) for each in ratios), default=current)
    return max(_number(spec.get("minReplicas"), 1), min(wanted, _number(spec.get("maxReplicas"), current)))


def status(scaler: Tree, current: int, wanted: int, used: Sequence[Used]) -> Tree:
    """What is known of it: pods, how many are wanted, and what was measured of each metric, as Kubernetes writes it.

    Args:
        scaler: the HorizontalPodAutoscaler.
        current: pods that were measured.
        wanted: pods.
        used: by each of them.
    """
    measured = [each for metric in _metrics(spec_of(scaler)) if (each := _measured(metric, used)) is not None]
    return {"currentReplicas": current, "desiredReplicas": wanted, "currentMetrics": measured}


def is_measured(scaler: Tree) -> bool:
    """Whether any of its metrics is one that the lab measures."""
    return any(_measured(metric, (Used(0, 1),)) is not None for metric in _metrics(spec_of(scaler)))


def wait(scaler: Tree) -> float:
    """Seconds for which fewer must have been enough before there are fewer."""
    down = as_dict(as_dict(spec_of(scaler).get("behavior")).get("scaleDown"))
    seconds = down.get("stabilizationWindowSeconds", _WAIT)
    return float(seconds) if isinstance(seconds, int | float) else _WAIT


def target_of(scaler: Tree) -> tuple[str, str]:
    """Kind and name of what is scaled."""
    target = as_dict(spec_of(scaler).get("scaleTargetRef"))
    return as_text(target.get("kind")), as_text(target.get("name"))


def _metrics(spec: Tree) -> list[Tree]:
    """As the second version of the API has them."""
    percent = _number(spec.get("targetCPUUtilizationPercentage"), _CPU_TARGET)
    target = {"type": "Utilization", "averageUtilization": percent}
    return as_dicts(spec.get("metrics")) or [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _measured(metric: Tree, used: Sequence[Used]) -> Tree | None:
    resource, pods = as_dict(metric.get("resource")), as_dict(metric.get("pods"))
    if resource.get("name") == "cpu":
        share = round(100 * sum(each.cpu for each in used) / max(1, sum(each.request for each in used)))
        now: Tree = {"averageValue": f"{round(sum(each.cpu for each in used) / len(used))}m"}
        if "averageUtilization" in as_dict(resource.get("target")):
            now["averageUtilization"] = share
        return {"type": "Resource", "resource": {"name": "cpu", "current": now}}
    if as_dict(pods.get("metric")).get("name") == CONNECTIONS:
        average = f"{round(sum(each.connections for each in used) / len(used) * 1000)}m"
        return {"type": "Pods", "pods": {"metric": {"name": CONNECTIONS}, "current": {"averageValue": average}}}
    return None


def _ratios(spec: Tree, used: Sequence[Used]) -> Iterable[float]:
    for each in _metrics(spec):
        resource, pods = as_dict(each.get("resource")), as_dict(each.get("pods"))
        target = as_dict((resource or pods).get("target"))
        if resource.get("name") == "cpu" and "averageUtilization" in target:
            yield from _utilised(used, _number(target["averageUtilization"], _CPU_TARGET))
        elif resource.get("name") == "cpu":
            yield from _averaged([each.cpu for each in used], millicores(as_text(target.get("averageValue"))))
        elif as_dict(pods.get("metric")).get("name") == CONNECTIONS:
            value = millicores(str(target.get("averageValue", "")))
            yield from _averaged([each.connections * 1000.0 for each in used], value)


def _utilised(used: Sequence[Used], percent: int) -> Iterable[float]:
    request = sum(each.request for each in used)
    if request and percent:
        yield sum(each.cpu for each in used) / request / (percent / 100)


def _averaged(values: Sequence[float], target: int | None) -> Iterable[float]:
    if target:
        yield sum(values) / len(values) / target


def _scaled(current: int, ratio: float) -> int:
    return current if abs(ratio - 1) <= _TOLERANCE else math.ceil(current * ratio)


def _number(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise
