"""What is missing until controllers and a mesh have done what was asked of them, by the objects alone. Pure.

Source: `kubectl rollout status` (what counts as rolled out); istio-semantics.md §2.1 (redirection), §2.3 (bound),
§3.7 (conditions of policies).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sidestep.actions.worlds.interface import Tree
from sidestep.model.kinds import DAEMON_SET, STATEFUL_SET
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.proxies import PROXY, REDIRECTION

_ACCEPTED = ("WaypointAccepted", "ZtunnelAccepted")


def rollout_misses(controller: Tree | None) -> str:
    """What is missing until all pods of a controller are of its newest template and ready; empty for nothing."""
    if controller is None:
        return "it is absent"
    status, meta = as_dict(controller.get("status")), as_dict(controller.get("metadata"))
    seen = status.get("observedGeneration")
    if isinstance(seen, int) and seen < _number(meta.get("generation")):
        return "its controller has not seen the change yet"
    kind = controller.get("kind")
    if kind == DAEMON_SET.name:
        wanted = _number(status.get("desiredNumberScheduled"))
        counts = {"updated": status.get("updatedNumberScheduled", wanted), "ready": status.get("numberReady")}
    else:
        wanted = _wanted(controller)
        counts = {"updated": _updated(controller, wanted), "ready": status.get("readyReplicas")}
        surplus = _number(status.get("replicas")) - wanted
        if surplus > 0:
            return f"{surplus} pods too many"
    for word, count in counts.items():
        if _number(count) < wanted:
            return f"{_number(count)} of {wanted} pods are {word}"
    return ""


def capture_misses(pods: Iterable[Tree]) -> str:
    """What is missing until every running pod is redirected to its node's proxy."""
    left = [_name(pod) for pod in _running(pods) if _annotations(pod).get(REDIRECTION) != "enabled"]
    return f"{len(left)} pods are not captured, {left[0]} among them" if left else ""


def sidecar_misses(pods: Iterable[Tree]) -> str:
    """What is missing until no running pod has a sidecar."""
    left = [_name(pod) for pod in _running(pods) if PROXY in _containers(pod)]
    return f"{len(left)} pods still have sidecars, {left[0]} among them" if left else ""


def condition_misses(tree: Tree | None, *conditions: str) -> str:
    """What is missing until one of these conditions of an object is true."""
    if tree is None:
        return "it is absent"
    rows = as_dicts(as_dict(tree.get("status")).get("conditions"))
    if any(row.get("type") in conditions and row.get("status") == "True" for row in rows):
        return ""
    said = [as_text(row.get("message")) for row in rows if row.get("type") in conditions and row.get("message")]
    return f"it is not {' or '.join(conditions)}" + (f": {said[0]}" if said else "")


def accepted_misses(tree: Tree | None) -> str:
    """What is missing until a policy is known to be enforced."""
    return condition_misses(tree, *_ACCEPTED)


def selected(pods: Iterable[Tree], controller: Tree | None) -> list[Tree]:
    """Pods that a controller's selector finds, in its namespace."""
    if controller is None:
        return []
    selector = as_dict(as_dict(controller.get("spec")).get("selector"))
    test = _matching(selector)
    space = as_dict(controller.get("metadata")).get("namespace")
    return [pod for pod in pods if as_dict(pod.get("metadata")).get("namespace") == space and test(_labels(pod))]


def _matching(selector: Mapping[str, Any]) -> Callable[[Mapping[str, str]], bool]:
    wanted = as_dict(selector.get("matchLabels"))
    rules = as_dicts(selector.get("matchExpressions"))

    def fits(labels: Mapping[str, str]) -> bool:
        return wanted.items() <= labels.items() and all(_fits(rule, labels) for rule in rules)

    return fits


def _fits(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(as_text(rule.get("key")))
    among = value in as_strings(rule.get("values"))
    match rule.get("operator"):
        case "In":
            return among
        case "NotIn":
            return not among
        case "Exists":
            return value is not None
        case _:
            return value is None


def _updated(controller: Tree, wanted: int) -> object:
    """StatefulSets tell the number only while it differs."""
    status = as_dict(controller.get("status"))
    if controller.get("kind") == STATEFUL_SET.name and status.get("updateRevision") == status.get("currentRevision"):
        return status.get("updatedReplicas", wanted)
    return status.get("updatedReplicas", 0)


def _wanted(controller: Tree) -> int:
    replicas = as_dict(controller.get("spec")).get("replicas")
    return replicas if isinstance(replicas, int) else 1


def _running(pods: Iterable[Tree]) -> Iterable[Tree]:
    for pod in pods:
        over = as_dict(pod.get("status")).get("phase") in {"Succeeded", "Failed"}
        if not over and "deletionTimestamp" not in as_dict(pod.get("metadata")):
            yield pod


def _containers(pod: Tree) -> set[str]:
    spec = as_dict(pod.get("spec"))
    rows = (*as_dicts(spec.get("containers")), *as_dicts(spec.get("initContainers")))
    return {as_text(row.get("name")) for row in rows}


def _labels(pod: Tree) -> dict[str, str]:
    return as_dict(as_dict(pod.get("metadata")).get("labels"))


def _annotations(pod: Tree) -> dict[str, Any]:
    return as_dict(as_dict(pod.get("metadata")).get("annotations"))


def _name(pod: Tree) -> str:
    meta = as_dict(pod.get("metadata"))
    return f"{meta.get('namespace', '')}/{meta.get('name', '')}"


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
