"""What a rewrite takes and gives: objects, where waypoints are, and losses as values.

Nothing is dropped without a loss; unknown fields survive, because rewrites change trees and never build them from what
we know alone.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import NAMESPACE
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.model.resource import Resource
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.service_index import Service
from sidestep.semantics.versions import IstioVersion

Tree = dict[str, Any]
ORIGIN = "sidestep.dev/origin"
"""Annotation on every object that was made: the object it was made from."""
RULE = "sidestep.dev/rule"
"""Annotation on every object that was made: the rewrite that made it."""

REWRITTEN_BY = "sidestep.dev/rewritten-by"
"""Annotation on objects that stood already: the rewrites that changed them."""


class Severity(StrEnum):
    """What a loss may do."""

    SECURITY = "security"
    TRAFFIC = "traffic"
    OBSERVABILITY = "observability"
    COSMETIC = "cosmetic"


class Loss(Struct, frozen=True, order=True, rename="camel"):
    """Something that could not be carried over.

    Attributes:
        object: where it stood.
        field: its path in the object, e.g. `spec.http[1].fault`.
        did: what it did, in words.
        why: why it cannot be carried.
        instead: what could be done.
        severity: what its absence may do.
        rule: the rewrite that says so.
    """

    object: ObjectId
    field: str
    did: str
    why: str
    instead: str
    severity: Severity
    rule: str


class ChangeKind(StrEnum):
    """What becomes of an object."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


class Change(Struct, frozen=True, rename="camel"):
    """One object after a rewrite.

    Attributes:
        kind: what becomes of it.
        object: which.
        manifest: the whole object; None for one that goes.
        origin: what it was made from; the object itself for one that is replaced.
        rule: the rewrite.
        late: it holds only once no sidecar is left that reads what stood before (removals, tightened policies).
    """

    kind: ChangeKind
    object: ObjectId
    manifest: Tree | None
    origin: ObjectId
    rule: str
    late: bool = False


class Rewritten(Struct, frozen=True):
    """What a rewrite gives for one object."""

    changes: tuple[Change, ...] = ()
    losses: tuple[Loss, ...] = ()


class Waypoint(Struct, frozen=True, order=True):
    """A waypoint that will be there: its Gateway."""

    namespace: str
    name: str


class Context(Struct, frozen=True, dict=True):
    """What rewrites may look at.

    Attributes:
        index: the mesh as it is.
        waypoints: of each service that will be behind one, by its full name; nobody else has one.
        moving: workloads that lose their sidecar.
        target: the Istio that will read the result.
        experimental: whether the cluster serves the Gateway API's experimental channel; None for what its definitions
            and the objects that stand in it tell.
        restrict_egress: NetworkPolicies are to hold what Sidecars scope, though sidecars let it out.
    """

    index: MeshIndex
    waypoints: Mapping[str, Waypoint]
    moving: frozenset[WorkloadRef]
    target: IstioVersion
    experimental: bool | None = None
    restrict_egress: bool = False

    def waypoint_of(self, service: Service) -> Waypoint | None:
        """The waypoint of a service."""
        return self.waypoints.get(service.host)

    @cached_property
    def waypoints_in(self) -> Mapping[str, tuple[Waypoint, ...]]:
        """The waypoints that stand in a namespace, by its name."""
        return grouped(sorted(set(self.waypoints.values())), lambda each: each.namespace)

    @cached_property
    def namespaces(self) -> tuple[str, ...]:
        """All of the mesh: those that were read, and those of pods."""
        named = (each.meta.name for each in self.index.mesh.of(NAMESPACE))
        return tuple(sorted({*named, *self.index.by_namespace}))

    @cached_property
    def moving_in(self) -> tuple[str, ...]:
        """The namespaces of workloads that lose their sidecar."""
        return tuple(sorted({each.namespace for each in self.moving}))


class Rule(Struct, frozen=True):
    """One rewrite.

    Attributes:
        code: stable, e.g. `SID301`; names the page in `docs/rewrites/`.
        name: in kebab-case.
        title: in a few words.
        kinds: the kinds of objects that it takes, by name.
        rewrite: an object to objects and losses; no changes and no losses for one that stays as it is.
    """

    code: str
    name: str
    title: str
    kinds: tuple[str, ...]
    rewrite: Callable[[Resource[Any], Context], Rewritten]
