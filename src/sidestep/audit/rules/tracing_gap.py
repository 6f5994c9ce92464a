"""SID218: tracing is configured for workloads that only ztunnel carries: it makes no spans."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import Members, members, names, selected_by
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import TELEMETRY
from sidestep.model.resource import Resource
from sidestep.semantics.attachment import target_refs
from sidestep.semantics.loose import as_dicts
from sidestep.semantics.mesh_config import root_namespaces
from sidestep.semantics.services import is_headless, is_served, services_of


def _check(facts: Facts) -> Iterator[Found]:
    roots = root_namespaces(facts.mesh)
    for telemetry in facts.mesh.of(TELEMETRY):
        if not _traces(telemetry.view.spec or {}) or target_refs(telemetry.view.spec):
            continue
        dark = members(facts, (each for each in selected_by(facts, telemetry, roots) if not _is_served(facts, each)))
        if dark:
            yield _found(telemetry, dark)


def _found(telemetry: Resource[Any], dark: Members) -> Found:
    when = f"no spans are made for {names(dark.ambient)}" if dark.ambient else "none will be made once in ambient"
    return Found(
        of_resource(telemetry),
        f"asks for traces of workloads before which no waypoint stands: ztunnel makes no spans, and {when}",
        "bind the Services on the paths that you trace to a waypoint, and have applications make their own spans and "
        "pass on traceparent",
        (Evidence("spec.tracing", f"{len(_tracing(telemetry))} entries"), *dark.evidence()),
        dark.severity(Severity.WARNING, Severity.INFO),
    )


def _tracing(telemetry: Resource[Any]) -> list[dict[str, Any]]:
    return as_dicts((telemetry.view.spec or {}).get("tracing"))


def _traces(spec: dict[str, Any]) -> bool:
    """Whether any entry lets spans be reported; nobody asks for none at 0 percent."""
    return any(
        each.get("disableSpanReporting") is not True and each.get("randomSamplingPercentage") != 0
        for each in as_dicts(spec.get("tracing"))
    )


def _is_served(facts: Facts, workload: Workload) -> bool:
    """Whether a waypoint stands before any of its Services."""
    shape = workload.next_shape
    found = services_of(facts.mesh, shape.namespace, shape.labels) if shape else ()
    return any(not is_headless(service) and is_served(facts.mesh, service) for service in found)


RULE = Rule("SID218", "tracing-gap", "Traces asked for where no spans are made", Severity.WARNING, _check)
