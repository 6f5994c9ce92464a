"""What is missing until pods are as they were asked to be, by the pods alone. Pure.

Source: istio-semantics.md §2.1 (redirection).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from sidestep.actions.worlds.interface import Tree
from sidestep.model.metadata import OwnerReference
from sidestep.model.ownership import top_of_chain
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.proxies import PROXY, REDIRECTION

_ON_THE_WAY = frozenset({"ContainerCreating", "PodInitializing"})
_SUBJECT = re.compile(r"(?:(\S+) )?(?:([^/ ]+)/)?([^/ ]+)")


def subject(text: str) -> tuple[str, str, str]:
    """Kind, namespace and name of what is waited for, of which only the name is sure."""
    found = _SUBJECT.fullmatch(text)
    return (found[1] or "", found[2] or "", found[3]) if found else ("", "", text)


def capture_misses(pods: Iterable[Tree]) -> str:
    """What is missing until every running pod is redirected to its node's proxy."""
    left = [name_of(pod) for pod in staying(pods) if _annotations(pod).get(REDIRECTION) != "enabled"]
    return f"{len(left)} pods are not captured, {left[0]} among them" if left else ""


def leaving_misses(pods: Iterable[Tree]) -> str:
    """What is missing until none is left of those that are about to end.

    A rollout is done without them, but they serve on, as they were guarded; who takes a guard away waits for them.
    """
    left = [name_of(pod) for pod in pods if "deletionTimestamp" in as_dict(pod.get("metadata"))]
    return f"{len(left)} old pods have not ended yet, {left[0]} among them" if left else ""


def sidecar_misses(pods: Iterable[Tree]) -> str:
    """What is missing until no running pod has a sidecar."""
    left = [name_of(pod) for pod in staying(pods) if PROXY in _containers(pod)]
    return f"{len(left)} pods still have sidecars, {left[0]} among them" if left else ""


def complaint(pods: Iterable[Tree]) -> str:
    """What is said of the first pod that does not come up: no node takes it, or a container of it does not start."""
    return next((f"{name_of(pod)}: {said}" for pod in staying(pods) for said in _complaints(pod)), "")


def _complaints(pod: Tree) -> Iterator[str]:
    status = as_dict(pod.get("status"))
    for row in as_dicts(status.get("conditions")):
        if row.get("type") == "PodScheduled" and row.get("status") == "False":
            yield as_text(row.get("message")) or "no node takes it"
    for container in (*as_dicts(status.get("initContainerStatuses")), *as_dicts(status.get("containerStatuses"))):
        waiting = as_dict(as_dict(container.get("state")).get("waiting"))
        reason = as_text(waiting.get("reason"))
        if reason and reason not in _ON_THE_WAY:
            told = f"{reason}: {waiting['message']}" if waiting.get("message") else reason
            yield f"container {as_text(container.get('name'))} does not start, {told}"


def condition_misses(tree: Tree | None, *conditions: str) -> str:
    """What is missing until one of these conditions of an object is true."""
    if tree is None:
        return "it is absent"
    rows = as_dicts(as_dict(tree.get("status")).get("conditions"))
    if any(row.get("type") in conditions and row.get("status") == "True" for row in rows):
        return ""
    said = [as_text(row.get("message")) for row in rows if row.get("type") in conditions and row.get("message")]
    return f"it is not {' or '.join(conditions)}" + (f": {said[0]}" if said else "")


class Selector(Struct, frozen=True):
    """Which pods are a controller's.

    Attributes:
        labels: that they have.
        rules: `matchExpressions` that they fit.
    """

    labels: dict[str, str] = {}
    rules: tuple[dict[str, Any], ...] = ()

    @property
    def is_empty(self) -> bool:
        """It has none of its own, as a CronJob, whose Jobs have."""
        return not self.labels and not self.rules

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels is one of them."""
        return not self.is_empty and self.labels.items() <= labels.items() and all(_fits(r, labels) for r in self.rules)

    def query(self) -> str:
        """As a server is asked by it."""
        return ",".join((*(f"{key}={value}" for key, value in self.labels.items()), *map(_asked, self.rules)))


def selector(controller: Tree) -> Selector:
    """A controller's; older kinds have labels alone."""
    found = as_dict(as_dict(controller.get("spec")).get("selector"))
    if found.keys() <= {"matchLabels", "matchExpressions"}:
        return Selector(as_dict(found.get("matchLabels")), tuple(as_dicts(found.get("matchExpressions"))))
    return Selector(found)


def selected(pods: Iterable[Tree], controller: Tree | None) -> list[Tree]:
    """Pods that a controller's selector finds, in its namespace."""
    if controller is None:
        return []
    chosen, space = selector(controller), as_dict(controller.get("metadata")).get("namespace")
    return [pod for pod in pods if as_dict(pod.get("metadata")).get("namespace") == space and chosen.fits(_labels(pod))]


def _asked(rule: Mapping[str, Any]) -> str:
    key, values = as_text(rule.get("key")), ",".join(as_strings(rule.get("values")))
    match rule.get("operator"):
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "Exists":
            return key
        case _:
            return f"!{key}"


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


def staying(pods: Iterable[Tree]) -> Iterator[Tree]:
    """Those that have not come to their end, and are not on their way there."""
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


def workload_name(pod: Tree) -> str:
    """Of the workload that a pod is of, by its owner."""
    meta = as_dict(pod.get("metadata"))
    for owner in as_dicts(meta.get("ownerReferences")):
        if owner.get("controller"):
            reference = OwnerReference(as_text(owner.get("kind")), as_text(owner.get("name")))
            return top_of_chain("", reference, _labels(pod), {}).name
    return as_text(meta.get("name"))


def name_of(pod: Tree) -> str:
    """Namespace and name."""
    meta = as_dict(pod.get("metadata"))
    return f"{meta.get('namespace', '')}/{meta.get('name', '')}"
