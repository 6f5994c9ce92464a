"""Which node a pod goes to: where it says, else where its siblings and then all pods are fewest."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from sidestep.lab.cluster.objects import Tree, owner_of, spec_of
from sidestep.lab.cluster.pods import node_of
from sidestep.semantics.loose import as_dict, labels_of


class Load(Struct):
    """What runs on a node: pods in all, and of each controller."""

    pods: int = 0
    siblings: dict[tuple[str, str, str], int] = {}

    def add(self, pod: Tree, number: int = 1) -> None:
        """Count a pod, or one less."""
        self.pods += number
        key = _family(pod)
        self.siblings[key] = self.siblings.get(key, 0) + number


def schedule(pod: Tree, nodes: Sequence[Tree], loads: Mapping[str, Load]) -> str | None:
    """The name of the node; None when none will do."""
    if node_of(pod):
        return node_of(pod)
    selector = as_dict(spec_of(pod).get("nodeSelector"))
    fit = [
        str(node["metadata"]["name"])
        for node in nodes
        if not spec_of(node).get("unschedulable") and selector.items() <= labels_of(node).items()
    ]
    key = _family(pod)
    return min(fit, key=lambda name: (loads[name].siblings.get(key, 0), loads[name].pods, name), default=None)


def _family(pod: Tree) -> tuple[str, str, str]:
    return (str(pod["metadata"].get("namespace", "")), *owner_of(pod))
