"""Pods and configuration of the lab as meaning reads them."""

from collections.abc import Iterable

import msgspec

from sidestep.lab.cluster.objects import Tree, meta_of
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.model.origin import FileOrigin
from sidestep.model.pods import PodShape
from sidestep.semantics.loose import annotations_of, labels_of
from sidestep.sources.objects.builder import MeshBuilder
from sidestep.sources.objects.pods import PodDecoder, WirePod

_decode = msgspec.json.Decoder(WirePod).decode
_shapes = PodDecoder()
"""Replicas share what they were made from, and what was found out of it."""
_HERE = FileOrigin("lab", 0)
_SOURCE = SourceInfo(SourceKind.FILES, "lab")


def shape_of(pod: Tree) -> PodShape | None:
    """What a pod was made from; None for what no API server would take."""
    try:
        return _shapes.pod(_decode(msgspec.json.encode(_with_words(pod))), _HERE).shape
    except msgspec.ValidationError:
        return None


def mesh_of(objects: Iterable[Tree]) -> Mesh:
    """Objects as a mesh; what is malformed is a gap of it."""
    builder = MeshBuilder()
    for number, tree in enumerate(objects):
        builder.add(msgspec.json.encode(tree), FileOrigin("lab", number))
    return builder.build(_SOURCE)


def _with_words(pod: Tree) -> Tree:
    """Without labels and annotations that are no words."""
    return {**pod, "metadata": {**meta_of(pod), "labels": labels_of(pod), "annotations": annotations_of(pod)}}
