"""What one file says, whatever others say: objects as they were read, of which no other reading is needed."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.gaps import Gap, Remark
from sidestep.model.kinds import POD
from sidestep.model.origin import Origin
from sidestep.model.pods import Pod
from sidestep.model.resource import Resource

ThingT = TypeVar("ThingT")
Place = tuple[str, str, str]
"""What no two objects of a mesh share: `Kind.key`, namespace and name."""


class Part(Struct, frozen=True, dict=True):
    """Of a mesh; the same object may stand in it twice.

    Attributes:
        pods: in the order read.
        resources: typed objects by `Kind.key`.
        others: objects of kinds we do not know, or whose fields have wrong types.
        gaps: what could not be read.
        remarks: what should be said though nothing was lost.
        secrets: how many Secrets there are.
        versions: API versions that nobody knows here, with what is said of each where it is met first.
        foreign: how many documents are no Kubernetes object.
    """

    pods: tuple[Pod, ...] = ()
    resources: Mapping[str, tuple[Resource[Any], ...]] = {}
    others: tuple[Resource[None], ...] = ()
    gaps: tuple[Gap, ...] = ()
    remarks: tuple[Remark, ...] = ()
    secrets: int = 0
    versions: tuple[tuple[str, Remark], ...] = ()
    foreign: int = 0

    def like(self, other: "Part") -> "Part":
        """The same with the objects of another part wherever they are the same, those of whom that is asked often."""
        if self == other:
            return other
        pods = {(each.namespace, each.name): each for each in other.pods}
        known = {
            (key, each.meta.namespace, each.meta.name): each for key, own in other.resources.items() for each in own
        }
        return replace(
            self,
            pods=tuple(_same(each, pods.get((each.namespace, each.name))) for each in self.pods),
            resources={
                key: tuple(_same(each, known.get((key, each.meta.namespace, each.meta.name))) for each in own)
                for key, own in self.resources.items()
            },
        )

    @cached_property
    def places(self) -> Mapping[Place, Origin]:
        """Where objects that have a name stand."""
        found: dict[Place, Origin] = {
            (key, each.meta.namespace, each.meta.name): each.origin
            for key, objects in self.resources.items()
            for each in objects
            if each.meta.name
        }
        return found | {(POD.key, each.namespace, each.name): each.origin for each in self.pods if each.name}

    @cached_property
    def has_each_once(self) -> bool:
        """Whether no object with a name stands in it twice."""
        named = sum(bool(each.name) for each in self.pods)
        named += sum(bool(each.meta.name) for objects in self.resources.values() for each in objects)
        return named == len(self.places)


def _same(found: ThingT, known: ThingT | None) -> ThingT:
    return known if known is not None and known == found else found
