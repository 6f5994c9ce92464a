"""What of an object, and of a step, can make a difference to a rehearsal; the rest is left out of its shape. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sidestep.plan.steps import Apply, Delete, Effect, Patch, Restart, Wait
from sidestep.rehearse.shapes.places import Tree
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.proxies import PROXY

MANY = 2
"""Pods from which on it makes no difference how many there are: a rollout leaves somebody."""
_NAMELESS = frozenset({
    "AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication", "DestinationRule", "Sidecar", "Telemetry",
    "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy", "HTTPRoute", "GRPCRoute", "ProxyConfig",
})  # fmt: skip
"""Kinds whose names nobody refers to."""
_ROUTES = "VirtualService"
_PROGRAM = ("image", "imagePullPolicy", "envFrom", "args", "command", "resources", "volumeMounts")
"""What a container says of a program that a lab replaces; whom it calls is in the call graph."""
_WRITTEN = ("kubectl.kubernetes.io/last-applied-configuration", "sidestep.dev/origin")
_NAMING = frozenset({"kubernetes.io", "topology.kubernetes.io"})
_MEANT = ("istio.io", "sidestep.dev", "gateway.networking.k8s.io")
"""Domains of labels that mean something though no object selects by them."""
_QUERIES = ("query", "promql")


class Telling:
    """Knows what of objects tells in a mesh.

    Args:
        objects: all of it.
    """

    def __init__(self, objects: Iterable[Tree]) -> None:
        listed = list(objects)
        self._keys = {key for tree in listed for key in _selected(tree)}
        delegates = any(
            "delegate" in each for tree in listed for each in as_dicts(as_dict(tree.get("spec")).get("http"))
        )
        self.nameless = _NAMELESS if delegates else _NAMELESS | {_ROUTES}

    def object(self, tree: Tree) -> Tree:
        """What of an object tells."""
        found = self._without_labels(tree)
        meta = {key: value for key, value in as_dict(found.get("metadata")).items() if key != "creationTimestamp"}
        if found.get("kind") in self.nameless:
            meta.pop("name", None)
        spec = found.get("spec")
        return {**found, "metadata": meta, **({"spec": _spec(spec)} if isinstance(spec, dict) else {})}

    def effect(self, effect: Effect) -> Tree:
        """What of a step's effect tells; objects as they were are compared by themselves."""
        found: Tree = _without_queries(msgspec.to_builtins(effect))
        match effect:
            case Apply(manifest=manifest):
                found |= {"before": effect.before is None, "manifest": self.object(manifest)}
            case Delete() | Patch():
                found["before"] = None
            case Restart():
                found["pods"] = min(effect.pods, MANY)
            case Wait():
                found["object"] = named(found.pop("subject"))
            case _:
                pass
        subject = as_dict(found.get("object"))
        if subject.get("kind") in self.nameless:
            found["object"] = {**subject, "name": ""}
        return found

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Labels that something may tell pods apart by."""
        return {key: value for key, value in labels.items() if self._tells(key)}

    def _tells(self, key: str) -> bool:
        domain = key.partition("/")[0] if "/" in key else ""
        return key in self._keys or domain in _NAMING or domain.endswith(_MEANT)

    def _without_labels(self, value: Any) -> Any:
        """Less labels that nothing selects by, and what is written down for people."""
        match value:
            case dict():
                return {
                    key: self._label_set(key, each) if key in {"labels", "annotations"} else self._without_labels(each)
                    for key, each in value.items()
                }
            case list() | tuple():
                return [self._without_labels(each) for each in value]
            case _:
                return value

    def _label_set(self, key: str, value: Any) -> Any:
        if not isinstance(value, dict):
            return self._without_labels(value)
        if key == "annotations":
            return {name: each for name, each in value.items() if name not in _WRITTEN}
        return self.labels(value)


def named(subject: str) -> Tree:
    """What a wait waits for, `Kind namespace/name` or `namespace/name`, as a reference."""
    kind, _, rest = subject.rpartition(" ")
    space, _, name = rest.rpartition("/")
    return {"kind": kind, "namespace": space, "name": name}


def _selected(value: Any, key: str = "") -> Iterable[str]:
    """Keys of labels that are selected by, anywhere in an object."""
    match value:
        case dict() if key in {"matchLabels", "selector", "workloadSelector", "subsets"}:
            for name, each in value.items():
                if isinstance(each, str):
                    yield name
                elif key in {"workloadSelector", "subsets"} and name == "labels":
                    yield from as_dict(each)
                else:
                    yield from _selected(each, name)
        case dict():
            for name, each in value.items():
                yield from _selected(each, str(name))
        case list() | tuple():
            for each in value:
                if key == "matchExpressions" and isinstance(each, dict):
                    yield str(each.get("key", ""))
                yield from _selected(each, key)
        case _:
            return


def _spec(spec: Tree) -> Tree:
    found = dict(spec)
    if isinstance(found.get("replicas"), int):
        found["replicas"] = min(found["replicas"], MANY)
    if isinstance(found.get("ports"), list):
        found["ports"] = [
            {key: value for key, value in each.items() if key != "nodePort"} if isinstance(each, dict) else each
            for each in found["ports"]
        ]
    template = as_dict(found.get("template"))
    if "spec" in template:
        found["template"] = {**template, "spec": _pod(as_dict(template["spec"]))}
    return found


def _pod(spec: Tree) -> Tree:
    found = {key: value for key, value in spec.items() if key != "volumes"}
    for key in ("containers", "initContainers"):
        if key in found:
            found[key] = [_container(each) for each in as_dicts(found[key])]
    return found


def _container(tree: Tree) -> Tree:
    if tree.get("name") == PROXY:
        return tree
    found = {key: value for key, value in tree.items() if key not in _PROGRAM}
    kept = [each for each in as_dicts(tree.get("env")) if str(each.get("name", "")).startswith("SIDESTEP_")]
    return {**{key: value for key, value in found.items() if key != "env"}, **({"env": kept} if kept else {})}


def _without_queries(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_queries(each) for key, each in value.items() if key not in _QUERIES}
        case list() | tuple():
            return [_without_queries(each) for each in value]
        case _:
            return value
