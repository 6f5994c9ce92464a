"""How many pods a rollout takes away at a time, and how many a disruption budget allows. Pure.

Source: Kubernetes' `ResolveFenceposts` (`pkg/controller/deployment/util`) and its page on disruptions: controllers ask
no budget when they roll out, evictions alone do. Budgets round percentages up (`GetScaledValueFromIntOrPercent`).
"""

from math import ceil, floor
from typing import Any

from sidestep.model import kinds
from sidestep.model.views.apps import DisruptionBudgetSpec
from sidestep.semantics.loose import as_dict

_A_QUARTER = "25%"


def taken_away(kind: str, spec: dict[str, Any], replicas: int) -> int:
    """Pods that a rollout takes away at a time before new ones are ready; 0 for a kind whose rollouts are others'.

    Args:
        kind: of the controller.
        spec: of the controller.
        replicas: how many pods it has.
    """
    if kind == kinds.STATEFUL_SET.name:
        most = as_dict(as_dict(spec.get("updateStrategy")).get("rollingUpdate")).get("maxUnavailable")
        return max(_share(most, replicas, up=True, unsaid=1), 1)
    if kind != kinds.DEPLOYMENT.name:
        return 0
    strategy = as_dict(spec.get("strategy"))
    if strategy.get("type") == "Recreate":
        return replicas
    rolling = as_dict(strategy.get("rollingUpdate"))
    surge = _share(rolling.get("maxSurge", _A_QUARTER), replicas, up=True)
    away = _share(rolling.get("maxUnavailable", _A_QUARTER), replicas, up=False)
    return away if away or surge else 1


def allowed(budget: DisruptionBudgetSpec, replicas: int) -> int:
    """Pods of so many that may be away at a time."""
    if budget.max_unavailable is not None:
        return _share(budget.max_unavailable, replicas, up=True)
    return replicas - _share(budget.min_available, replicas, up=True, unsaid=replicas)


def _share(value: object, of: int, *, up: bool, unsaid: int = 0) -> int:
    """A number, or a percentage of another one."""
    if isinstance(value, int):
        return min(value, of)
    if not isinstance(value, str) or not value.removesuffix("%").isdigit():
        return unsaid
    share = int(value.removesuffix("%")) * of / 100
    return min(ceil(share) if up else floor(share), of)
