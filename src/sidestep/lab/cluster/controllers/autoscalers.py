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


def wait(scaler: Tree) -> float:
    """Seconds for which fewer must have been enough before there are fewer."""
    down = as_dict(as_dict(spec_of(scaler).get("behavior")).get("scaleDown"))
    seconds = down.get("stabilizationWindowSeconds", _WAIT)
    return float(seconds) if isinstance(seconds, int | float) else _WAIT


def target_of(scaler: Tree) -> tuple[str, str]:
    """Kind and name of what is scaled."""
    target = as_dict(spec_of(scaler).get("scaleTargetRef"))
    return as_text(target.get("kind")), as_text(target.get("name"))


def _ratios(spec: Tree, used: Sequence[Used]) -> Iterable[float]:
    metrics = as_dicts(spec.get("metrics"))
    if not metrics:
        percent = _number(spec.get("targetCPUUtilizationPercentage"), _CPU_TARGET)
        yield from _utilised(used, percent)
    for each in metrics:
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
