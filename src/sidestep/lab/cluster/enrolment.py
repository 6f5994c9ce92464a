"""Whether istio-cni would capture a pod, by the same rules as everywhere (`semantics.enrolment`)."""

from collections.abc import Mapping

import msgspec

from sidestep.lab.cluster.objects import Tree, annotations_of, labels_of, meta_of
from sidestep.model.origin import FileOrigin
from sidestep.semantics.enrolment import enrolment
from sidestep.sources.objects.pods import PodDecoder, WirePod

_decode = msgspec.json.Decoder(WirePod).decode
_HERE = FileOrigin("lab", 0)


def wants_capture(pod: Tree, namespace_labels: Mapping[str, str]) -> bool:
    """Whether labels put a pod into ambient and nothing stands against it."""
    try:
        shape = PodDecoder().pod(_decode(msgspec.json.encode(_with_words(pod))), _HERE).shape
    except msgspec.ValidationError:
        return False  # what no API server would take is in no mesh; the pod itself says what is wrong with it
    found = enrolment(shape, dict(namespace_labels))
    return found.selected and found.excluded is None


def _with_words(pod: Tree) -> Tree:
    """Without labels and annotations that are no words."""
    return {**pod, "metadata": {**meta_of(pod), "labels": labels_of(pod), "annotations": annotations_of(pod)}}
