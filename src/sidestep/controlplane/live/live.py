"""The configuration as it is now, read when somebody asks for its meaning."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from sidestep.controlplane.live.objects import CONFIGURATION, counts, pod_of, resource_of, told
from sidestep.controlplane.registry.objects import SECRETS, Ref, Tree
from sidestep.model.kinds import POD, Kind
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.model.resource import Resource
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.proxies import Recognition, Role, SidecarMode, recognise
from sidestep.sources.objects.pods import PodDecoder

__all__ = ["CONFIGURATION", "Live"]

_SOURCE = SourceInfo(SourceKind.CLUSTER, "lab")
_MODES = {Role.GATEWAY: Mode.GATEWAY, Role.WAYPOINT: Mode.WAYPOINT}


class Live:
    """Objects that meaning is read from."""

    def __init__(self) -> None:
        self._trees: dict[Ref, Tree] = {}
        self._pods: dict[Ref, Tree] = {}
        self._counts: Counter[str] = Counter()
        self._instances: dict[Ref, Instances] = {}
        self._read: dict[str, dict[Ref, Resource[Any]]] = {}
        self._unread: dict[Ref, Tree | None] = {}
        self._resources: dict[str, tuple[Resource[Any], ...]] = {}
        self._mesh: MeshIndex | None = None
        self._decoder = PodDecoder()
        self.secrets: dict[Ref, Tree] = {}
        """What gateways may show; nobody else looks at them."""
        self.malformed: dict[Ref, str] = {}
        """Objects that count for nothing, because a field is of a wrong type; with what was expected."""

    def put(self, objects: Mapping[Ref, Tree | None]) -> frozenset[Ref]:
        """Take changed objects in, None for those that are gone; which of them may change a meaning, pods apart."""
        changed = {ref: tree for ref, tree in objects.items() if counts(ref) and self._differs(ref, tree)}
        for ref, tree in changed.items():
            self._counts[ref.kind] += (tree is not None) - (ref in self._trees)
            _exchange(self._trees, ref, tree)
        secrets = {ref: tree for ref, tree in objects.items() if ref.kind == SECRETS and self._renewed(ref, tree)}
        for ref, tree in secrets.items():
            _exchange(self.secrets, ref, tree)
        for ref, tree in objects.items():
            if ref.kind == POD.key:
                _exchange(self._pods, ref, tree)
                self._instances.pop(ref, None)
        self._unread.update(changed)
        return frozenset((*changed, *secrets))

    def has(self, kind: Kind[Any]) -> bool:
        """Whether there is any object of a kind that meaning is read from, which costs nothing to ask."""
        return self._counts[kind.key] > 0

    def mesh(self) -> MeshIndex:
        """What all of it means."""
        if self._unread or self._mesh is None:
            for ref, tree in self._unread.items():
                self._take(ref, tree)
            for kind in {ref.kind for ref in self._unread}:
                self._resources[kind] = tuple(found for _, found in sorted(self._read.get(kind, {}).items()))
            self._unread.clear()
            self._mesh = MeshIndex.of(Mesh(_SOURCE, resources=dict(self._resources)), like=self._mesh)
        return self._mesh

    def instances(self, namespace: str, name: str) -> Instances | None:
        """A pod as meaning is asked about it; None for one that is not there, or cannot be read."""
        ref = Ref(POD.key, namespace, name)
        if ref not in self._instances and ref in self._pods:
            try:
                self._instances[ref] = self._instance(ref, self._pods[ref])
            except msgspec.MsgspecError as error:
                self.malformed[ref] = str(error)
        return self._instances.get(ref)

    def _instance(self, ref: Ref, tree: Tree) -> Instances:
        pod = pod_of(self._decoder, tree)
        seen = recognise(pod.shape)
        found = pod.status.addresses
        return Instances(
            WorkloadRef(ref.namespace, "Pod", ref.name),
            0,
            pod.shape,
            _mode(seen),
            seen.sidecar is SidecarMode.NATIVE,
            seen.hbone,
            seen.captures,
            tuple(found[:1]),
            1,
            pod.status.ready,
            twins=tuple(found[1:]),
        )

    def _renewed(self, ref: Ref, tree: Tree | None) -> bool:
        before = self.secrets.get(ref)
        return before is not tree and (before is None or tree is None or told(ref, before) != told(ref, tree))

    def _differs(self, ref: Ref, tree: Tree | None) -> bool:
        before = self._trees.get(ref)
        if before is None or tree is None:
            return before is not tree
        return told(ref, before) != told(ref, tree)

    def _take(self, ref: Ref, tree: Tree | None) -> None:
        self.malformed.pop(ref, None)
        read = self._read.setdefault(ref.kind, {})
        read.pop(ref, None)
        if tree is not None:
            try:
                read[ref] = resource_of(ref, tree)
            except msgspec.MsgspecError as error:
                self.malformed[ref] = str(error)


def _mode(seen: Recognition) -> Mode:
    return _MODES.get(seen.role) or (Mode.SIDECAR if seen.sidecar else Mode.NONE)


def _exchange(held: dict[Ref, Tree], ref: Ref, tree: Tree | None) -> None:
    if tree is None:
        held.pop(ref, None)
    else:
        held[ref] = tree
