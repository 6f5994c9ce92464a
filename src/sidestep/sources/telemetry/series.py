"""Whose series is it: from labels to workloads."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from sidestep.model.mesh import Mesh
from sidestep.model.metadata import OwnerReference, WorkloadRef
from sidestep.model.ownership import parents, top_of_chain, workload_of
from sidestep.model.pods import Pod
from sidestep.model.templates import workload_templates
from sidestep.sources.telemetry.pod_names import KINDS, Form, Stem, stem_of

Values = Mapping[tuple[tuple[str, str], ...], float]

PROXY = "istio-proxy"
_NOBODY = ("", "<none>")


class Attribution:
    """Attributes series to workloads: by the owner that they carry, else by the stem of their pods' names.

    A stem is known exactly by the pods that run now; that of a workload without pods by the workload's name, where
    only one fits. What cannot be told apart belongs to nobody, and is remembered.

    Args:
        mesh: what runs now.

    Attributes:
        ambiguous: names by which two or more workloads go.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._known = parents(mesh)
        self.ambiguous: set[str] = set()

    def totals(self, values: Values) -> dict[WorkloadRef, float]:
        """The sum by workload; series of nobody we know are left out."""
        found: dict[WorkloadRef, float] = {}
        for ref, value in self._attributed(values):
            found[ref] = found.get(ref, 0.0) + value
        return found

    def highest(self, values: Values) -> dict[WorkloadRef, float]:
        """The maximum by workload."""
        found: dict[WorkloadRef, float] = {}
        for ref, value in self._attributed(values):
            found[ref] = max(found.get(ref, value), value)
        return found

    def receivers(self, values: Values) -> dict[WorkloadRef, float]:
        """The sum by workload of Istio's own series, which name the receiver without its kind."""
        found: dict[WorkloadRef, float] = {}
        for labels, value in values.items():
            named = dict(labels)
            space, name = named.get("destination_workload_namespace", ""), named.get("destination_workload", "")
            ref = self._only(space, name, self._by_name.get((space, name), frozenset()))
            if ref:
                found[ref] = found.get(ref, 0.0) + value
        return found

    def _attributed(self, values: Values) -> Iterator[tuple[WorkloadRef, float]]:
        for labels, value in values.items():
            named = dict(labels)
            ref = self._owner(named) if "owner_kind" in named else self._stem(named)
            if ref:
                yield ref, value

    def _owner(self, labels: Mapping[str, str]) -> WorkloadRef | None:
        space, kind, name = labels.get("namespace", ""), labels["owner_kind"], labels.get("owner_name", "")
        if kind in _NOBODY or name in _NOBODY:
            return None
        return top_of_chain(space, OwnerReference(kind, name, controller=True), {}, self._known)

    def _stem(self, labels: Mapping[str, str]) -> WorkloadRef | None:
        space, name, form = labels.get("namespace", ""), labels.get("stem", ""), labels.get("form", "")
        if form not in set(Form):
            return None
        stem = Stem(space, name, Form(form))
        running = self._by_stem.get(stem)
        if running:
            return self._only(space, name, running)
        named = self._by_name.get((space, name), frozenset())
        return self._only(space, name, frozenset(ref for ref in named if ref.kind in KINDS[stem.form]))

    def _only(self, namespace: str, name: str, found: frozenset[WorkloadRef]) -> WorkloadRef | None:
        if len(found) > 1:
            self.ambiguous.add(f"{namespace}/{name}")
        return next(iter(found)) if len(found) == 1 else None

    @cached_property
    def _workloads(self) -> frozenset[WorkloadRef]:
        running = {workload_of(pod, self._known) for pod in _one_per_shape(self._mesh)}
        return frozenset(running | {template.workload for template in workload_templates(self._mesh)})

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], frozenset[WorkloadRef]]:
        return _grouped(self._workloads, lambda ref: (ref.namespace, ref.name))

    @cached_property
    def _by_stem(self) -> dict[Stem, frozenset[WorkloadRef]]:
        """Of pods that have a proxy: others have no series that one could mistake."""
        found: dict[Stem, set[WorkloadRef]] = {}
        for pod in _one_per_shape(self._mesh):
            stem = stem_of(pod.namespace, pod.name)
            if stem and any(container.name == PROXY for container in pod.shape.spec.all_containers):
                found.setdefault(stem, set()).add(workload_of(pod, self._known))
        return {stem: frozenset(refs) for stem, refs in found.items()}


def _grouped(
    refs: frozenset[WorkloadRef], key: Callable[[WorkloadRef], tuple[str, str]]
) -> dict[tuple[str, str], frozenset[WorkloadRef]]:
    found: dict[tuple[str, str], set[WorkloadRef]] = {}
    for ref in refs:
        found.setdefault(key(ref), set()).add(ref)
    return {name: frozenset(named) for name, named in found.items()}


def _one_per_shape(mesh: Mesh) -> list[Pod]:
    """Pods enough to know every controller: one of each shape."""
    return list({id(pod.shape): pod for pod in mesh.pods}.values())
