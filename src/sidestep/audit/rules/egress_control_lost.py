"""SID203: REGISTRY_ONLY keeps sidecars from unknown hosts; ztunnel lets everything out."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import fits, in_scope, members
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import SIDECAR
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict
from sidestep.semantics.mesh_config import mesh_configs, root_namespaces

_MODE = "REGISTRY_ONLY"


def _check(facts: Facts) -> Iterator[Found]:
    for config in mesh_configs(facts.mesh):
        if config.registry_only:
            yield from _found(facts, config.resource, f"{config.field}.outboundTrafficPolicy.mode", facts.workloads)
    roots = root_namespaces(facts.mesh)
    for sidecar in facts.mesh.of(SIDECAR):
        spec = sidecar.view.spec or {}
        if as_dict(spec.get("outboundTrafficPolicy")).get("mode") == _MODE:
            wanted = as_dict(as_dict(spec.get("workloadSelector")).get("labels"))
            scope = in_scope(facts, sidecar.meta.namespace, roots)
            chosen = tuple(workload for workload in scope if fits(workload, wanted))
            yield from _found(facts, sidecar, "spec.outboundTrafficPolicy.mode", chosen)


def _found(facts: Facts, resource: Resource[Any], field: str, workloads: tuple[Workload, ...]) -> Iterator[Found]:
    concerned = members(facts, workloads)
    if concerned:
        when = "ambient pods reach every host now" if concerned.ambient else "after a migration they reach every host"
        yield Found(
            of_resource(resource),
            f"{_MODE} keeps sidecars from hosts that the mesh does not know; ztunnel has no such mode, and {when}",
            "forbid direct egress by NetworkPolicy, and let declared hosts pass an egress waypoint with "
            "AuthorizationPolicies on their ServiceEntries",
            (Evidence(field, _MODE), *concerned.evidence()),
            concerned.severity(Severity.ERROR, Severity.WARNING),
        )


RULE = Rule("SID203", "egress-control-lost", "REGISTRY_ONLY is lost at ztunnel", Severity.ERROR, _check)
