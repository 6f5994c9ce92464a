"""From a controller's template to a pod."""

from copy import deepcopy
from typing import Any

import msgspec

from sidestep.lab.cluster.objects import Tree, digest, meta_of, ref_of, spec_of
from sidestep.semantics.loose import as_dict

TEMPLATE_HASH = "pod-template-hash"


def template_of(owner: Tree) -> Tree:
    """The pod template of a controller."""
    return as_dict(spec_of(owner).get("template"))


def template_hash(owner: Tree) -> str:
    """The same for the same template, whatever the order of its fields."""
    return digest(msgspec.json.encode(template_of(owner), order="deterministic").decode())


def pod(owner: Tree, name: str, labels: dict[str, str] | None = None, **spec: Any) -> Tree:
    """A pod of a controller's template.

    Args:
        owner: the controller.
        name: of the pod.
        labels: besides the template's.
        spec: fields that replace the template's.
    """
    template = deepcopy(template_of(owner))
    meta = as_dict(template.get("metadata"))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": ref_of(owner).namespace,
            "labels": {**as_dict(meta.get("labels")), **(labels or {})},
            "annotations": as_dict(meta.get("annotations")),
            "ownerReferences": [controller_reference(owner)],
        },
        "spec": {**as_dict(template.get("spec")), **spec},
    }


def controller_reference(owner: Tree) -> Tree:
    """What a controlled object says of its controller."""
    meta = meta_of(owner)
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta.get("uid", ""),
        "controller": True,
        "blockOwnerDeletion": True,
    }
