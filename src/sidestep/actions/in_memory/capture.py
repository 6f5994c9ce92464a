"""What istio-cni does with pods that run, as soon as a label of theirs or of their namespace changes.

Source: istio-semantics.md §2.1: enrolment is live. That istio-cni and ztunnel are on every node is taken for granted:
it is a prerequisite of every plan.
"""

from msgspec import structs

from sidestep.model.metadata import Labels
from sidestep.model.pods import Pod, PodShape
from sidestep.semantics.enrolment import enrolment, selected
from sidestep.semantics.proxies import REDIRECTION


def captured(shape: PodShape, namespace_labels: Labels) -> PodShape:
    """A new pod: with redirection where labels ask for it and nothing stands against it, and else without."""
    found = enrolment(shape, namespace_labels)
    return _with_redirection(shape, wanted=found.selected and found.excluded is None)


class Recapture:
    """Follows a change of a namespace's labels through its pods; replicas go on sharing their shape.

    Pods whose selection did not change are left alone: whoever was missed then is still missed.
    """

    def __init__(self, before: Labels, after: Labels) -> None:
        self._before, self._after = before, after
        self._known: dict[int, PodShape] = {}

    def __call__(self, pod: Pod) -> Pod:
        """The pod as it is after the change."""
        if pod.status.terminal:
            return pod
        shape = self._known.get(id(pod.shape))
        if shape is None:
            shape = self._known[id(pod.shape)] = recaptured(pod.shape, pod.shape.labels, self._before, self._after)
        return pod if shape is pod.shape else structs.replace(pod, shape=shape)


def recaptured(shape: PodShape, labels_before: Labels, before: Labels, after: Labels) -> PodShape:
    """A running pod after its own labels, or its namespace's, became what they are now."""
    if selected(labels_before, before) == selected(shape.labels, after):
        return shape
    found = enrolment(shape, after)
    if found.excluded is not None:
        return shape
    return _with_redirection(shape, wanted=found.selected)


def _with_redirection(shape: PodShape, *, wanted: bool) -> PodShape:
    if wanted == (shape.annotations.get(REDIRECTION) == "enabled") and (wanted or REDIRECTION not in shape.annotations):
        return shape
    others = {key: value for key, value in shape.annotations.items() if key != REDIRECTION}
    return structs.replace(shape, annotations={**others, REDIRECTION: "enabled"} if wanted else others)
