"""From what was read to objects that run: controllers, bare pods, services, policies; what observes is left out."""

from collections.abc import Iterator
from typing import Any

import msgspec

from sidestep.lab.cluster.objects import Tree
from sidestep.model.kinds import ENDPOINT_SLICE, ENDPOINTS, KINDS
from sidestep.model.mesh import Mesh
from sidestep.model.pods import Pod
from sidestep.semantics.endpoint_slices import MANAGED_BY, OF_ENDPOINTS, service_named, tree_of
from sidestep.semantics.proxies import REDIRECTION

_OWNED = ("ReplicaSet", "Job")
_FORGOTTEN = ("status", "resourceVersion", "uid", "creationTimestamp", "generation", "managedFields", "selfLink")


def objects_of(mesh: Mesh) -> tuple[Tree, ...]:
    """Everything of a mesh that can be brought up.

    Replicas come of their controllers; pods without one are kept. What a cluster said of objects (addresses, status)
    is dropped: the lab says its own.
    """
    return (
        *_controlled(mesh),
        *_written_down(mesh),
        *(_bare(pod) for pod in mesh.pods if pod.shape.controller is None),
    )


def _controlled(mesh: Mesh) -> Iterator[Tree]:
    kept = (kind for kind in KINDS if not kind.evidence)
    for kind in kept:
        for resource in mesh.of(kind):
            if not (resource.kind in _OWNED and any(each.controller for each in resource.meta.owner_references)):
                yield _fresh(resource.tree())
    for other in mesh.others:
        if other.meta.name:
            yield _fresh(other.tree())


def _written_down(mesh: Mesh) -> Iterator[Tree]:
    """Slices of endpoints that no selector finds; those of Endpoints are made again."""
    for each in mesh.of(ENDPOINT_SLICE):
        labels, space = each.meta.labels, each.meta.namespace
        service = service_named(labels)
        again = labels.get(MANAGED_BY) == OF_ENDPOINTS and mesh.find(ENDPOINTS, space, service) is not None
        if service and not again:
            meta = {"name": each.meta.name, "namespace": space, "labels": dict(labels)}
            yield {"apiVersion": each.api_version, "kind": each.kind, "metadata": meta, **tree_of(each.view)}


def _fresh(tree: Tree) -> Tree:
    tree.pop("status", None)
    meta = tree.setdefault("metadata", {})
    for field in _FORGOTTEN:
        meta.pop(field, None)
    if tree.get("kind") == "Service":
        _without_addresses(tree.get("spec"))
    return tree


def _without_addresses(spec: Any) -> None:
    if not isinstance(spec, dict):
        return
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)


def _bare(pod: Pod) -> Tree:
    shape = pod.shape
    annotations = {key: value for key, value in shape.annotations.items() if key != REDIRECTION}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "labels": dict(shape.labels),
            "annotations": annotations,
        },
        "spec": msgspec.to_builtins(shape.spec),
    }
