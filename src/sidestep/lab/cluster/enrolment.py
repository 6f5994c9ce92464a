"""Whether istio-cni would capture a pod, by the same rules as everywhere (`semantics.enrolment`)."""

from collections.abc import Mapping

import msgspec

from sidestep.lab.cluster.objects import Tree
from sidestep.model.origin import FileOrigin
from sidestep.semantics.enrolment import enrolment
from sidestep.sources.objects.pods import PodDecoder, WirePod

_decode = msgspec.json.Decoder(WirePod).decode
_HERE = FileOrigin("lab", 0)


def wants_capture(pod: Tree, namespace_labels: Mapping[str, str]) -> bool:
    """Whether labels put a pod into ambient and nothing stands against it."""
    shape = PodDecoder().pod(_decode(msgspec.json.encode(pod)), _HERE).shape
    found = enrolment(shape, dict(namespace_labels))
    return found.selected and found.excluded is None
