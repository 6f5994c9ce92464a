"""Workloads that their sidecars keep from hosts that the mesh does not know.

Source: istio-semantics.md §4.4 (Sidecar), D46.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.members import fits, in_scope
from sidestep.model.kinds import SIDECAR
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict
from sidestep.semantics.mesh_config import mesh_configs, root_namespaces

MODE = "REGISTRY_ONLY"


class Kept(Struct, frozen=True):
    """Whom an object keeps.

    Attributes:
        by: the object.
        field: of it, that says so.
        workloads: for whom it says so, in the mesh or not.
    """

    by: Resource[Any]
    field: str
    workloads: tuple[Workload, ...]


def kept_in(facts: Facts) -> Iterator[Kept]:
    """Everything that keeps workloads in: the configuration of the mesh, and Sidecars."""
    for config in mesh_configs(facts.mesh):
        if config.registry_only:
            yield Kept(config.resource, f"{config.field}.outboundTrafficPolicy.mode", facts.workloads)
    roots = root_namespaces(facts.mesh)
    for sidecar in facts.mesh.of(SIDECAR):
        spec = sidecar.view.spec or {}
        if as_dict(spec.get("outboundTrafficPolicy")).get("mode") == MODE:
            wanted = as_dict(as_dict(spec.get("workloadSelector")).get("labels"))
            scope = in_scope(facts, sidecar.meta.namespace, roots)
            chosen = tuple(workload for workload in scope if fits(workload, wanted))
            yield Kept(sidecar, "spec.outboundTrafficPolicy.mode", chosen)
