"""What must be equal before it is worth looking closer at two workloads, and who is next to whom. Pure."""

import re
from collections.abc import Hashable, Iterable, Mapping
from fnmatch import translate
from ipaddress import ip_address, ip_network
from typing import Any

from sidestep.model.call_graph import CallGraph, Edge
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.document import Plan
from sidestep.rehearse.shapes.members import Member
from sidestep.rehearse.shapes.places import Tree
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode

_BLOCKS = frozenset({
    "ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks", "cidr", "except", "address", "addresses",
})  # fmt: skip
_EXPRESSION = "regex"
_MESH, _STATUS = "istio.io/", "sidecar.istio.io/status"
_PROXIES = (Mode.GATEWAY, Mode.WAYPOINT)


class Neighbours:
    """Who calls whom, workload by workload.

    Args:
        graph: of calls.
        members: that may be merged.
    """

    def __init__(self, graph: CallGraph, members: Iterable[Member]) -> None:
        self._owner = {(each.ref.namespace, name): each.ref for each in members for name in each.services}
        self.to: dict[WorkloadRef, set[WorkloadRef]] = {}
        self.back: dict[WorkloadRef, set[WorkloadRef]] = {}
        for edge in graph.edges:
            caller, callee = edge.source.workload, self.callee(edge)
            if caller is not None and callee is not None:
                self.to.setdefault(caller, set()).add(callee)
                self.back.setdefault(callee, set()).add(caller)

    def callee(self, edge: Edge) -> WorkloadRef | None:
        """Who is called, where it is a workload that is known."""
        return edge.target.workload or self._owner.get((edge.target.service_namespace, edge.target.service))


class Looks:
    """What is seen of a workload at first sight.

    Args:
        index: of the mesh.
        objects: of the mesh.
        plan: that is carried out.
        neighbours: of each.
    """

    def __init__(self, index: MeshIndex, objects: Iterable[Tree], plan: Plan, neighbours: Neighbours) -> None:
        self._index, self._neighbours = index, neighbours
        found = {each for tree in objects for each in _patterns(tree)}
        texts = {text for key, text in found if key != _EXPRESSION}
        expressions = {text for key, text in found if key == _EXPRESSION and _compiles(text)}
        self._blocks = sorted(text for text in texts if _network(text))
        self._patterns = sorted({*(translate(text) for text in texts if "*" in text), *expressions})
        self._fates = {
            each.workload: (each.today, each.fate, each.wave, each.override, each.differences)
            for each in plan.workloads
        }

    def first(self, member: Member) -> Hashable | None:
        """Equal for those that may be of one shape; None for who stands for nobody but itself."""
        groups = self._index.workloads.get(member.ref, ())
        if not groups or any(each.mode in _PROXIES or not _as_declared(each, member) for each in groups):
            return None
        return (
            member.ref.namespace, member.ref.kind, len(member.services), bool(member.account),
            tuple(sorted(member.labels)), self._fates.get(member.ref), frozenset(_mode(each) for each in groups),
            len(self._neighbours.to.get(member.ref, ())), len(self._neighbours.back.get(member.ref, ())),
            self._meant(member, groups),
        )  # fmt: skip

    def _meant(self, member: Member, groups: tuple[Instances, ...]) -> Hashable:
        """Which patterns and blocks of addresses mean it."""
        space = member.ref.namespace
        names = {self._index.principal(each) for each in groups} | {f"{space}/{member.account}"}
        names |= {f"{name}.{space}.svc.cluster.local" for name in member.services} | set(member.labels.values())
        names |= {f"{member.ref.name}", *member.services, member.account}
        addresses = [ip_address(each) for group in groups for each in group.addresses]
        return (
            tuple(each for each in self._patterns if any(re.search(each, name) for name in names)),
            tuple(
                block for block in self._blocks if any(each in ip_network(block, strict=False) for each in addresses)
            ),
        )


def _as_declared(each: Instances, member: Member) -> bool:
    """Whether pods have the labels of the template that is compared; those of an older one may have others."""
    return member.labels.items() <= each.shape.labels.items()


def _mode(each: Instances) -> Hashable:
    """How pods take part in the mesh, and what they say of it themselves."""
    own = frozenset(item for item in each.shape.annotations.items() if _MESH in item[0] and item[0] != _STATUS)
    keys = frozenset(key for key in each.shape.labels if _MESH in key)
    return each.mode, each.native, each.hbone, each.captures, each.revision, each.assumed, own, keys


def _patterns(value: Any, key: str = "") -> Iterable[tuple[str, str]]:
    """Texts that may mean somebody without naming him, by field: with an asterisk, expressions, blocks of addresses."""
    match value:
        case dict():
            for name, each in value.items():
                yield from _patterns(each, str(name))
        case list() | tuple():
            for each in value:
                yield from _patterns(each, key)
        case str() if "*" in value or key in _BLOCKS or key == _EXPRESSION:
            yield key, value
        case _:
            return


def _compiles(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def by_ref(members: Iterable[Member]) -> Mapping[WorkloadRef, Member]:
    """Members by their names."""
    return {each.ref: each for each in members}
