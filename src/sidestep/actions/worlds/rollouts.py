"""What is missing until a controller has made all its pods anew, by its own status. Pure.

Source: `kubectl rollout status` (what counts as rolled out); argoproj/argo-rollouts, RolloutStatus of
`pkg/apis/rollouts/v1alpha1/types.go` (`observedGeneration` is a text; `restartedAt` follows `spec.restartAt` when all
pods are new; `stableRS` is `currentPodHash` once a version is in).
"""

from typing import Any

from sidestep.actions.worlds.interface import Tree
from sidestep.model.kinds import (
    CRON_JOB,
    DAEMON_SET,
    JOB,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    ROLLOUT,
    STATEFUL_SET,
)
from sidestep.plan.wording import many
from sidestep.semantics.loose import as_dict, as_dicts, as_text

_MAKES_NOTHING_ANEW = frozenset({JOB.name, CRON_JOB.name, POD.name})
"""Their next pods are of the newest template; those that run end by themselves, or by hand."""
_REPLACES_NOBODY = frozenset({REPLICA_SET.name, REPLICATION_CONTROLLER.name})
_STUCK = frozenset({"ReplicaFailure", "Progressing"})


def rollout_misses(controller: Tree | None) -> str:
    """What is missing until all pods of a controller are of its newest template and ready; empty for nothing."""
    if controller is None:
        return "it is absent"
    kind = as_text(controller.get("kind"))
    if kind in _MAKES_NOTHING_ANEW:
        return ""
    if kind in _REPLACES_NOBODY:
        return f"a {kind} replaces no pods by itself: delete them one after the other"
    status, generation = as_dict(controller.get("status")), as_dict(controller.get("metadata")).get("generation")
    seen = status.get("observedGeneration")
    if seen is not None and _number(seen) < _number(generation):
        return "its controller has not seen the change yet"
    missing = _restart_misses(controller) or _count_misses(controller, kind)
    return f"{missing}{_why(controller, kind)}" if missing else ""


def half_way(controller: Tree) -> str:
    """Why a Rollout of Argo's is not to be changed now: another version is half-way in; empty where none is."""
    status = as_dict(controller.get("status"))
    stable, current = status.get("stableRS"), status.get("currentPodHash")
    if controller.get("kind") != ROLLOUT.name or not stable or not current or stable == current:
        return ""
    return "its strategy has another version half-way in: promote that, or put the former one back"


def _restart_misses(controller: Tree) -> str:
    """Of a Rollout of Argo's whose pods are made anew without another template."""
    asked = as_dict(controller.get("spec")).get("restartAt")
    if asked and as_dict(controller.get("status")).get("restartedAt") != asked:
        return "its pods are being restarted"
    return ""


def _count_misses(controller: Tree, kind: str) -> str:
    status = as_dict(controller.get("status"))
    if kind == DAEMON_SET.name:
        wanted = _number(status.get("desiredNumberScheduled"))
        counts = {"updated": status.get("updatedNumberScheduled", wanted), "ready": status.get("numberReady")}
    else:
        wanted = _wanted(controller)
        counts = {"updated": _updated(controller, wanted), "ready": status.get("readyReplicas")}
    for word, count in counts.items():
        if _number(count) < wanted:
            return f"{_number(count)} of {wanted} pods are {word}"
    surplus = _number(status.get("replicas")) - wanted
    return f"{many(surplus, 'pod')} too many" if kind != DAEMON_SET.name and surplus > 0 else ""


def _why(controller: Tree, kind: str) -> str:
    """What its controller says about it, or what keeps it from going on."""
    spec, status = as_dict(controller.get("spec")), as_dict(controller.get("status"))
    if spec.get("paused") is True:
        return ": it is paused (spec.paused)"
    if kind == ROLLOUT.name and as_dicts(status.get("pauseConditions")):
        return ": its strategy pauses it: promote it"
    if kind == ROLLOUT.name and status.get("abort") is True:
        return f": it is aborted: {as_text(status.get('message')) or 'retry it'}"
    strategy = as_dict(spec.get("updateStrategy"))
    if strategy.get("type") == "OnDelete":
        return ": its updateStrategy is OnDelete: delete its pods one after the other"
    partition = as_dict(strategy.get("rollingUpdate")).get("partition")
    if isinstance(partition, int) and partition > 0:
        return f": its updateStrategy keeps {partition} pods back (rollingUpdate.partition)"
    return next((f": {said}" for said in map(_complaint, as_dicts(status.get("conditions"))) if said), "")


def _complaint(condition: dict[str, Any]) -> str:
    """A condition's message where it tells of trouble: no progress, or pods that cannot be made (quota, webhook)."""
    kind, value = condition.get("type"), condition.get("status")
    trouble = kind in _STUCK and value == ("True" if kind == "ReplicaFailure" else "False")
    return as_text(condition.get("message")) if trouble else ""


def _updated(controller: Tree, wanted: int) -> object:
    """StatefulSets tell the number only while it differs."""
    status = as_dict(controller.get("status"))
    if controller.get("kind") == STATEFUL_SET.name and status.get("updateRevision") == status.get("currentRevision"):
        return status.get("updatedReplicas", wanted)
    return status.get("updatedReplicas", 0)


def _wanted(controller: Tree) -> int:
    replicas = as_dict(controller.get("spec")).get("replicas")
    return replicas if isinstance(replicas, int) else 1


def _number(value: object) -> int:
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return value if isinstance(value, int) else 0
