"""Objects of one kind in their normal form, read when their namespace is first asked for."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Generic, Protocol, Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.kinds import Kind
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.overlaid import Overlaid
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.attachment import Attachable
from sidestep.semantics.by_selector import BySelector

EVERY = "*"
"""The name that stands for all objects of a kind that may be there and were not read; no object is called so."""
_WRONG_TYPES = "some of its fields have wrong types"
_UNPLACED = ("", "")


class Selecting(Protocol):
    """What selects pods."""

    @property
    def selector(self) -> Labels | None:
        """Labels of workloads; None for all."""


ParsedT = TypeVar("ParsedT", bound=Selecting)
AttachableT = TypeVar("AttachableT", bound=Attachable)


class Parsed(Struct, Generic[ParsedT], frozen=True, dict=True):
    """Objects of a kind, by namespace; within each by name, so that the order in which they were read never shows.

    What could not be read is among them, as `unplaced` says it: it may apply to anything in its namespace, and if not
    even that is known, or a kind was not read whole, anywhere.
    """

    mesh: Mesh
    kind: Kind[Spec]
    parse: Callable[[Resource[Spec]], ParsedT]
    unplaced: Callable[[ObjectId, str], ParsedT]

    def near(self, *namespaces: str) -> list[ParsedT]:
        """All of some namespaces."""
        found = [each for namespace in dict.fromkeys(namespaces) for each in self._of(namespace).things]
        return [*found, *self._anywhere]

    def selecting(self, labels: Labels, *namespaces: str) -> list[ParsedT]:
        """Those of some namespaces whose selector takes pods with these labels, or that have none."""
        found = [each for namespace in dict.fromkeys(namespaces) for each in self._of(namespace).taking(labels)]
        return [*found, *self._anywhere]

    def beside(self, mesh: Mesh, namespaces: Iterable[str]) -> Self:
        """The same of a mesh whose objects are these but in some namespaces; what was read of the others is kept."""
        made = replace(self, mesh=mesh)
        vars(made)["_known"] = self._known.otherwise({}, namespaces)
        vars(made)["_read"] = self._read.otherwise({}, namespaces)
        vars(made)["_before"] = {space: self._read[space] for space in namespaces if space in self._read}
        return made

    def _of(self, namespace: str) -> BySelector[ParsedT]:
        known = self._known.get(namespace)
        if known is None:
            found = sorted(self.mesh.in_namespace(self.kind, namespace), key=lambda each: each.meta.name)
            lost = (each for each in self.mesh.unreadable(self.kind) if each.meta.namespace == namespace)
            parsed = (*self._parsed(namespace, found), *(self.unplaced(each.id, _WRONG_TYPES) for each in lost))
            known = self._known[namespace] = BySelector(parsed, lambda each: each.selector)
        return known

    def _parsed(self, namespace: str, resources: Iterable[Resource[Spec]]) -> Iterable[ParsedT]:
        """Objects in their normal form: the same as before for the same object."""
        before = self._before.pop(namespace, {})
        read: dict[int, tuple[Resource[Spec], ParsedT]] = {}
        for each in resources:
            read[id(each)] = before.get(id(each)) or (each, self.parse(each))
        self._read[namespace] = read
        return (parsed for _, parsed in read.values())

    @cached_property
    def _before(self) -> dict[str, dict[int, tuple[Resource[Spec], ParsedT]]]:
        """What was read of another mesh, by namespace and the identity of objects, which is held on to."""
        return {}

    @cached_property
    def _read(self) -> Overlaid[str, dict[int, tuple[Resource[Spec], ParsedT]]]:
        """Likewise of this one."""
        return Overlaid()

    @cached_property
    def _anywhere(self) -> tuple[ParsedT, ...]:
        """What may apply to anything whatsoever."""
        lost = (each for each in self.mesh.unreadable(self.kind) if not each.meta.namespace)
        found = tuple(self.unplaced(each.id, _WRONG_TYPES) for each in lost)
        if not self.mesh.lacks(self.kind):
            return found
        everything = ObjectId(self.kind.api_version(), self.kind.name, "", EVERY)
        return *found, self.unplaced(everything, f"not all {self.kind.plural} were read")

    @cached_property
    def _known(self) -> Overlaid[str, BySelector[ParsedT]]:
        return Overlaid()


class ParsedPolicies(Parsed[AttachableT], Generic[AttachableT], frozen=True, dict=True):
    """Objects that may also be attached by targetRefs."""

    def targeting(self, names: Iterable[tuple[str, str]], *namespaces: str) -> list[AttachableT]:
        """Those of some namespaces with a targetRef of any of these kinds and names."""
        wanted = (*names, _UNPLACED)
        found: list[AttachableT] = []
        for namespace in dict.fromkeys(namespaces):
            own = self._targets(namespace)
            places = {place: each for name in wanted for place, each in own.get(name, ())}
            found += [places[place] for place in sorted(places)]
        return [*found, *self._anywhere]

    def _targets(self, namespace: str) -> dict[tuple[str, str], list[tuple[int, AttachableT]]]:
        known = self._by_target.get(namespace)
        if known is None:
            known = self._by_target[namespace] = {}
            for place, each in enumerate(self._of(namespace).things):
                names = {(ref.kind, ref.name) for ref in each.targets} or ({_UNPLACED} if each.unplaced else set())
                for name in sorted(names):
                    known.setdefault(name, []).append((place, each))
        return known

    @cached_property
    def _by_target(self) -> dict[str, dict[tuple[str, str], list[tuple[int, AttachableT]]]]:
        return {}
