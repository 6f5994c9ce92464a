"""Where a pod may run, and whether it may be moved: the constraints that the packing respects.

Modelled: DaemonSets and mirror pods (they go with their node), bare pods, pods of kube-system, PodDisruptionBudgets
without allowance and `safe-to-evict: "false"` (they hold their node), node selectors, required node affinity, taints,
required pod anti-affinity and DoNotSchedule spread (one pod of a workload per node, and it stays in its zone), zones
of StatefulSets. Pods that require the company of others are not moved. Volumes are not read.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sidestep.model.kinds import DISRUPTION_BUDGET, NODE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.pods import PodShape, PodSpec
from sidestep.model.resource import Resource
from sidestep.model.views.core import Node, Taint
from sidestep.semantics.selectors import selects

SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
ZONE = "topology.kubernetes.io/zone"
GROUPS = (
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "karpenter.sh/nodepool",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
)
_KEEPS_OFF = ("NoSchedule", "NoExecute")


def goes_with_node(shape: PodShape) -> bool:
    """DaemonSet and mirror pods: they do not move, and do not hold their node."""
    owner = shape.controller
    return owner is not None and owner.kind in ("DaemonSet", "Node")


def holds_node(shape: PodShape, mesh: Mesh) -> bool:
    """Whether a pod may not be evicted, so that its node stays."""
    if shape.controller is None or shape.namespace == "kube-system":
        return True
    if shape.annotations.get(SAFE_TO_EVICT) == "false" or _requires_company(shape.spec):
        return True
    return any(
        budget.view.status is not None
        and budget.view.status.disruptions_allowed == 0
        and selects(budget.view.spec.selector, shape.labels)
        for budget in mesh.in_namespace(DISRUPTION_BUDGET, shape.namespace)
    )


def keeps_apart(spec: PodSpec) -> bool:
    """Whether pods of a workload refuse to share a node (or spread so strictly that it is safest to say so)."""
    anti = _section(spec.affinity, "podAntiAffinity").get("requiredDuringSchedulingIgnoredDuringExecution")
    return bool(anti) or _spreads_strictly(spec)


def stays_in_zone(shape: PodShape) -> bool:
    """Whether moving a pod across zones could break it: a zonal volume, or its spread."""
    owner = shape.controller
    return (owner is not None and owner.kind == "StatefulSet") or keeps_apart(shape.spec)


def node_group(node: Resource[Node]) -> str:
    """The group that a node belongs to, whose minimum holds."""
    return next((f"{label}={node.meta.labels[label]}" for label in GROUPS if label in node.meta.labels), "")


class Eligibility:
    """Answers whether a node's labels and taints let a pod on; pods that demand the same share the answers."""

    def __init__(self, mesh: Mesh) -> None:
        self._nodes: Mapping[str, Resource[Node]] = {node.meta.name: node for node in mesh.of(NODE)}
        self._known: dict[tuple[bytes, str | None], Callable[[str], bool]] = {}

    def of(self, spec: PodSpec, zone: str | None) -> Callable[[str], bool]:
        """Which nodes, by name, take such pods; `zone` where they may not leave theirs."""
        demands = msgspec.json.encode((spec.node_selector, spec.affinity, spec.tolerations))
        found = self._known.get((demands, zone))
        if found is None:
            answers: dict[str, bool] = {}

            def fits(name: str) -> bool:
                answer = answers.get(name)
                if answer is None:
                    answer = answers[name] = _fits(spec, zone, self._nodes[name])
                return answer

            found = self._known[demands, zone] = fits
        return found


def _fits(spec: PodSpec, zone: str | None, node: Resource[Node]) -> bool:
    labels = node.meta.labels
    return (
        not node.view.spec.unschedulable
        and (zone is None or labels.get(ZONE) == zone)
        and all(labels.get(key) == value for key, value in (spec.node_selector or {}).items())
        and _matches_affinity(spec, labels, node.meta.name)
        and all(_tolerates(spec, taint) for taint in node.view.spec.taints or () if taint.effect in _KEEPS_OFF)
    )


def _matches_affinity(spec: PodSpec, labels: Labels, name: str) -> bool:
    required = _section(spec.affinity, "nodeAffinity").get("requiredDuringSchedulingIgnoredDuringExecution")
    if not isinstance(required, dict):
        return True
    terms = required.get("nodeSelectorTerms") or ()
    return any(
        all(_meets(expression, labels) for expression in term.get("matchExpressions") or ())
        and all(_meets(expression, {"metadata.name": name}) for expression in term.get("matchFields") or ())
        for term in terms
        if isinstance(term, dict) and term
    )


def _meets(expression: dict[str, Any], labels: Labels) -> bool:
    value = labels.get(str(expression.get("key")))
    values = expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as comparison:
            return _compares(comparison, value, values)
        case _:
            return False


def _compares(comparison: str, value: str | None, values: Sequence[str]) -> bool:
    if value is None or not value.isdigit() or not values or not str(values[0]).isdigit():
        return False
    return int(value) > int(values[0]) if comparison == "Gt" else int(value) < int(values[0])


def _tolerates(spec: PodSpec, taint: Taint) -> bool:
    return any(
        toleration.get("effect") in (None, "", taint.effect)
        and toleration.get("key") in (None, "", taint.key)
        and (toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.value)
        for toleration in spec.tolerations or ()
    )


def _requires_company(spec: PodSpec) -> bool:
    return bool(_section(spec.affinity, "podAffinity").get("requiredDuringSchedulingIgnoredDuringExecution"))


def _spreads_strictly(spec: PodSpec) -> bool:
    return any(
        constraint.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule"
        for constraint in spec.topology_spread_constraints or ()
    )


def _section(affinity: dict[str, Any] | None, name: str) -> dict[str, Any]:
    found = (affinity or {}).get(name)
    return found if isinstance(found, dict) else {}
