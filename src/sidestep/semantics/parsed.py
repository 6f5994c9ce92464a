"""Objects of one kind in their normal form, read when their namespace is first asked for."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from sidestep.model.kinds import Kind
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.attachment import Attachable
from sidestep.semantics.by_selector import BySelector


class Selecting(Protocol):
    """What selects pods."""

    @property
    def selector(self) -> Labels | None:
        """Labels of workloads; None for all."""


ParsedT = TypeVar("ParsedT", bound=Selecting)
AttachableT = TypeVar("AttachableT", bound=Attachable)


class Parsed(Struct, Generic[ParsedT], frozen=True, dict=True):
    """Objects of a kind, by namespace; within each by name, so that the order in which they were read never shows."""

    mesh: Mesh
    kind: Kind[Spec]
    parse: Callable[[Resource[Spec]], ParsedT]

    def near(self, *namespaces: str) -> list[ParsedT]:
        """All of some namespaces."""
        return [each for namespace in dict.fromkeys(namespaces) for each in self._of(namespace).things]

    def selecting(self, labels: Labels, *namespaces: str) -> list[ParsedT]:
        """Those of some namespaces whose selector takes pods with these labels, or that have none."""
        return [each for namespace in dict.fromkeys(namespaces) for each in self._of(namespace).taking(labels)]

    def _of(self, namespace: str) -> BySelector[ParsedT]:
        known = self._known.get(namespace)
        if known is None:
            found = sorted(self.mesh.in_namespace(self.kind, namespace), key=lambda each: each.meta.name)
            parsed = tuple(self.parse(each) for each in found)
            known = self._known[namespace] = BySelector(parsed, lambda each: each.selector)
        return known

    @cached_property
    def _known(self) -> dict[str, BySelector[ParsedT]]:
        return {}


class ParsedPolicies(Parsed[AttachableT], Generic[AttachableT], frozen=True, dict=True):
    """Objects that may also be attached by targetRefs."""

    def targeting(self, names: Iterable[tuple[str, str]], *namespaces: str) -> list[AttachableT]:
        """Those of some namespaces with a targetRef of any of these kinds and names."""
        wanted = tuple(names)
        found: list[AttachableT] = []
        for namespace in dict.fromkeys(namespaces):
            own = self._targets(namespace)
            places = {place: each for name in wanted for place, each in own.get(name, ())}
            found += [places[place] for place in sorted(places)]
        return found

    def _targets(self, namespace: str) -> dict[tuple[str, str], list[tuple[int, AttachableT]]]:
        known = self._by_target.get(namespace)
        if known is None:
            known = self._by_target[namespace] = {}
            for place, each in enumerate(self._of(namespace).things):
                for ref in each.targets:
                    known.setdefault((ref.kind, ref.name), []).append((place, each))
        return known

    @cached_property
    def _by_target(self) -> dict[str, dict[tuple[str, str], list[tuple[int, AttachableT]]]]:
        return {}
