"""Which workloads an object is about, and which data plane they are in."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.model.resource import Resource
from sidestep.semantics.enrolment import enrolment
from sidestep.semantics.loose import as_dict
from sidestep.semantics.proxies import Role

_NAMED = 5


class Members(Struct, frozen=True):
    """Workloads by data plane.

    Attributes:
        ambient: in ambient now, captured or selected by labels with nothing against it.
        sidecars: with sidecars; they would be in ambient after a migration.
    """

    ambient: tuple[Workload, ...] = ()
    sidecars: tuple[Workload, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ambient or self.sidecars)

    @property
    def all(self) -> tuple[Workload, ...]:
        """Both."""
        return (*self.ambient, *self.sidecars)

    def severity(self, today: Severity, later: Severity) -> Severity:
        """How bad it is: as of today where ambient workloads are concerned, else as of the migration to come."""
        return today if self.ambient else later

    def evidence(self) -> tuple[Evidence, ...]:
        """Names of some, by data plane."""
        rows = (("ambient workloads", self.ambient), ("sidecar workloads", self.sidecars))
        return tuple(Evidence(field, names(workloads)) for field, workloads in rows if workloads)


def is_ambient(facts: Facts, workload: Workload) -> bool:
    """Whether ztunnel has a workload's pods, or is about to by their labels."""
    if workload.role is not Role.APPLICATION:
        return False
    if any(group.recognition.captured for group in workload.groups):
        return True
    shape = workload.next_shape
    if shape is None or has_sidecar(workload):
        return False
    asked = enrolment(shape, facts.mesh.namespace_labels(workload.ref.namespace))
    return asked.selected and asked.excluded is None


def has_sidecar(workload: Workload) -> bool:
    """Whether a workload's pods carry sidecars, or would if there were any."""
    return any(group.recognition.sidecar for group in workload.groups)


def members(facts: Facts, workloads: Iterable[Workload]) -> Members:
    """Those that are in the mesh, by data plane; a workload half moved counts as ambient."""
    ambient, sidecars = [], []
    for workload in workloads:
        if is_ambient(facts, workload):
            ambient.append(workload)
        elif workload.role is Role.APPLICATION and has_sidecar(workload):
            sidecars.append(workload)
    return Members(tuple(ambient), tuple(sidecars))


def selected_by(facts: Facts, resource: Resource[Any], roots: frozenset[str]) -> tuple[Workload, ...]:
    """The workloads that an Istio object selects: of its namespace, or of all where it stands in a root namespace.

    Args:
        facts: where workloads are looked up.
        resource: an object with `spec.selector.matchLabels`, or without a selector.
        roots: namespaces whose objects hold everywhere; none for kinds whose selectors do not reach that far.
    """
    wanted = selector_labels(resource.view.spec)
    return tuple(workload for workload in in_scope(facts, resource.meta.namespace, roots) if fits(workload, wanted))


def selector_labels(spec: dict[str, Any] | None) -> dict[str, Any]:
    """The labels that an Istio object selects; empty for one of a whole namespace or of the mesh."""
    return as_dict(as_dict((spec or {}).get("selector")).get("matchLabels"))


def in_scope(facts: Facts, namespace: str, roots: frozenset[str]) -> Iterable[Workload]:
    """The workloads of a namespace, or all of them for a root namespace."""
    return facts.workloads if namespace in roots else facts.by_namespace.get(namespace, ())


def fits(workload: Workload, wanted: dict[str, Any]) -> bool:
    """Whether labels select a workload's next pods."""
    shape = workload.next_shape
    return shape is not None and all(shape.labels.get(key) == value for key, value in wanted.items())


def names(workloads: Iterable[Workload]) -> str:
    """Some names, and how many more there are."""
    told = [f"{workload.ref.namespace}/{workload.ref.name}" for workload in workloads]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return ", ".join(told[:_NAMED]) + more


def counted(workloads: Iterable[Workload]) -> str:
    """How many, in words that agree."""
    count = len(list(workloads))
    return f"{count} workload{'' if count == 1 else 's'}"
