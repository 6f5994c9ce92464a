"""A mesh: one immutable picture of everything that was read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from sidestep.model.build import known_kind
from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.in_order import Apart, apart, net, sorted_like
from sidestep.model.kinds import NAMESPACE, Kind
from sidestep.model.metadata import Labels
from sidestep.model.overlaid import Overlaid
from sidestep.model.pods import Pod
from sidestep.model.resource import Resource
from sidestep.model.views.core import Untyped

ThingT = TypeVar("ThingT")
ViewT = TypeVar("ViewT")
_Names = dict[str, Resource[Any]]
_Place = Callable[[Any], Any]
_MOST_APART = 4
"""From so many meshes one knows how it differs."""
PODS, OTHERS = "pods", "others"
"""In place of a `Kind.key`, for what is no typed object."""


class SourceKind(StrEnum):
    """By which door a mesh came in."""

    CLUSTER = "cluster"
    FILES = "files"
    SNAPSHOT = "snapshot"


class SourceInfo(Struct, frozen=True):
    """What was read.

    Attributes:
        kind: the door.
        name: context, paths or snapshot file, as the user would name it.
        cluster_id: uid of the kube-system namespace, where known: tells clusters apart whatever they are called.
        version: of the Kubernetes API server, where known.
        read_at: RFC 3339 time of reading, for a cluster or a snapshot of one.
        namespaces: the only ones that were read; empty for all.
    """

    kind: SourceKind
    name: str
    cluster_id: str = ""
    version: str = ""
    read_at: str | None = None
    namespaces: tuple[str, ...] = ()


class Mesh(Struct, frozen=True, dict=True):
    """Everything that was read, and what could not be.

    Attributes:
        source: where it came from.
        pods: all pods, in the order read.
        resources: typed objects by `Kind.key`; use `of`.
        others: objects of kinds we do not know, and those of known kinds whose fields have wrong types (each also a
            gap): carried whole.
        gaps: what should have been read and was not.
        remarks: what should be said though nothing was lost.
        skipped_secrets: Secrets met in files; their content was never looked at.
    """

    source: SourceInfo
    pods: Sequence[Pod] = ()
    resources: Mapping[str, tuple[Resource[Any], ...]] = {}
    others: tuple[Resource[None], ...] = ()
    gaps: tuple[Gap, ...] = ()
    remarks: tuple[Remark, ...] = ()
    skipped_secrets: int = 0

    def of(self, kind: Kind[ViewT]) -> tuple[Resource[ViewT], ...]:
        """All objects of a kind."""
        return cast("tuple[Resource[ViewT], ...]", self.resources.get(kind.key, ()))

    def find(self, kind: Kind[ViewT], namespace: str, name: str) -> Resource[ViewT] | None:
        """One object by name; an empty namespace for cluster-scoped kinds."""
        spaces = self._by_name.get(kind.key)
        if spaces is None:
            spaces = self._by_name[kind.key] = Overlaid()
        known = spaces.get(namespace)
        if known is None:
            known = spaces[namespace] = {each.meta.name: each for each in self.in_namespace(kind, namespace)}
        return cast("Resource[ViewT] | None", known.get(name))

    def in_namespace(self, kind: Kind[ViewT], namespace: str) -> tuple[Resource[ViewT], ...]:
        """All objects of a kind in one namespace."""
        known = self._by_namespace.get(kind.key)
        if known is None:
            known = self._by_namespace[kind.key] = _grouped(self.resources.get(kind.key, ()), place_of_object)
        return cast("tuple[Resource[ViewT], ...]", known.get(namespace, ()))

    def pods_in(self, namespace: str) -> tuple[Pod, ...]:
        """All pods of one namespace."""
        return self._pods.get(namespace, ())

    @property
    def spaces_of_pods(self) -> Iterable[str]:
        """Namespaces that have pods, in no order."""
        return (space for space, own in self._pods.items() if own)

    def namespace_labels(self, namespace: str) -> Labels:
        """Labels of a namespace; none when it was not read."""
        found: Resource[Untyped] | None = self.find(NAMESPACE, "", namespace)
        return found.meta.labels if found else {}

    def lacks(self, *kinds: Kind[Any]) -> bool:
        """Whether objects of these kinds may exist that were not read; a kind that is not served has none."""
        keys = {kind.key for kind in kinds}
        return any(gap.resource in keys and gap.reason is not GapReason.ABSENT for gap in self.gaps)

    def unreadable(self, kind: Kind[Any]) -> tuple[Resource[None], ...]:
        """Objects of a kind whose fields have wrong types: they are there, and nobody knows what they say."""
        return self._unreadable.get(kind.key, ())

    def covers(self, namespace: str) -> bool:
        """Whether a namespace was among those that were read."""
        return not self.source.namespaces or namespace in self.source.namespaces

    @property
    def in_order(self) -> "Mesh":
        """The same with everything by namespace and name, for who decides: nothing may hang on the order of reading."""
        return self if self.is_in_order else self._in_order

    def in_order_as(self, other: "Mesh") -> "Mesh":
        """The same in order; what it shares with another mesh that is in order need not be looked at."""
        if self.is_in_order or "_in_order" in vars(self):
            return self.in_order
        made = msgspec.structs.replace(
            self,
            pods=sorted_like(self.pods, other.pods, place_of_pod),
            resources={
                key: sorted_like(found, other.resources.get(key, ()), place_of_object)
                for key, found in sorted(self.resources.items())
            },
            others=sorted_like(self.others, other.others, _place_of_other),
        )
        made.known_to_be_in_order()
        return made

    @property
    def is_in_order(self) -> bool:
        """Whether it is known to be."""
        return "_is_in_order" in vars(self)

    def known_to_be_in_order(self) -> None:
        """Note that it is, so that nobody puts it in order again.

        It does not refer to itself for that: plans have states by the hundred thousand, each of which must be gone
        when nobody holds it, without a collector of cycles.
        """
        vars(self)["_is_in_order"] = True

    @cached_property
    def _in_order(self) -> "Mesh":
        return self.in_order_as(Mesh(self.source))

    def beside(self, other: "Mesh") -> None:
        """Know what another mesh has found by name and by namespace, but for what differs; both must be in order."""
        found = vars(other)
        names, spaces = found.get("_by_name", {}), found.get("_by_namespace", {})
        for key in names.keys() - self._by_name.keys():
            spoilt = {each.meta.namespace for side in self.apart_from(other, key) for each in side}
            self._by_name[key] = names[key].otherwise({}, spoilt) if spoilt else names[key]
        for key in spaces.keys() - self._by_namespace.keys():
            self._by_namespace[key] = _regrouped(spaces[key], self.apart_from(other, key), place_of_object)
        if "_pods" in found and "_pods" not in vars(self):
            vars(self)["_pods"] = _regrouped(found["_pods"], self.apart_from(other, PODS), place_of_pod)

    def things(self, key: str) -> Sequence[Any]:
        """All of a kind by its `Kind.key`, or what stands under `PODS` or `OTHERS`."""
        return self.pods if key == PODS else self.others if key == OTHERS else self.resources.get(key, ())

    def apart_from(self, other: "Mesh", key: str) -> Apart[Any]:
        """What of a kind (as for `things`) only another mesh has, and what only this one has.

        Many ask that of two states of a plan, one after the other; most of the time whoever made them knows it.
        """
        theirs, own = other.things(key), self.things(key)
        if theirs is own:
            return [], []
        for they, found in self._apart.get(key, ()):
            if they is theirs:
                return found
        for they, (gone, new) in other._apart.get(key, ()):  # noqa: SLF001 - another of its kind
            if they is own:
                return new, gone
        found = apart(theirs, own)
        self.is_apart(key, theirs, found)
        return found

    def is_apart(self, key: str, theirs: Sequence[Any], found: Apart[Any]) -> None:
        """Note what of a kind differs from what another mesh has of it."""
        self._apart[key] = ((theirs, found), *self._apart.get(key, ())[: _MOST_APART - 1])

    def exchanged(self, gone: Iterable[Pod], new: Iterable[Pod], pods: Sequence[Pod]) -> "Mesh":
        """The same with some pods in place of others, which knows how it differs from this one and those before it.

        Args:
            gone: pods that are taken away.
            new: pods that come.
            pods: all that are there then, in order.
        """
        made = msgspec.structs.replace(self, pods=pods)
        made.known_to_be_in_order()
        vars(made)["_apart"] = dict(self._apart)
        change = net(gone, new, place_of_pod)
        for they, (left, came) in reversed(self._apart.get(PODS, ())):
            made.is_apart(PODS, they, net((*left, *change[0]), (*came, *change[1]), place_of_pod))
        made.is_apart(PODS, self.pods, change)
        made.beside(self)
        return made

    @property
    def complete(self) -> bool:
        """Whether everything that should have been read was."""
        return not self.gaps

    @cached_property
    def _unreadable(self) -> dict[str, tuple[Resource[None], ...]]:
        grouped: dict[str, list[Resource[None]]] = {}
        for other in self.others:
            kind = known_kind(other.api_version, other.kind)
            if kind is not None:
                grouped.setdefault(kind.key, []).append(other)
        return {key: tuple(found) for key, found in grouped.items()}

    @cached_property
    def _pods(self) -> Overlaid[str, tuple[Pod, ...]]:
        return _grouped(self.pods, place_of_pod)

    @cached_property
    def _apart(self) -> dict[str, tuple[tuple[Sequence[Any], Apart[Any]], ...]]:
        """By `Kind.key`, what others have of it, and how that differs: those that were compared last."""
        return {}

    @cached_property
    def _by_name(self) -> dict[str, Overlaid[str, _Names]]:
        """By `Kind.key` and namespace, each when it is first asked for."""
        return {}

    @cached_property
    def _by_namespace(self) -> dict[str, Overlaid[str, tuple[Resource[Any], ...]]]:
        """By `Kind.key`, each kind when it is first asked for."""
        return {}


def _grouped(found: Iterable[ThingT], place: _Place) -> Overlaid[str, tuple[ThingT, ...]]:
    """By namespace, which is the first of their place."""
    grouped: dict[str, list[ThingT]] = {}
    for each in found:
        grouped.setdefault(place(each)[0], []).append(each)
    return Overlaid({namespace: tuple(own) for namespace, own in grouped.items()})


def _regrouped(
    known: Overlaid[str, tuple[ThingT, ...]], alone: Apart[ThingT], place: _Place
) -> Overlaid[str, tuple[ThingT, ...]]:
    """Things in order by namespace, of which some are gone and others are new."""
    if not any(alone):
        return known
    gone, new = (_grouped(each, place) for each in alone)
    found = {space: known.get(space, ()) for space in (*gone, *new)}
    for space, own in found.items():
        left = {id(each) for each in gone.get(space, ())}
        stayed = (each for each in own if id(each) not in left)
        found[space] = tuple(sorted((*stayed, *new.get(space, ())), key=place))
    return known.otherwise(found)


place_of_pod = attrgetter("shape.namespace", "name")
_place_of_other = attrgetter("api_version", "kind", "meta.namespace", "meta.name", "body")
place_of_object = attrgetter("meta.namespace", "meta.name", "body")
"""By name; manifests that leave the name to the API server by what they say."""
