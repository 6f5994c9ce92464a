"""Whether a pod is in the ambient data plane: what labels ask for, and what stands against it.

Source: istio-semantics.md §2.1 (cni/pkg/util/podutil.go, pkg/config/constants). The annotation
`ambient.istio.io/redirection` on the pod says what really happened.
"""

from msgspec import Struct

from sidestep.model.metadata import Labels
from sidestep.model.pods import PodShape
from sidestep.semantics.proxies import REDIRECTION, STATUS, Role, recognise

DATAPLANE_MODE = "istio.io/dataplane-mode"
EXCLUDED_NAMESPACES = frozenset({"kube-system"})


class Enrolment(Struct, frozen=True):
    """What ambient does with a pod.

    Attributes:
        selected: labels ask for it; the pod's label wins over the namespace's in both directions.
        excluded: why it is left out all the same; None when nothing stands against it.
        captured: the CNI agent says that ztunnel has it.
        pending: redirection is installed and ztunnel not yet connected.
    """

    selected: bool
    excluded: str | None
    captured: bool
    pending: bool

    @property
    def missed(self) -> bool:
        """Selected, with nothing against it, and yet neither captured nor about to be."""
        return self.selected and self.excluded is None and not self.captured and not self.pending


def enrolment(shape: PodShape, namespace_labels: Labels) -> Enrolment:
    """How ambient treats the pods of a shape."""
    redirection = shape.annotations.get(REDIRECTION)
    return Enrolment(
        selected(shape.labels, namespace_labels),
        _exclusion(shape),
        captured=redirection == "enabled",
        pending=redirection == "pending",
    )


def selected(labels: Labels, namespace_labels: Labels) -> bool:
    """Whether labels put a pod into ambient."""
    own = labels.get(DATAPLANE_MODE)
    if own == "ambient":
        return True
    return namespace_labels.get(DATAPLANE_MODE) == "ambient" and own != "none"


def _exclusion(shape: PodShape) -> str | None:
    if STATUS in shape.annotations:
        return "it carries a sidecar, and the sidecar wins"
    if shape.spec.host_network:
        return "it is on the host's network"
    if shape.namespace in EXCLUDED_NAMESPACES:
        return f"istio-cni excludes namespace {shape.namespace}"
    if recognise(shape).role is Role.ZTUNNEL:
        return "it is ztunnel itself"
    return None
