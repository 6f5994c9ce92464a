"""Rollouts: how many pods of a workload may be missing while its pods are made anew.

Source: Kubernetes' apps/v1. A Deployment may make pods beyond its number first (`maxSurge`), and be short of some
(`maxUnavailable`); a StatefulSet ends a pod before it makes the one that takes its place.
"""

import math
from typing import Any

from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict, as_text

_QUARTER = "25%"


def leaves_nobody(controller: Resource[Any], pods: int) -> bool:
    """Whether there is a while in a rollout in which none of a workload's pods serves.

    Args:
        controller: that holds the template.
        pods: how many the workload has.
    """
    match controller.kind:
        case "Deployment" if pods:
            strategy = as_dict(as_dict(controller.tree().get("spec")).get("strategy"))
            _, missing = bounds(strategy, pods)
            return strategy.get("type") == "Recreate" or missing >= pods
        case "StatefulSet":
            return pods == 1
        case _:
            return False


def bounds(strategy: dict[str, Any], pods: int) -> tuple[int, int]:
    """How many pods a Deployment's rollout may have beyond its number, and how many may be missing."""
    rolling = as_dict(strategy.get("rollingUpdate"))
    surge = _share(rolling.get("maxSurge", _QUARTER), pods, up=True)
    missing = _share(rolling.get("maxUnavailable", _QUARTER), pods, up=False)
    return surge, missing if surge or missing else 1


def _share(value: object, of: int, *, up: bool) -> int:
    """A number, or a percentage rounded as Kubernetes rounds it: surge up, unavailable down."""
    if isinstance(value, int):
        return max(0, value)
    text = as_text(value).removesuffix("%")
    share = float(text) / 100 * of if text.isdigit() else of / 4
    return math.ceil(share) if up else math.floor(share)
