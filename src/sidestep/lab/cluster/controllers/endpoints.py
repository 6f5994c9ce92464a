"""Endpoints, which people still write by hand: Kubernetes makes EndpointSlices of them, and everybody reads those."""

from collections.abc import Sequence

import msgspec

from sidestep.lab.cluster.controllers.wants import Wants
from sidestep.lab.cluster.objects import Tree, meta_of, ref_of, spec_of
from sidestep.lab.cluster.templates import controller_reference
from sidestep.model.views.core import Endpoints
from sidestep.semantics.endpoint_slices import MANAGED_BY, OF_ENDPOINTS, SERVICE_NAME, is_mirrored, mirrored, tree_of
from sidestep.semantics.loose import annotations_of, labels_of


def endpoints(owner: Tree, slices: Sequence[Tree], service: Tree | None) -> Wants:
    """What Endpoints want: a slice for each family of each subset, if a Service without selector has their name.

    Args:
        owner: the Endpoints.
        slices: that were made of them.
        service: of the same name.
    """
    wanted = list(_slices(owner)) if service is not None and not spec_of(service).get("selector") else []
    kept = {ref_of(each) for each in wanted}
    gone = tuple(ref_of(each) for each in slices if ref_of(each) not in kept)
    return Wants(create=tuple(wanted), remove=gone)


def _slices(owner: Tree) -> list[Tree]:
    if not is_mirrored(labels_of(owner), annotations_of(owner)):
        return []
    try:
        told = msgspec.convert(owner, Endpoints)
    except msgspec.ValidationError:
        return []
    meta = meta_of(owner)
    labels = {SERVICE_NAME: meta["name"], MANAGED_BY: OF_ENDPOINTS}
    return [
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{meta['name']}-{number}",
                "namespace": meta["namespace"],
                "labels": labels,
                "ownerReferences": [controller_reference(owner)],
            },
            **tree_of(each),
        }
        for number, each in enumerate(mirrored(told))
    ]
