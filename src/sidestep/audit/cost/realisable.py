"""What removing the sidecars would really free: nodes that drain then and would not drain today.

First the cluster is packed as it is: what empties was never the sidecars' doing and is taken out. Then every
sidecar's requests vanish, ztunnel and istio-cni are added to each node where they do not run yet, and it is packed
again: what empties now is the saving.
"""

from collections.abc import Mapping

from msgspec import Struct

from sidestep.audit.cost.demand import demand, demand_without_sidecar
from sidestep.audit.cost.packing import Bin, PodClass, drain
from sidestep.audit.cost.placement import (
    ZONE,
    Eligibility,
    goes_with_node,
    holds_node,
    keeps_apart,
    node_group,
    stays_in_zone,
)
from sidestep.model.kinds import NODE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import Parents, parents, workload_of_shape
from sidestep.model.pods import Pod, PodShape
from sidestep.model.quantity import Resources, millicores, whole_bytes
from sidestep.model.resource import Resource
from sidestep.model.views.core import Node

GROUP_MINIMUM = 1
_POD_SLOTS = 110


class Drained(Struct, frozen=True):
    """The nodes that go.

    Attributes:
        today: would drain with the sidecars in place.
        then: would drain in addition without them.
    """

    today: tuple[str, ...]
    then: tuple[str, ...]


def drained(mesh: Mesh, sidecars: Mapping[int, Resources], added_per_node: Resources) -> Drained | None:
    """The nodes that would drain; None when nodes or all of the pods were not read.

    Args:
        mesh: the cluster.
        sidecars: shapes (by `id`) that carry a sidecar, and are freed of it.
        added_per_node: requests of ztunnel and istio-cni where they are not installed yet.
    """
    nodes = mesh.of(NODE)
    placed = [pod for pod in mesh.pods if pod.node and not pod.status.terminal]
    if not nodes or not placed or mesh.source.namespaces:
        return None
    cluster = _Cluster(mesh, sidecars)
    bins = cluster.bins(nodes, placed)
    today = drain(list(bins.values()), cluster.classes, GROUP_MINIMUM)
    remaining = [bin_ for bin_ in bins.values() if bin_.slots >= 0]
    for bin_ in remaining:
        cluster.free_sidecars(bin_)
        bin_.cpu -= added_per_node.cpu_millis
        bin_.memory -= added_per_node.memory_bytes
    then = drain(remaining, cluster.classes_without, GROUP_MINIMUM)
    return Drained(tuple(sorted(today)), tuple(sorted(then)))


class _Cluster:
    """Turns pods into classes: same demand, same constraints, same workload where that matters."""

    def __init__(self, mesh: Mesh, sidecars: Mapping[int, Resources]) -> None:
        self.classes: list[PodClass] = []
        self.classes_without: list[PodClass] = []
        self._mesh = mesh
        self._sidecars = sidecars
        self._parents: Parents = parents(mesh)
        self._eligibility = Eligibility(mesh)
        self._saved_beside: dict[str, Resources] = {}
        self._workloads: dict[WorkloadRef | None, int] = {}

    def bins(self, nodes: tuple[Resource[Node], ...], pods: list[Pod]) -> dict[str, Bin]:
        """Nodes with what runs on them."""
        zones = {node.meta.name: node.meta.labels.get(ZONE, "") for node in nodes}
        bins = {node.meta.name: _bin(node) for node in nodes}
        by_shape: dict[int, list[Pod]] = {}
        for pod in pods:
            by_shape.setdefault(id(pod.shape), []).append(pod)
        for replicas in by_shape.values():
            self._place(replicas[0].shape, [bins[pod.node] for pod in replicas if pod.node in bins], zones)
        return bins

    def free_sidecars(self, bin_: Bin) -> None:
        """Give back what the sidecars on a node requested."""
        for key, count in bin_.movable.items():
            bin_.cpu += (self.classes[key].cpu - self.classes_without[key].cpu) * count
            bin_.memory += (self.classes[key].memory - self.classes_without[key].memory) * count
        saved = self._saved_beside.get(bin_.name, Resources())
        bin_.cpu += saved.cpu_millis
        bin_.memory += saved.memory_bytes

    def _place(self, shape: PodShape, bins: list[Bin], zones: Mapping[str, str]) -> None:
        """Put replicas where they run; `bins` holds a node once for each of them."""
        if goes_with_node(shape):
            self._pin(shape, bins, holding=False)
        elif holds_node(shape, self._mesh):
            self._pin(shape, bins, holding=True)
        elif not stays_in_zone(shape):
            self._move_in(self._new_class(shape, None), bins)
        else:
            for zone in sorted({zones[bin_.name] for bin_ in bins}):
                at_home = [bin_ for bin_ in bins if zones[bin_.name] == zone]
                self._move_in(self._new_class(shape, zone), at_home)

    def _move_in(self, key: int, bins: list[Bin]) -> None:
        pod = self.classes[key]
        cpu, memory = pod.cpu, pod.memory
        for bin_ in bins:
            bin_.cpu -= cpu
            bin_.memory -= memory
            bin_.slots -= 1
            bin_.movable[key] = bin_.movable.get(key, 0) + 1
        if pod.exclusive is not None:
            for bin_ in bins:
                bin_.exclusive.add(pod.exclusive)

    def _pin(self, shape: PodShape, bins: list[Bin], *, holding: bool) -> None:
        before, after = self._demands(shape)
        for bin_ in bins:
            bin_.cpu -= before.cpu_millis
            bin_.memory -= before.memory_bytes
            bin_.slots -= 1
            bin_.pinned = bin_.pinned or holding
            if before != after:
                self._saved_beside[bin_.name] = self._saved_beside.get(bin_.name, Resources()) + (before - after)

    def _demands(self, shape: PodShape) -> tuple[Resources, Resources]:
        before = demand(shape.spec)
        return before, (demand_without_sidecar(shape.spec) if id(shape) in self._sidecars else before)

    def _new_class(self, shape: PodShape, zone: str | None) -> int:
        number = len(self.classes)
        before, after = self._demands(shape)
        exclusive = self._workload(shape) if keeps_apart(shape.spec) else None
        fits = self._eligibility.of(shape.spec, zone)
        self.classes.append(PodClass(before.cpu_millis, before.memory_bytes, fits, exclusive))
        self.classes_without.append(PodClass(after.cpu_millis, after.memory_bytes, fits, exclusive))
        return number

    def _workload(self, shape: PodShape) -> int:
        workload = workload_of_shape(shape, self._parents)
        return self._workloads.setdefault(workload, len(self._workloads))


def _bin(node: Resource[Node]) -> Bin:
    status = node.view.status
    room = status.allocatable or status.capacity or {}
    cpu = millicores(room.get("cpu")) or 0
    return Bin(
        node.meta.name,
        cpu,
        whole_bytes(room.get("memory")) or 0,
        whole_bytes(room.get("pods")) or _POD_SLOTS,
        {},
        pinned=node.view.spec.unschedulable or _is_control_plane(node),
        group=node_group(node),
        capacity=max(cpu, 1),
    )


def _is_control_plane(node: Resource[Node]) -> bool:
    return "node-role.kubernetes.io/control-plane" in node.meta.labels
