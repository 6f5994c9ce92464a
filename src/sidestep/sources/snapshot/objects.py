"""From typed values back to the trees of Kubernetes objects, which read back to the same values."""

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct

from sidestep.model.pods import Pod, PodShape
from sidestep.model.resource import Resource

_NEVER = "1970-01-01T00:00:00Z"


def tree_of(value: Any) -> Any:
    """The JSON tree of a typed value, without the fields that say nothing."""
    if isinstance(value, Struct):
        return {
            encoded: tree_of(found)
            for attribute, encoded, default in _fields(type(value))
            if (found := getattr(value, attribute)) != default
        }
    if isinstance(value, tuple | list):
        return [tree_of(item) for item in value]
    if isinstance(value, dict):
        return {key: tree_of(item) for key, item in value.items()}
    return value


def resource_tree(resource: Resource[Any]) -> dict[str, Any]:
    """The whole object, from its body, or from its typed parts where it is evidence."""
    if resource.body:
        tree = resource.tree()
        tree["metadata"] = {**_table(tree.get("metadata")), "namespace": resource.meta.namespace}
        if not resource.meta.namespace:
            del tree["metadata"]["namespace"]
        return tree
    typed = tree_of(resource.view) if resource.view is not None else {}
    metadata = tree_of(resource.meta)
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **typed}


def opaque_tree(resource: Resource[None]) -> dict[str, Any]:
    """Who an object is, without what it says: nobody knows which fields of its kind are secret."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": tree_of(resource.meta)}


def shape_tree(shape: PodShape) -> dict[str, Any]:
    """What the pods of a shape have in common, as a pod."""
    metadata = {
        "namespace": shape.namespace,
        "labels": shape.labels,
        "annotations": shape.annotations,
        "ownerReferences": tree_of(shape.owners),
    }
    return {"metadata": {key: value for key, value in metadata.items() if value}, "spec": tree_of(shape.spec)}


def pod_metadata(pod: Pod) -> dict[str, str]:
    """What is a pod's own of its metadata; the time of a deletion was not kept."""
    metadata = {"name": pod.name}
    if pod.created is not None:
        metadata["creationTimestamp"] = pod.created
    if pod.deleting:
        metadata["deletionTimestamp"] = pod.created or _NEVER
    return metadata


@lru_cache(maxsize=256)
def _fields(kind: type[Struct]) -> tuple[tuple[str, str, Any], ...]:
    return tuple((field.name, field.encode_name, _default(field)) for field in msgspec.structs.fields(kind))


def _default(field: Any) -> Any:
    if field.default is not NODEFAULT:
        return field.default
    return field.default_factory() if field.default_factory is not NODEFAULT else NODEFAULT


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
