"""Whose series is it: from labels to workloads."""

import re
from collections.abc import Iterator, Mapping

from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import parents, workload_of
from sidestep.model.pods import Pod
from sidestep.model.templates import workload_templates
from sidestep.sources.telemetry.promql import NAME_OF_CONTROLLER

Values = Mapping[tuple[tuple[str, str], ...], float]

_CONTROLLER = re.compile(NAME_OF_CONTROLLER)
_REPLICA_SET = re.compile(r"(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}")
_NO_OWNER = "<none>"


class Attribution:
    """Attributes series to workloads.

    Args:
        mesh: what runs now.
        owned: series carry their owner, by kube-state-metrics; else the name that their controller gave them, which
            tells those of pods that run now, and of a Deployment's former ReplicaSets by their name.
    """

    def __init__(self, mesh: Mesh, *, owned: bool) -> None:
        self._owned = owned
        known = parents(mesh)
        refs = {workload_of(pod, known) for pod in _one_per_shape(mesh)} | {
            t.workload for t in workload_templates(mesh)
        }
        self._by_name = {(ref.namespace, ref.name): ref for ref in sorted(refs, reverse=True)}
        self._by_controller: dict[tuple[str, str], WorkloadRef] = {}
        for pod in _one_per_shape(mesh):
            match = _CONTROLLER.fullmatch(pod.name)
            if match:
                self._by_controller[pod.namespace, match[1]] = workload_of(pod, known)

    def workloads(self, values: Values) -> dict[WorkloadRef, float]:
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
        """Istio's own labels name the workload that received, without its kind."""
        found: dict[WorkloadRef, float] = {}
        for labels, value in values.items():
            named = dict(labels)
            key = (named.get("destination_workload_namespace", ""), named.get("destination_workload", ""))
            ref = self._by_name.get(key)
            if ref:
                found[ref] = found.get(ref, 0.0) + value
        return found

    def _attributed(self, values: Values) -> Iterator[tuple[WorkloadRef, float]]:
        for labels, value in values.items():
            ref = self._owner(dict(labels)) if self._owned else self._named(dict(labels))
            if ref:
                yield ref, value

    def _owner(self, labels: Mapping[str, str]) -> WorkloadRef | None:
        kind, name = labels.get("owner_kind", _NO_OWNER), labels.get("owner_name", "")
        return None if kind == _NO_OWNER else WorkloadRef(labels.get("namespace", ""), kind, name)

    def _named(self, labels: Mapping[str, str]) -> WorkloadRef | None:
        namespace, controller = labels.get("namespace", ""), labels.get("controller", "")
        running = self._by_controller.get((namespace, controller))
        if running:
            return running
        former = _REPLICA_SET.fullmatch(controller)
        found = self._by_name.get((namespace, former[1])) if former else None
        return found if found and found.kind in ("Deployment", "Rollout") else None


def _one_per_shape(mesh: Mesh) -> list[Pod]:
    """Pods enough to know every controller: one of each shape."""
    return list({id(pod.shape): pod for pod in mesh.pods}.values())
