"""Who adds nodes to a cluster, where that can be seen: their pods may start before istio-cni is ready there.

Source: istio-semantics.md §6.2 P12. The autoscalers of GKE and AKS run with the control plane and leave no pods.
"""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.model.kinds import DEPLOYMENT, NODE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId

_LABELS = (
    ("karpenter.sh/nodepool", "Karpenter"),
    ("karpenter.sh/provisioner-name", "Karpenter"),
    ("eks.amazonaws.com/compute-type", "EKS Auto Mode"),
)
_PROGRAMS = (("cluster-autoscaler", "cluster-autoscaler"), ("karpenter", "Karpenter"))


class Grows(Struct, frozen=True):
    """Something that adds nodes, and what told it."""

    who: str
    object: ObjectId
    field: str


def adds_nodes(mesh: Mesh) -> Grows | None:
    """What adds nodes; None where nothing can be seen that does."""
    return next(_seen(mesh), None)


def _seen(mesh: Mesh) -> Iterator[Grows]:
    for node in mesh.of(NODE):
        for label, who in _LABELS:
            value = node.meta.labels.get(label)
            if value and (who != "EKS Auto Mode" or value == "auto"):
                yield Grows(who, node.id, f"metadata.labels[{label}]")
    for deployment in mesh.of(DEPLOYMENT):
        template = deployment.view.spec.template
        for container in (template.spec.containers or ()) if template else ():
            name = (container.image or "").partition("@")[0].rpartition("/")[2].partition(":")[0]
            for program, who in _PROGRAMS:
                in_name = program in deployment.meta.name
                if name == program or (in_name and name in ("controller", "cluster-autoscaler-amd64")):
                    yield Grows(who, deployment.id, "spec.template.spec.containers[].image")
