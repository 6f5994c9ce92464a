"""A mesh: one immutable picture of everything that was read."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from operator import attrgetter, is_
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from sidestep.model.build import known_kind
from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.kinds import NAMESPACE, Kind
from sidestep.model.metadata import Labels
from sidestep.model.pods import Pod
from sidestep.model.resource import Resource
from sidestep.model.views.core import Untyped

ThingT = TypeVar("ThingT")
ViewT = TypeVar("ViewT")


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
    pods: tuple[Pod, ...] = ()
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
        known = self._by_name.get(kind.key)
        if known is None:
            found = self.resources.get(kind.key, ())
            known = self._by_name[kind.key] = {(each.meta.namespace, each.meta.name): each for each in found}
        return cast("Resource[ViewT] | None", known.get((namespace, name)))

    def in_namespace(self, kind: Kind[ViewT], namespace: str) -> tuple[Resource[ViewT], ...]:
        """All objects of a kind in one namespace."""
        known = self._by_namespace.get(kind.key)
        if known is None:
            known = self._by_namespace[kind.key] = _by_namespace(self.resources.get(kind.key, ()))
        return cast("tuple[Resource[ViewT], ...]", known.get(namespace, ()))

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

    @cached_property
    def in_order(self) -> "Mesh":
        """The same with everything by namespace and name, for who decides: nothing may hang on the order of reading."""
        return self.in_order_as(Mesh(self.source))

    def in_order_as(self, other: "Mesh") -> "Mesh":
        """The same in order; what it shares with another mesh that is in order need not be looked at."""
        if "in_order" in vars(self):
            return self.in_order
        made = msgspec.structs.replace(
            self,
            pods=self.pods if self.pods is other.pods else _sorted(self.pods, _place_of_pod),
            resources={
                key: found if found is other.resources.get(key) else _sorted(found, _place)
                for key, found in sorted(self.resources.items())
            },
            others=self.others if self.others is other.others else _sorted(self.others, _place_of_other),
        )
        made.known_to_be_in_order()
        return made

    def known_to_be_in_order(self) -> None:
        """Note that it is, so that nobody puts it in order again."""
        vars(self)["in_order"] = self

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
    def _by_name(self) -> dict[str, dict[tuple[str, str], Resource[Any]]]:
        """By `Kind.key`, each kind when it is first asked for."""
        return {}

    @cached_property
    def _by_namespace(self) -> dict[str, dict[str, tuple[Resource[Any], ...]]]:
        """Likewise."""
        return {}


def _by_namespace(found: Iterable[Resource[Any]]) -> dict[str, tuple[Resource[Any], ...]]:
    grouped: dict[str, list[Resource[Any]]] = {}
    for resource in found:
        grouped.setdefault(resource.meta.namespace, []).append(resource)
    return {namespace: tuple(own) for namespace, own in grouped.items()}


def _sorted(found: tuple[ThingT, ...], key: Callable[[ThingT], Any]) -> tuple[ThingT, ...]:
    """In order; the very same tuple where it is already."""
    made = tuple(sorted(found, key=key))
    return found if all(map(is_, made, found)) else made


_place_of_pod = attrgetter("shape.namespace", "name")
_place_of_other = attrgetter("api_version", "kind", "meta.namespace", "meta.name", "body")
_place = attrgetter("meta.namespace", "meta.name", "body")
"""By name; manifests that leave the name to the API server by what they say."""
