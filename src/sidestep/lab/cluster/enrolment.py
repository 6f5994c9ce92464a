"""Whether istio-cni would capture a pod, by the same rules as everywhere (`semantics.enrolment`)."""

from collections.abc import Mapping

from sidestep.lab.cluster.objects import Tree
from sidestep.lab.cluster.shapes import shape_of
from sidestep.semantics.enrolment import enrolment


def wants_capture(pod: Tree, namespace_labels: Mapping[str, str]) -> bool:
    """Whether labels put a pod into ambient and nothing stands against it."""
    shape = shape_of(pod)
    if shape is None:
        return False  # what no API server would take is in no mesh; the pod itself says what is wrong with it
    found = enrolment(shape, dict(namespace_labels))
    return found.selected and found.excluded is None
